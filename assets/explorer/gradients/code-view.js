// The loss as code: ten lines of PyTorch that the server has just executed on a model, beside the formula that they compute.

/** @import { ImageShape } from "../data/frame.js" */
/** @import { FieldName } from "./fields.js" */
/** @import { Gradients } from "./gradients.js" */
/** @import { Changed } from "./state.js" */

import { finderIn } from "../core/dom.js";
import { short } from "../core/format.js";
import { formula } from "../plot/formula.js";
import { Picture } from "../plot/picture.js";
import { Dial } from "../widgets/dial.js";
import { LogScale } from "../widgets/scale.js";
import { Choice } from "./controls.js";

// Every term of the formula is marked with the name of the variable that its line of code assigns.
const TEX = `\\begin{aligned}
&\\htmlData{term=loss}{\\mathcal L=\\frac1B\\sum_{x}}\\Bigl[\\;\\htmlData{term=distortion}{-\\ln p(x\\mid z)}\\htmlData{term=per_image}{\\;+\\;\\beta\\cdot}\\htmlData{term=rate}{\\tfrac12\\textstyle\\sum_i(\\mu_i^2+\\sigma_i^2-1-\\ln\\sigma_i^2)}\\;\\Bigr]\\\\[6pt]
&\\htmlData{term=log_p}{\\ln p(x\\mid z)=\\textstyle\\sum_d x_d\\ln\\hat x_d+(1-x_d)\\ln(1-\\hat x_d)},\\qquad\\htmlData{term=logits}{\\hat x=\\operatorname{sigmoid}(\\operatorname{decoder}(z))}\\\\[6pt]
&\\htmlData{term=z}{z=\\mu+\\sigma\\odot\\zeta},\\qquad\\htmlData{term=zeta}{\\zeta\\sim\\mathcal N(0,I)},\\qquad\\htmlData{term=mu}{(\\mu,\\ln\\sigma^2)=\\operatorname{encoder}(x)},\\qquad\\htmlData{term=sigma}{\\sigma=e^{\\frac12\\ln\\sigma^2}}
\\end{aligned}`;

const HTML = `
<div class="page-main">
  <div class="gr-bar gr-what">
    <label class="gr-field" data-control="model"><span>model</span><select class="gr-model"></select></label>
    <div class="gr-size" data-control="batch"></div>
    <button class="gr-others" data-control="batch-images" title="the images after these">other images</button>
    <button class="gr-again" data-control="code-noise" title="other noise ζ: all that is random here">draw ζ again</button>
    <div class="page-dials"><div class="page-dial gr-beta" data-control="beta"></div></div>
  </div>
  <div class="gr-formula gr-terms" data-control="formula"></div>
  <p class="gr-message" role="status">Executing …</p>
  <div class="gr-code" data-control="code" role="table" aria-label="the function, line by line, with what every line has made"></div>
  <p class="gr-note">Called on the server each time: vae/inference/loss_in_ten_lines.py, watched line by line. Gradients are those of the loss with respect to each value, by backpropagation.</p>
</div>
<aside class="gr-side">
  <h3 class="gr-result"></h3>
  <div class="gr-images" role="img" aria-label="the batch's first images, and their reconstructions"></div>
  <div class="gr-detail"></div>
</aside>`;

/** @type {FieldName[]} what the function is executed with */
const EXECUTED = ["code.model", "code.first", "code.size", "code.beta", "code.seed"];

/**
 * A gradient of the loss, with its numbers where the tensor is small.
 * @typedef {{ norm: number, numbers: number[][] | null }} Slope
 */

/**
 * A tensor that a line of code has made.
 * @typedef {object} Tensor
 * @property {string} name
 * @property {number[]} shape
 * @property {number} least
 * @property {number} mean
 * @property {number} most
 * @property {number[][] | null} numbers of a small tensor, one row per image
 * @property {Slope | null} slope null where no gradient flows
 */

/** @typedef {{ text: string, values: Tensor[] }} Statement */

/**
 * The server's answer.
 * @typedef {object} Executed
 * @property {string} head first line of the function
 * @property {Statement[]} statements
 * @property {number} loss nats per image
 * @property {string} images the first images of the batch, base64 of bytes
 * @property {string} decoded their reconstructions, base64 of bytes
 * @property {ImageShape} shape
 * @property {undefined} [error]
 */

