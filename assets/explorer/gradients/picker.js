// Controls that choose the target: the list of targets, rho of the correlated Gaussian, the image of a posterior.

/** @import { Gradients } from "./gradients.js" */
/** @import { TestImage } from "./posterior.js" */

import { find } from "../core/dom.js";
import { Picture } from "../plot/picture.js";
import { Slider } from "./controls.js";
import { isTarget } from "./state.js";
import { POSTERIOR, TARGETS } from "./targets.js";

const HTML = `
<label class="gr-field"><span>target p(z)</span><select class="gr-target"></select></label>
<div class="gr-rho"></div>
<div class="gr-image" hidden><canvas></canvas><button>another image</button><p class="gr-note"></p></div>`;

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
      if (isTarget(select.value)) page.choose(select.value, page.state.image);
    });
    this.rho = new Slider(
      find(root, ".gr-rho"),
      { label: "ρ", name: "correlation rho", min: -0.98, max: 0.98, step: 0.01 },
      (rho) => page.state.set({ rho }),
    );
    find(root, "button").addEventListener("click", () => this.another());
  }

  /** Another image, chosen at random. */
  another() {
    const { image } = this.page.spec;
    if (image) this.page.choose(POSTERIOR, Math.floor(Math.random() * image.count));
  }

  show() {
    const { state, spec } = this.page;
    this.select.value = state.target;
    find(this.root, ".gr-rho").hidden = state.target !== "correlated";
    this.rho.show(state.rho);
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
