// The controls under the map: what colours the points, which plane, which buffer zones, the density.

import { coloursOf } from "./given.js";
import { subscript } from "./projection.js";

export class Controls {
  constructor(root, state) {
    this.root = root;
    this.state = state;
  }

  // `given` is what the frame has: what it lacks cannot be chosen.
  load(meta, given) {
    const k = meta.latent_dim;
    const classes = meta.classes.map((name, i) => [String(i), `class ${name}`]);
    const colours = [["class", "class"], ["rate", "rate"], ["distortion", "distortion"], ["volume", "posterior volume"]];
    this.root.replaceChildren(
      this.select("colour", "Colour by", colours.filter(([name]) => coloursOf(given)[name])),
      ...(k > 2 ? this.plane(k, given) : []),
      ...(given.logvar ? this.posteriors(classes) : []),
      ...(given.decoder ? [this.select("manifold", "Manifold", [["off", "off"], ["grid", "even grid"], ["prior", "by prior mass"]])] : []),
    );
  }

  // What needs the posteriors' variances: their zones, and their density.
  posteriors(classes) {
    return [
      this.select("zones", "Buffer zones", [["pointer", "nearest point"], ["all", "all points"], ...classes, ["none", "none"]]),
      this.scale(),
      this.select("density", "Density", [["off", "off"], ["q", "aggregate posterior q(z)"], ["ratio", "q(z) against the prior"], ["holes", "holes in the prior"]]),
    ];
  }

  field(label, input) {
    const element = document.createElement("label");
    element.className = "er-field";
    element.append(Object.assign(document.createElement("span"), { textContent: label }), input);
    return element;
  }

  select(name, label, options, value = this.state[name], onChange = (v) => this.state.set({ [name]: v })) {
    const select = document.createElement("select");
    select.className = `er-${name}`;
    select.append(...options.map(([v, text]) => new Option(text, v, false, v === value)));
    select.addEventListener("change", () => onChange(select.value));
    return this.field(label, select);
  }

  scale() {
    const input = Object.assign(document.createElement("input"), {
      type: "range", min: 0.5, max: 3, step: 0.1, value: this.state.scale, className: "er-scale", ariaLabel: "size of the zones in σ",
    });
    const text = document.createElement("output");
    const show = () => (text.textContent = `${Number(input.value).toFixed(1)} σ`);
    show();
    input.addEventListener("input", (event) => {
      show();
      this.state.set({ scale: Number(input.value) }, event.timeStamp);
    });
    const element = this.field("at", input);
    element.append(text);
    return element;
  }

  // Two dimensions to look at, the plane of the largest variance, a map of neighbours, or three dimensions.
  plane(k, given) {
    const names = Array.from({ length: k }, (_, d) => [String(d), subscript("z", d + 1)]);
    const axes = this.state.plane.includes(",");
    const [i, j] = axes ? this.state.plane.split(",") : ["0", "1"];
    const choose = (a, b) => a !== b && this.state.set({ plane: `${a},${b}` });
    const across = this.select("across", "across", names, i, (v) => choose(v, up.querySelector("select").value));
    const up = this.select("up", "up", names, j, (v) => choose(across.querySelector("select").value, v));
    for (const [here, other] of [[across, up], [up, across]])
      here.addEventListener("change", () => disableSame(here, other));
    disableSame(across, up);
    disableSame(up, across);
    across.hidden = up.hidden = !axes;
    const planes = [["pca", "principal (PCA)"], ["axes", "two dimensions"], ...[["tsne", "t-SNE"], ["3d", "3-D"]].filter(([name]) => given[name])];
    const plane = this.select("plane", "Plane", planes, axes ? "axes" : this.state.plane, (v) => {
      across.hidden = up.hidden = v !== "axes";
      this.state.set({ plane: v === "axes" ? [across, up].map((e) => e.querySelector("select").value).join(",") : v });
    });
    return [plane, across, up];
  }
}

// The dimension chosen in `here` cannot be chosen in `other` as well.
function disableSame(here, other) {
  const chosen = here.querySelector("select").value;
  for (const option of other.querySelector("select").options) option.disabled = option.value === chosen;
}
