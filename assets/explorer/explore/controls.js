// The controls under the map: what colours the points, which plane, which buffer zones, the density.

/** @import { State } from "./state.js" */
/** @import { FrameMeta, Given } from "../data/frame.js" */

import { find, findAll } from "../core/dom.js";
import { whole } from "../core/format.js";
import { subscript } from "../math/projection.js";
import { coloursOf } from "./capabilities.js";

/**
 * What the map can show: what the frame has, how many points, and for how many points at most each view that is no plane
 * can be had.
 * @typedef {Given & { count: number, tsne: number, "3d": number }} Available
 */

/** @typedef {[value: string, text: string, disabled?: boolean]} Choice of a select element */

export class ExploreControls {
  /**
   * @param {HTMLElement} root
   * @param {State} state
   */
  constructor(root, state) {
    this.root = root;
    this.state = state;
    /** @type {(() => void)[]} each shows on one control what the state says */
    this.shows = [];
    this.resetAxes = () => {};
  }

  /** Forgets which dimensions were chosen last, as in a page that opens with this state. */
  reset() {
    this.resetAxes();
    this.show();
  }

  /** Shows what the state says. */
  show() {
    for (const show of this.shows) show();
  }

  /**
   * Makes the controls of a model: what its frame lacks cannot be chosen.
   * @param {FrameMeta} meta
   * @param {Available} given
   */
  load(meta, given) {
    const k = meta.latent_dim;
    const classes = meta.classes.map((name, i) => /** @type {Choice} */ ([String(i), `class ${name}`]));
    const has = coloursOf(given);
    const colours = /** @type {const} */ (["class", "rate", "distortion", "volume"]).filter((name) => has[name]);
    this.root.replaceChildren(
      this.select(
        "colour",
        "Colour by",
        colours.map((name) => [name, name]),
      ),
      ...(k > 2 ? this.plane(meta, given) : []),
      ...(given.logvar ? this.posteriors(classes) : []),
      ...(given.decoder
        ? [
            this.select("manifold", "Manifold", [
              ["off", "off"],
              ["grid", "even grid"],
              ["prior", "by prior mass"],
            ]),
          ]
        : []),
    );
  }

  /**
   * The controls of what needs the posteriors' variances: their buffer zones, and their density.
   * @param {Choice[]} classes
   */
  posteriors(classes) {
    return [
      this.select("zones", "Buffer zones", [
        ["pointer", "nearest point"],
        ["all", "all points"],
        ...classes,
        ["none", "none"],
      ]),
      this.scale(),
      this.select("density", "Density", [
        ["off", "off"],
        ["q", "aggregate q(z)"],
        ["ratio", "q(z) / p(z)"],
        ["holes", "holes in p(z)"],
      ]),
    ];
  }

  /**
   * Disables the controls of what cannot be drawn on the map shown; their values stay as they are.
   * @param {("zones" | "scale" | "density" | "manifold")[]} names
   * @param {string} why
   */
  bar(names, why) {
    for (const element of findAll(this.root, ".er-zones, .er-scale, .er-density, .er-manifold")) {
      const input = /** @type {HTMLSelectElement | HTMLInputElement} */ (element);
      input.disabled = names.some((name) => input.classList.contains(`er-${name}`));
      if (input.parentElement) input.parentElement.title = input.disabled ? why : "";
    }
  }

  /**
   * @param {string} name
   * @param {string} label
   * @param {HTMLElement} input
   */
  field(name, label, input) {
    const element = document.createElement("label");
    element.className = "er-field";
    element.dataset.control = name;
    element.append(Object.assign(document.createElement("span"), { textContent: label }), input);
    return element;
  }

  /**
   * A labelled select element for a field of the state.
   * @param {"colour" | "zones" | "density" | "manifold"} name
   * @param {string} label
   * @param {Choice[]} options
   */
  select(name, label, options) {
    const { select, element } = this.choice(name, label, options, this.state[name], (value) =>
      this.state.set({ [name]: value }),
    );
    this.shows.push(() => {
      select.value = this.state[name];
    });
    return element;
  }

  /**
   * A labelled select element.
   * @param {string} name of its class
   * @param {string} label
   * @param {Choice[]} options
   * @param {string} value that is selected
   * @param {(value: string) => void} onChange
   */
  choice(name, label, options, value, onChange) {
    const select = document.createElement("select");
    select.className = `er-${name}`;
    select.append(
      ...options.map(([v, text, barred = false]) =>
        Object.assign(new Option(text, v, false, v === value), { disabled: barred }),
      ),
    );
    select.addEventListener("change", () => onChange(select.value));
    return { select, element: this.field(name, label, select) };
  }

