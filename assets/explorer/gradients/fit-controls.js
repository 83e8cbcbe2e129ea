// The controls of a fit: target, family of q, estimator, number of draws and learning rate.

/** @import { EstimatorName } from "./estimators.js" */
/** @import { Gradients } from "./gradients.js" */

import { finderIn } from "../core/dom.js";
import { Dial } from "../widgets/dial.js";
import { LogScale } from "../widgets/scale.js";
import { Choice } from "./controls.js";
import { ESTIMATORS } from "./estimators.js";
import { MOST_DRAWS } from "./fields.js";
import { Picker } from "./picker.js";

export class FitControls {
  /**
   * @param {HTMLElement} root of the section; its HTML has the elements for the controls
   * @param {Gradients} page
   */
  constructor(root, page) {
    this.state = page.state;
    this.$ = finderIn(root);
    this.again = this.$(".gr-again", HTMLButtonElement);
    this.picker = new Picker(this.$(".gr-which"), page);
    this.family = this.makeFamily();
    this.estimator = this.makeEstimator();
    this.n = this.makeDraws();
    this.lr = this.makeLr();
  }

  makeFamily() {
    return new Choice(
      this.$(".gr-family"),
      "q",
      /** @type {[full: boolean, text: string][]} */ ([
        [false, "diagonal"],
        [true, "full"],
      ]),
      (full) => this.state.set({ full }),
    );
  }

  makeEstimator() {
    const names = /** @type {EstimatorName[]} */ (Object.keys(ESTIMATORS)).map((value) => {
      const { short: name, name: title } = ESTIMATORS[value];
      return /** @type {[EstimatorName, string, string]} */ ([value, name, title]);
    });
    return new Choice(this.$(".gr-estimator"), "estimator", names, (estimator) => this.state.set({ estimator }));
  }

  /** The dial of n, the number of draws per gradient. */
  makeDraws() {
    return new Dial(this.$(".gr-n"), {
      name: "draws n",
      label: "n",
      scale: new LogScale(1, MOST_DRAWS, { named: [1, 10, 100, 1000] }),
      marks: [[1], [10], [100], [1000]],
      limit: (n) => Math.min(MOST_DRAWS, Math.max(1, Math.round(n))),
      send: (n) => this.state.set({ n }),
    });
  }

  /** The dial of the learning rate. */
  makeLr() {
    return new Dial(this.$(".gr-lr"), {
      name: "learning rate",
      label: "lr",
      scale: new LogScale(0.001, 1, { named: [0.01, 0.05, 0.1] }),
      marks: [[0.001], [0.01], [0.1], [1]],
      limit: (lr) => Math.min(1, Math.max(0.001, lr)),
      send: (lr) => this.state.set({ lr }),
    });
  }

  /**
   * @param {boolean} full whether q has a full covariance
   * @param {boolean} fullAllowed whether it can have one
   */
  show(full, fullAllowed) {
    const { values } = this.state;
    this.picker.show();
    this.family.show(full);
    this.family.allow(true, fullAllowed);
    this.estimator.show(values.estimator);
    this.n.show(values.n);
    this.lr.show(values.lr);
    this.n.enabled = values.estimator !== "exact";
    this.again.disabled = values.estimator === "exact";
  }
}
