// The reparametrisation trick, drawn: z as a draw that stops backpropagation, and z = mu + sigma·ζ, through which it passes;
// f(z) = z².

/** @import { Choices } from "./fields.js" */
/** @import { GraphNode, GraphSpec } from "./graph.js" */
/** @import { Gradients } from "./gradients.js" */
/** @import { Changed } from "./state.js" */

import { find, finderIn } from "../core/dom.js";
import { signed } from "../core/format.js";
import { Random } from "../core/random.js";
import { formula } from "../plot/formula.js";
import { Slider } from "./controls.js";
import { ESTIMATORS } from "./estimators.js";
import { fill, graph } from "./graph.js";
import { NoiseStrip } from "./strip.js";

const DRAWS = 40;
const SEEDS = { noise: 3, drawn: 4 }; // of the first draws; every further draw adds 2
/** @type {GraphNode} */
const F = { x: 520, y: 120, label: "f = z²", kind: "value" };
/** @type {GraphSpec} */
const DRAWN = {
  label: "z is drawn from N(mu, sigma²): its gradient does not reach mu and sigma",
  height: 240,
  nodes: {
    mu: { x: 70, y: 55, label: "μ", kind: "input" },
    sigma: { x: 70, y: 185, label: "σ", kind: "input" },
    z: { x: 300, y: 120, label: "z ~ q", kind: "drawn" },
    f: F,
  },
  edges: [
    ["mu", "z", "closed"],
    ["sigma", "z", "closed"],
    ["z", "f", "open"],
  ],
};
/** @type {GraphSpec} */
const MOVED = {
  label: "z = μ + σ·ζ: the gradient reaches μ and σ, and ζ is an input",
  height: 250,
  nodes: {
    mu: { x: 70, y: 40, label: "μ", kind: "input" },
    sigma: { x: 70, y: 195, label: "σ", kind: "input" },
    zeta: { x: 330, y: 195, label: "ζ", kind: "noise" },
    z: { x: 330, y: 62, label: "z", kind: "value" },
    f: { ...F, y: 62 },
  },
  edges: [
    ["mu", "z", "open"],
    ["sigma", "z", "open"],
    ["zeta", "z", "none"],
    ["z", "f", "open"],
  ],
};

/**
 * @param {string} name
 * @param {string} title
 * @param {string} button
 */
const column = (name, title, button) => `
  <section class="gr-column gr-${name}-side">
    <h3>${title}</h3>
    <div class="gr-formula"></div>
    <div class="gr-graph"></div>
    <canvas class="gr-strip" data-control="trick-${name}-strip" role="img" aria-label="forty draws"></canvas>
    <div class="gr-bar"><p class="gr-says"></p><button data-control="trick-${name}-again">${button}</button></div>
  </section>`;

const HTML = `<div class="gr-whole">
  <div class="gr-bar"><div class="gr-mu" data-control="trick-mu"></div><div class="gr-sigma" data-control="trick-sigma"></div><p class="gr-note">move μ and σ, and watch the forty draws</p></div>
  <div class="gr-columns">${column("drawn", "z is drawn: backpropagation ends there", "draw z again")}${column("moved", "ζ is drawn, and z computed from it", "draw ζ again")}</div>
</div>`;

