// The settings that can be changed while a run trains: beta, the learning rate, and sigma where the likelihood has one.

import { find } from "../core/dom.js";
import { Dial } from "../widgets/dial.js";
import { LogScale } from "../widgets/scale.js";
import { effective } from "./readout.js";

/** @import { ControlRequest, LiveSetting } from "./protocol.js" */
/** @import { Session } from "./session.js" */

/** @typedef {{ name: string, label: string, scale: LogScale, marks: [value: number, name: string][] }} DialOptions */

/** @type {Record<LiveSetting, DialOptions>} */
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

const SETTINGS = /** @type {LiveSetting[]} */ (Object.keys(DIALS));

export class Dials {
  /**
   * @param {HTMLElement} root
   * @param {(change: ControlRequest, at: number) => void} request a person has turned a dial at the time `at`, ms
   */
  constructor(root, request) {
    this.root = root;
    root.innerHTML = SETTINGS.map((key) => `<div class="page-dial page-${key}" data-control="${key}"></div>`).join("");
    const make = (/** @type {LiveSetting} */ key) => {
      /** A value that is not allowed, and text too, is refused by the run with a sentence. */
      const send = (/** @type {number | string} */ value, /** @type {number} */ at) => request({ [key]: value }, at);
      return new Dial(find(root, `.page-${key}`), { ...DIALS[key], send, sendText: send });
    };
    this.dials = { beta: make("beta"), lr: make("lr"), sigma: make("sigma") };
    this.haveSigma(false);
  }

  /** @param {boolean} there whether the likelihood has a sigma */
  haveSigma(there) {
    find(this.root, ".page-sigma").hidden = !there;
  }

  /** Sends the changes that were waiting for the connection. */
  flush() {
    for (const dial of Object.values(this.dials)) dial.flush();
  }

  /**
   * Shows the settings of a run, except those with a pending request.
   * @param {Session} session
   * @param {boolean} enabled
   * @param {(key: LiveSetting) => boolean} isPending whether a request for this setting is pending
   */
  show(session, enabled, isPending) {
    const meta = session.frame?.meta;
    /** @type {Partial<Record<LiveSetting, string>>} */
    const notes = { beta: effective(session), sigma: meta?.sigma_learned ? "learned: turning it fixes it" : "" };
    for (const key of SETTINGS) {
      const dial = this.dials[key];
      dial.enabled = enabled;
      const value = meta?.[key] ?? session.settings[key];
      if (value !== undefined && !isPending(key)) dial.show(value, notes[key] ?? "");
    }
  }
}
