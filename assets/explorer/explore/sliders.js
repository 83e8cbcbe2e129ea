// One slider per latent dimension, in the order of falling rate: name, slider, number, and the dimension's rate as a bar.

import { findAll } from "../core/dom.js";
import { subscript } from "../math/projection.js";
import { Z_LIMIT } from "./fields.js";

const REACH = 4; // the slider spans ±4 σ of the prior; the number field goes further

export class Sliders {
  /**
   * @param {HTMLElement} root
   * @param {(dimension: number, value: number, startedAt: number) => void} onInput called while a slider is dragged and
   *   when a number is typed
   */
  constructor(root, onInput) {
    this.root = root;
    this.onInput = onInput;
    /** @type {ReturnType<Sliders["row"]>[]} */
    this.rows = [];
    /** @type {ArrayLike<number>} the z shown */
    this.z = [];
  }

  /**
   * @param {number} latentDim
   * @param {number[]} rates of every dimension, in nats
   */
  load(latentDim, rates) {
    const order = Array.from({ length: latentDim }, (_, d) => d).sort((a, b) => rates[b] - rates[a]);
    const most = Math.max(...rates, 1e-9);
    this.rows = order.map((d) => this.row(d, rates[d], rates[d] / most));
    this.root.replaceChildren(...this.rows.map((row) => row.element));
  }

  /**
   * @param {number} d dimension
   * @param {number} rate in nats
   * @param {number} share of the largest rate
   */
  row(d, rate, share) {
    const element = document.createElement("div");
    element.className = "er-slider";
    const name = subscript("z", d + 1);
    element.innerHTML = `
      <label>${name}</label>
      <input type="range" min="${-REACH}" max="${REACH}" step="0.01" value="0" aria-label="${name}">
      <input type="number" min="${-Z_LIMIT}" max="${Z_LIMIT}" step="0.1" value="0" aria-label="${name}, as a number">
      <span class="er-ratebar" title="rate of ${name}: ${rate.toFixed(3)} nats, mean over the test images"><i style="width:${(100 * share).toFixed(1)}%"></i><b>${rate.toFixed(2)}</b></span>`;
    const [slider, number] = findAll(element, "input", HTMLInputElement);
    slider.addEventListener("input", (event) => this.onInput(d, Number(slider.value), event.timeStamp));
    number.addEventListener("input", (event) => {
      if (number.value !== "" && number.validity.valid) this.onInput(d, Number(number.value), event.timeStamp);
    });
    number.addEventListener("change", () => {
      number.value = this.z[d].toFixed(2);
    });
    number.step = "any"; // any number is valid; arrow keys still move by one
    return { element, slider, number, d };
  }

  /** @param {ArrayLike<number>} z */
  show(z) {
    this.z = z;
    for (const { slider, number, d } of this.rows) {
      slider.value = String(z[d]);
      if (!isBeingTyped(number, z[d])) number.value = z[d].toFixed(2);
    }
  }
}

/**
 * Whether somebody is typing into a field, and it is empty, not yet a valid number, or says z: then its text stays.
 * @param {HTMLInputElement} number
 * @param {number} z
 */
function isBeingTyped(number, z) {
  if (document.activeElement !== number) return false;
  return number.value === "" || !number.validity.valid || Number(number.value) === z;
}