export class TrickView {
  /**
   * @param {HTMLElement} root
   * @param {Gradients} page
   */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.state = page.state;
    this.playing = false;
    this.isBusy = false;
    this.dirty = false;
    root.innerHTML = HTML;
    this.$ = finderIn(root);
    this.sliders = {
      mu: new Slider(this.$(".gr-mu"), { label: "μ", name: "mu", min: -3, max: 3, step: 0.01 }, (mu) =>
        this.set({ "trick.mu": mu }),
      ),
      sigma: new Slider(this.$(".gr-sigma"), { label: "σ", name: "sigma", min: 0.1, max: 2, step: 0.01 }, (sigma) =>
        this.set({ "trick.sigma": sigma }),
      ),
    };
    graph(this.$(".gr-drawn-side .gr-graph"), DRAWN);
    graph(this.$(".gr-moved-side .gr-graph"), MOVED);
    this.$(".gr-drawn-side button").addEventListener("click", () => this.set({}));
    this.$(".gr-moved-side button").addEventListener("click", () =>
      this.state.set({ "trick.noise": this.state.values["trick.noise"] + 1 }),
    );
    this.strips = {
      drawn: new NoiseStrip(this.$(".gr-drawn-side canvas", HTMLCanvasElement)),
      moved: new NoiseStrip(this.$(".gr-moved-side canvas", HTMLCanvasElement)),
    };
    this.strips.moved.canvas.addEventListener("click", (event) => this.choose(event));
  }

  /**
   * Takes over mu or sigma. A z that is drawn has to be drawn again; ζ stays.
   * @param {Partial<Choices>} patch
   */
  set(patch) {
    this.state.set({ ...patch, "trick.drawn": this.state.values["trick.drawn"] + 1 });
  }

  /** @param {Changed} changed */
  changed(changed) {
    if ([...changed].some((name) => name.startsWith("trick."))) this.dirty = true;
  }

  get mu() {
    return this.state.values["trick.mu"];
  }

  get sigma() {
    return this.state.values["trick.sigma"];
  }

  /** The draws of z. */
  get z() {
    const noise = new Random(SEEDS.drawn + 2 * this.state.values["trick.drawn"]).normals(DRAWS);
    return noise.map((one) => this.mu + this.sigma * one);
  }

  /** The draws of ζ. */
  get zeta() {
    return new Random(SEEDS.noise + 2 * this.state.values["trick.noise"]).normals(DRAWS);
  }

  /** The z that are computed from ζ. */
  get moved() {
    return this.zeta.map((zeta) => this.mu + this.sigma * zeta);
  }

  /**
   * Chooses the draw nearest to a click, on either line.
   * @param {MouseEvent} event
   */
  choose({ offsetX, offsetY }) {
    const { moved: strip } = this.strips;
    const values = offsetY < 0.55 * strip.canvas.clientHeight ? this.zeta : this.moved;
    const away = Array.from(values, (value) => Math.abs(strip.x(value) - offsetX));
    this.state.set({ "trick.chosen": away.indexOf(Math.min(...away)) });
  }

  shown() {
    formula(
      this.$(".gr-drawn-side .gr-formula"),
      "z\\sim\\mathcal N(\\mu,\\sigma^2):\\quad\\frac{\\partial z}{\\partial\\mu}=\\;?",
      true,
    );
    formula(
      this.$(".gr-moved-side .gr-formula"),
      "\\zeta\\sim\\mathcal N(0,1),\\;z=\\mu+\\sigma\\zeta:\\quad\\frac{\\partial z}{\\partial\\mu}=1,\\;\\frac{\\partial z}{\\partial\\sigma}=\\zeta",
      true,
    );
    this.dirty = true;
  }

  retheme() {
    for (const strip of Object.values(this.strips)) strip.retheme();
    this.dirty = true;
  }

  tick() {
    if (this.dirty) this.paint();
    return false;
  }

  paint() {
    this.dirty = false;
    const { mu, sigma } = this;
    this.sliders.mu.show(mu);
    this.sliders.sigma.show(sigma);
    this.paintDrawn();
    this.paintMoved();
  }

  paintDrawn() {
    const { mu, sigma, z } = this;
    const side = this.$(".gr-drawn-side");
    const one = z[0];
    fill(
      side,
      { mu: signed(mu), sigma: signed(sigma), z: signed(one), f: signed(one * one) },
      { "mu-z": "?", "sigma-z": "?", "z-f": `2z = ${signed(2 * one)}` },
    );
    const { colour } = ESTIMATORS.score;
    this.strips.drawn.show({ zeta: null, z, mu, sigma, chosen: 0, colour });
    /** @param {number} value */
    const around = (value) => (value ** 2 * (value - mu)) / sigma ** 2;
    find(side, ".gr-says").innerHTML =
      `The way around, the score function: z²·∂ln q/∂μ = <b>${signed(around(one))}</b>; mean of ${DRAWS}: <b>${signed(mean(z, around))}</b>, exact <span class="gr-exact">2·μ = ${signed(2 * mu)}</span>.`;
  }

  paintMoved() {
    const { mu, sigma, zeta, moved: z } = this;
    const { "trick.chosen": chosen } = this.state.values;
    const side = this.$(".gr-moved-side");
    const [noise, one] = [zeta[chosen], z[chosen]];
    const values = { mu: signed(mu), sigma: signed(sigma), zeta: signed(noise), z: signed(one), f: signed(one * one) };
    const slopes = {
      "z-f": `2z = ${signed(2 * one)}`,
      "mu-z": `2z·1 = ${signed(2 * one)}`,
      "sigma-z": `2z·ζ = ${signed(2 * one * noise)}`,
    };
    fill(side, values, slopes);
    this.strips.moved.show({ zeta, z, mu, sigma, chosen, colour: ESTIMATORS.pathwise.colour });
    const ofSigma = zeta.reduce((sum, each, i) => sum + 2 * z[i] * each, 0) / DRAWS;
    find(side, ".gr-says").innerHTML =
      `Mean of ${DRAWS}: ∂ μ <b>${signed(mean(z, (v) => 2 * v))}</b>, exact <span class="gr-exact">2·μ = ${signed(2 * mu)}</span>; ∂ σ <b>${signed(ofSigma)}</b>, exact <span class="gr-exact">2·σ = ${signed(2 * sigma)}</span>.`;
  }
}

/**
 * @param {Float64Array} values
 * @param {(value: number) => number} of
 */
const mean = (values, of) => values.reduce((sum, value) => sum + of(value), 0) / values.length;
