// Which target is fitted: the list, rho of the correlated Gaussian, the image whose posterior it is.

import { Picture } from "../plot/picture.js";
import { Slider } from "./controls.js";
import { POSTERIOR, TARGETS } from "./targets.js";

const HTML = `
<label class="gr-field"><span>target p(z)</span><select class="gr-target"></select></label>
<div class="gr-rho"></div>
<div class="gr-image" hidden><canvas></canvas><button>another image</button><p class="gr-note"></p></div>`;

export class Picker {
  // `page` = { state, choose(target, image), spec, posteriors }
  constructor(root, page) {
    this.root = root;
    this.page = page;
    root.classList.add("gr-picker");
    root.innerHTML = HTML;
    const select = root.querySelector("select");
    const names = Object.entries(TARGETS).map(([value, { name }]) => [value, name]);
    if (page.posteriors) names.push([POSTERIOR, "the posterior of an image"]);
    select.replaceChildren(...names.map(([value, name]) => new Option(name, value)));
    select.addEventListener("change", () => page.choose(select.value, page.state.image));
    this.rho = new Slider(
      root.querySelector(".gr-rho"),
      { label: "ρ", name: "correlation rho", min: -0.98, max: 0.98, step: 0.01 },
      (rho) => page.state.set({ rho }),
    );
    root.querySelector("button").addEventListener("click", () => this.another());
  }

  another() {
    this.page.choose(POSTERIOR, Math.floor(Math.random() * this.page.spec.image.count));
  }

  show() {
    const { state, spec } = this.page;
    this.root.querySelector("select").value = state.target;
    this.root.querySelector(".gr-rho").hidden = state.target !== "correlated";
    this.rho.show(state.rho);
    this.root.querySelector(".gr-image").hidden = !spec.image;
    if (spec.image && spec.image !== this.shown) this.showImage(spec.image);
  }

  showImage(image) {
    this.shown = image;
    new Picture(this.root.querySelector("canvas"), image.shape).paint(image.pixels, 1 / 255);
    const text = `test image ${image.number} under ${this.page.posteriors.name}: ln p(x, z) by the server on 200 × 200 cells, by a cubic in between; q begins as the encoder's`;
    this.root.querySelector("p").textContent = text;
  }
}
