// Controls that choose the target: the list of targets, rho of the correlated Gaussian, the image of a posterior.

/** @import { Gradients } from "./gradients.js" */
/** @import { TestImage } from "./posterior.js" */

import { find } from "../core/dom.js";
import { Picture } from "../plot/picture.js";
import { Slider } from "./controls.js";
import { FIELDS } from "./fields.js";
import { POSTERIOR, TARGETS } from "./targets.js";

const HTML = `
<label class="gr-field" data-control="target"><span>target p(z)</span><select class="gr-target"></select></label>
<div class="gr-rho" data-control="rho"></div>
<div class="gr-image" data-control="image" hidden><canvas></canvas><button>another image</button><p class="gr-note"></p></div>`;

export class Picker {
  /**
   * @param {HTMLElement} root
   * @param {Gradients} page
   */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    /** @type {TestImage | null} */
    this.shown = null;
    root.classList.add("gr-picker");
    root.innerHTML = HTML;
    this.select = find(root, "select", HTMLSelectElement);
    const { select } = this;
    const names = Object.entries(TARGETS).map(([value, { name }]) => [value, name]);
    if (page.posteriors) names.push([POSTERIOR, "the posterior of an image"]);
    select.replaceChildren(...names.map(([value, name]) => new Option(name, value)));
    select.addEventListener("change", () => {
      const target = FIELDS.target.read(select.value);
      if (target) page.choose(target, page.state.values.image);
    });
    this.rho = new Slider(
      find(root, ".gr-rho"),
      { label: "ρ", name: "correlation rho", min: -0.98, max: 0.98, step: 0.01 },
      (rho) => page.setRho(rho),
    );
    find(root, "button").addEventListener("click", () => this.another());
  }

  /** Another image than the present one, chosen at random. */
  another() {
    const { image } = this.page.spec;
    if (image) this.page.choose(POSTERIOR, otherIndex(this.page.state.values.image, image.count));
  }

  show() {
    const { spec } = this.page;
    const { target, rho } = this.page.state.values;
    this.select.value = target;
    find(this.root, ".gr-rho").hidden = target !== "correlated";
    this.rho.show(rho);
    find(this.root, ".gr-image").hidden = !spec.image;
    if (spec.image && spec.image !== this.shown) this.showImage(spec.image);
  }

  /** @param {TestImage} image */
  showImage(image) {
    this.shown = image;
    new Picture(find(this.root, "canvas", HTMLCanvasElement), image.shape).paint(image.pixels, 1 / 255);
    const text = `test image ${image.number} under ${this.page.posteriors?.name}: ln p(x, z) by the server on 200 × 200 cells, by a cubic in between; q begins as the encoder's`;
    find(this.root, "p").textContent = text;
  }
}

/**
 * An index below `count` that is not `index`, each with the same probability; `index` where there is no other.
 * @param {number} index
 * @param {number} count
 * @param {() => number} random in [0, 1)
 */
export function otherIndex(index, count, random = Math.random) {
  if (count < 2) return index;
  const other = Math.floor(random() * (count - 1));
  return other < index ? other : other + 1;
}