export class CodeView {
  /**
   * @param {HTMLElement} root
   * @param {Gradients} page
   * @param {string} url executes the loss
   * @param {[id: string, name: string][]} models
   */
  constructor(root, page, url, models) {
    this.root = root;
    this.page = page;
    this.url = url;
    this.state = page.state;
    const { state } = this;
    this.models = models.map(([id]) => id);
    this.playing = false;
    this.isSet = false; // the formula is there
    /** @type {string | null} the request whose answer is shown or is to come */
    this.executed = null;
    /** @type {Executed | null} */
    this.found = null;
    /** @type {AbortController | null} */
    this.request = null;
    root.innerHTML = HTML;
    this.$ = finderIn(root);
    this.model = this.$(".gr-model", HTMLSelectElement);
    this.model.replaceChildren(...models.map(([id, name]) => new Option(name, id)));
    this.model.addEventListener("change", () => {
      const { value } = this.model;
      state.set({ "code.model": value === this.models[0] ? "" : value, "code.first": 0 });
    });
    this.size = new Choice(
      this.$(".gr-size"),
      "batch",
      /** @type {[size: number, text: string][]} */ ([
        [1, "1"],
        [8, "8"],
        [64, "64"],
      ]),
      (size) => state.set({ "code.size": size }),
    );
    const scale = new LogScale(0.01, 100, { zero: true, named: [0.1, 1, 10] });
    this.beta = new Dial(this.$(".gr-beta"), {
      name: "beta",
      label: "β",
      scale,
      marks: [[0], [0.1], [1], [10], [100]],
      limit: (beta) => Math.min(1000, Math.max(0, beta)),
      send: (beta) => state.set({ "code.beta": beta }),
    });
    this.$(".gr-others").addEventListener("click", () =>
      state.set({ "code.first": state.values["code.first"] + state.values["code.size"] }),
    );
    this.$(".gr-again").addEventListener("click", () => state.set({ "code.seed": state.values["code.seed"] + 1 }));
    for (const type of ["pointerover", "click", "focusin"])
      root.addEventListener(type, ({ target }) => {
        const term = target instanceof Element && target.closest("[data-term]")?.getAttribute("data-term");
        if (term) state.set({ "code.term": term });
      });
  }

  async shown() {
    const { executed } = this;
    this.isSet = false;
    await formula(this.$(".gr-terms"), TEX, true);
    this.isSet = true;
    this.showControls();
    this.light(this.state.values["code.term"]);
    if (!executed || executed !== this.requestText) this.execute();
  }

  /** @param {Changed} changed */
  changed(changed) {
    if (changed.has("code.term")) this.light(this.state.values["code.term"]);
    if (EXECUTED.some((name) => changed.has(name)) && this.page.view === this) this.execute();
  }

  /** What the server is to execute, as text. */
  get requestText() {
    const { values } = this.state;
    const model = values["code.model"] || this.models[0];
    const { "code.first": first, "code.size": size, "code.beta": beta, "code.seed": seed } = values;
    return JSON.stringify({ model, first, size, beta, seed });
  }

  /** Whether an answer of the server or a formula is still to come. */
  get isBusy() {
    return this.request !== null || !this.isSet;
  }

  /** Executes the function; cancels a request that is still running. */
  async execute() {
    this.showControls();
    if (!this.models.length)
      return this.say("There is no model in the gallery whose loss could be executed: `make gallery` trains some.");
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    const { signal } = request;
    const body = this.requestText;
    this.executed = body;
    try {
      const response = await fetch(this.url, { method: "POST", body, signal });
      /** @type {Executed | { error: string }} */
      const found = await response.json();
      if (signal.aborted) return;
      if (found.error !== undefined) return this.say(found.error);
      this.say("");
      this.show(found);
    } catch (error) {
      if (signal.aborted) return;
      this.executed = null;
      this.say("The server did not answer; reload the page once it is up again.");
      console.error(error);
    } finally {
      if (this.request === request) this.request = null;
    }
  }

  /** @param {string} message */
  say(message) {
    this.$(".gr-message").textContent = message;
    this.$(".gr-message").hidden = !message;
  }

  showControls() {
    const { values } = this.state;
    this.model.value = values["code.model"] || (this.models[0] ?? "");
    this.size.show(values["code.size"]);
    this.beta.show(values["code.beta"]);
  }