  scale() {
    const input = Object.assign(document.createElement("input"), {
      type: "range",
      min: "0.5",
      max: "3",
      step: "0.1",
      value: String(this.state.scale),
      className: "er-scale",
      ariaLabel: "size of the zones in σ",
    });
    const text = document.createElement("output");
    const show = () => {
      text.textContent = `${Number(input.value).toFixed(1)} σ`;
    };
    show();
    this.shows.push(() => {
      input.value = String(this.state.scale);
      show();
    });
    input.addEventListener("input", (event) => {
      this.state.set({ scale: Number(input.value) }, event.timeStamp);
    });
    const element = this.field("scale", "at", input);
    element.append(text);
    return element;
  }

  /**
   * Two or three dimensions to look at, the principal axes, or a t-SNE map. The dimensions of the largest rate are chosen
   * first.
   * @param {FrameMeta} meta
   * @param {Available} given
   */
  plane({ latent_dim: k, rate_per_dim: rates }, given) {
    const byRate = Array.from({ length: k }, (_, d) => d)
      .sort((a, b) => rates[b] - rates[a])
      .map(String);
    const chosen = this.state.plane.includes(",") ? this.state.plane.split(",") : [];
    const names = Array.from({ length: k }, (_, d) => /** @type {Choice} */ ([String(d), subscript("z", d + 1)]));
    const choose = () => this.state.set({ plane: parted(axes, byRate).join(",") });
    const choices = ["across", "up", "deep"].map((name, i) =>
      this.choice(name, name, names, chosen[i] ?? byRate[i], choose),
    );
    const axes = choices.map(({ element }) => element);
    this.resetAxes = () => {
      for (const [i, { select }] of choices.entries()) select.value = byRate[i];
    };
    /** @param {number} count */
    const show = (count) => {
      for (const [i, axis] of axes.entries()) axis.hidden = i >= count;
      return parted(axes, byRate);
    };
    show(chosen.length);
    /** @type {Choice[]} */
    const planes = [
      ["pca", "principal (PCA)"],
      ["axes", "two dimensions"],
      ...upTo(given.tsne, given.count, [["tsne", "t-SNE"]]),
      ...upTo(given["3d"], given.count, [
        ["3d", k > 3 ? "3-D (PCA)" : "3-D"],
        ...(k > 3 ? [/** @type {Choice} */ (["space", "3-D, any three"])] : []),
      ]),
    ];
    /** @param {string} plane */
    const kind = (plane) => ["axes", "space"][plane.split(",").length - 2] ?? plane;
    const plane = this.choice("plane", "Plane", planes, kind(this.state.plane), (v) => {
      const dimensions = show(v === "axes" ? 2 : v === "space" ? 3 : 0);
      this.state.set({ plane: dimensions.join(",") || v });
    });
    this.shows.push(() => {
      const dimensions = this.state.plane.includes(",") ? this.state.plane.split(",") : [];
      plane.select.value = kind(this.state.plane);
      for (const [i, dimension] of dimensions.entries()) choices[i].select.value = dimension;
      show(dimensions.length);
    });
    return [plane.element, ...axes];
  }
}

/**
 * Options that are for at most `most` points: where there are more, they are disabled and say so.
 * @param {number} most
 * @param {number} count
 * @param {Choice[]} options
 * @returns {Choice[]}
 */
function upTo(most, count, options) {
  if (!most) return [];
  if (count <= most) return options;
  return options.map(([value, text]) => [value, `${text}: up to ${whole(most)} points`, true]);
}

/**
 * The dimensions of the axes that are shown: none can be chosen twice; one that is chosen twice is replaced by the first
 * of `order` that is free.
 * @param {HTMLElement[]} axes
 * @param {string[]} order
 */
function parted(axes, order) {
  const selects = axes.filter((axis) => !axis.hidden).map((axis) => find(axis, "select", HTMLSelectElement));
  for (const [i, select] of selects.entries()) {
    const taken = selects.slice(0, i).map(({ value }) => value);
    if (taken.includes(select.value)) select.value = order.find((d) => !taken.includes(d)) ?? "";
  }
  const values = selects.map(({ value }) => value);
  for (const select of selects)
    for (const option of select.options)
      option.disabled = option.value !== select.value && values.includes(option.value);
  return values;
}
