// What can be turned while a run trains: beta, the learning rate, and sigma where there is one.

import { Dial } from "../widgets/dial.js";
import { LogScale } from "../widgets/scale.js";
import { effective } from "./readout.js";

const DIALS = {
  beta: {
    name: "beta",
    label: "β",
    scale: new LogScale(0.001, 100, { zero: true, named: [0.01, 0.1, 1, 10, 100] }),
    marks: [
      [0, "autoencoder"],
      [0.01, ""],
      [0.1, ""],
      [1, "ELBO"],
      [10, ""],
      [100, "collapse"],
    ],
  },
  lr: {
    name: "learning rate",
    label: "lr",
    scale: new LogScale(1e-5, 0.1, { named: [1e-4, 1e-3, 1e-2] }),
    marks: [
      [1e-4, ""],
      [1e-2, ""],
    ],
  },
  sigma: {
    name: "σₚ of the likelihood p(x|z)",
    label: "σₚ",
    scale: new LogScale(0.01, 10, { named: [0.1, 1] }),
    marks: [
      [0.1, ""],
      [1, ""],
    ],
  },
};

export class Dials {
  // `ask(wanted, at)`: a hand has turned one of them.
  constructor(root, ask) {
    this.root = root;
    root.innerHTML = Object.keys(DIALS)
      .map((key) => `<div class="lv-dial lv-${key}"></div>`)
      .join("");
    const make = ([key, options]) => [
      key,
      new Dial(root.querySelector(`.lv-${key}`), { ...options, send: (value, at) => ask({ [key]: value }, at) }),
    ];
    this.dials = Object.fromEntries(Object.entries(DIALS).map(make));
    this.haveSigma(false);
  }

  haveSigma(there) {
    this.root.querySelector(".lv-sigma").hidden = !there;
  }

  // What waited for the server is sent.
  flush() {
    for (const dial of Object.values(this.dials)) dial.flush();
  }

  // Where a run's settings stand, but for those whose turning it has yet to heed: `isAsked(key)`.
  show(session, enabled, isAsked) {
    const meta = session.frame?.meta;
    const said = { beta: effective(session), sigma: meta?.sigma_learned ? "learned: turning it fixes it" : "" };
    for (const [key, dial] of Object.entries(this.dials)) {
      dial.enabled = enabled;
      const value = meta?.[key] ?? session.settings[key];
      if (value !== undefined && !isAsked(key)) dial.show(value, said[key] ?? "");
    }
  }
}