  /** @param {Executed} found */
  show(found) {
    this.found = found;
    const head = `<div class="gr-row gr-head" role="row"><code role="cell">${escaped(found.head)}</code><span role="columnheader">least … <b>mean</b> … most</span><span role="columnheader">‖∂ loss‖</span></div>`;
    this.$(".gr-code").innerHTML = head + found.statements.map(rowMarkup).join("");
    this.$(".gr-result").innerHTML = `loss = <b>${found.loss.toFixed(2)}</b> nats per image`;
    this.showImages(found);
    this.light(this.state.values["code.term"]);
    this.root.dataset.loss = String(found.loss);
  }

  /** @param {Executed} found */
  showImages({ images, decoded, shape }) {
    const size = shape.reduce((a, b) => a * b, 1);
    const root = this.$(".gr-images");
    root.replaceChildren();
    /** @type {[name: string, pixels: Uint8Array][]} */
    const rows = [
      ["x", bytes(images)],
      ["x̂", bytes(decoded)],
    ];
    for (const [name, pixels] of rows) {
      root.append(Object.assign(document.createElement("span"), { textContent: name }));
      for (let i = 0; i < 8; i++) {
        const canvas = document.createElement("canvas");
        root.append(canvas);
        const picture = new Picture(canvas, shape);
        if (i * size < pixels.length) picture.paint(pixels, 1 / 255, i * size);
        else canvas.style.visibility = "hidden";
      }
    }
  }

  /**
   * Highlights the term `name` and its line of code.
   * @param {string} name
   */
  light(name) {
    for (const element of this.root.querySelectorAll("[data-term]"))
      element.classList.toggle("gr-lit", element.getAttribute("data-term") === name);
    const statement = this.found?.statements.find(({ values }) => values[0].name === name);
    if (statement) this.$(".gr-detail").innerHTML = statement.values.map(detailMarkup).join("");
  }

  retheme() {}

  tick() {
    return false;
  }
}

/** @param {Statement} statement */
function rowMarkup({ text, values }) {
  const slopes = values.map(({ slope }) => (slope ? short(slope.norm) : "none"));
  return `<div class="gr-row" role="row" tabindex="0" data-term="${values[0].name}"><code role="cell">${coloured(text)}</code>
    <span role="cell">${values.map(summary).join("<br>")}</span><span role="cell">${slopes.join("<br>")}</span></div>`;
}

/** @param {Tensor} tensor */
function summary({ name, shape, least, mean, most }) {
  if (!shape.length) return `<b>${short(mean)}</b> nats per image`;
  return `<em>${name}</em> (${shape.join(", ")}) <small>${round(least)} … <b>${round(mean)}</b> … ${round(most)}</small>`;
}

/**
 * The numbers of a small tensor, one row per image, and those of its gradient beside them.
 * @param {Tensor} tensor
 */
function detailMarkup({ name, shape, numbers, slope, least, mean, most }) {
  const size = `<small>(${shape.join(", ")})</small>`;
  if (!numbers)
    return `<h4>${name} ${size}</h4><p>from ${round(least)} to ${round(most)}, mean ${round(mean)}; ‖∂ loss/∂ ${name}‖ = ${slope ? short(slope.norm) : "none"}</p>`;
  /** @param {number[][]} rows */
  const table = (rows) =>
    `<table>${rows.map((row) => `<tr>${row.map((v) => `<td>${round(v)}</td>`).join("")}</tr>`).join("")}</table>`;
  const back = slope?.numbers
    ? `<figure><figcaption>∂ loss/∂ ${name}</figcaption>${table(slope.numbers)}</figure>`
    : "<p>No gradient: it depends on nothing that is trained.</p>";
  const more = shape[0] > numbers.length ? `<p>the first ${numbers.length} of ${shape[0]} images</p>` : "";
  return `<div class="gr-tensor"><figure><figcaption><b>${name}</b> ${size}</figcaption>${table(numbers)}</figure>${back}</div>${more}`;
}

/** @param {number} v */
const round = (v) => short(Number(v.toPrecision(3)));
/** @param {string} text */
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
/** @param {string} text base64 */
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/**
 * A line of code whose assigned names are bold.
 * @param {string} text
 */
function coloured(text) {
  const [, names, rest] = /^([\w, ]+ = |return )?(.*)$/.exec(text) ?? ["", "", text];
  return `${names ? `<b>${escaped(names)}</b>` : ""}${escaped(rest)}`;
}
