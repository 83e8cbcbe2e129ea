// The controls under the map: what colours the points, which plane, which buffer zones, the density.

import { whole } from "../core/format.js";
import { subscript } from "../math/projection.js";
import { coloursOf } from "./capabilities.js";

export class Controls {
  constructor(root, state) {
    this.root = root;
    this.state = state;
  }

  // `given` is what the frame has: what it lacks cannot be chosen.
  load(meta, given) {
    const k = meta.latent_dim;
    const classes = meta.classes.map((name, i) => [String(i), `class ${name}`]);
    const colours = [
      ["class", "class"],
      ["rate", "rate"],
      ["distortion", "distortion"],
      ["volume", "volume"],
    ];
    this.root.replaceChildren(
      this.select(
        "colour",
        "Colour by",
        colours.filter(([name]) => coloursOf(given)[name]),
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

  // What needs the posteriors' variances: their zones, and their density.
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

  // Of choices that the map shown has nothing to draw for, none can be made, and `why` says so; those made before stand.
  bar(names, why) {
    for (const input of this.root.querySelectorAll(".er-zones, .er-scale, .er-density, .er-manifold")) {
      input.disabled = names.some((name) => input.classList.contains(`er-${name}`));
      input.parentElement.title = input.disabled ? why : "";
    }
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
    select.append(
      ...options.map(([v, text, barred = false]) =>
        Object.assign(new Option(text, v, false, v === value), { disabled: barred }),
      ),
    );
    select.addEventListener("change", () => onChange(select.value));
    return this.field(label, select);
  }

  scale() {
    const input = Object.assign(document.createElement("input"), {
      type: "range",
      min: 0.5,
      max: 3,
      step: 0.1,
      value: this.state.scale,
      className: "er-scale",
      ariaLabel: "size of the zones in σ",
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

  // Two or three dimensions to look at, the principal axes, or a map of neighbours. Dimensions begin with those of the
  // largest rate.
  plane({ latent_dim: k, rate_per_dim: rates }, given) {
    const byRate = Array.from({ length: k }, (_, d) => d)
      .sort((a, b) => rates[b] - rates[a])
      .map(String);
    const chosen = this.state.plane.includes(",") ? this.state.plane.split(",") : [];
    const names = Array.from({ length: k }, (_, d) => [String(d), subscript("z", d + 1)]);
    const choose = () => this.state.set({ plane: parted(axes, byRate).join(",") });
    const axes = ["across", "up", "deep"].map((name, i) =>
      this.select(name, name, names, chosen[i] ?? byRate[i], choose),
    );
    const show = (count) => {
      axes.forEach((axis, i) => (axis.hidden = i >= count));
      return parted(axes, byRate);
    };
    show(chosen.length);
    const planes = [
      ["pca", "principal (PCA)"],
      ["axes", "two dimensions"],
      ...upTo(given.tsne, given.count, [["tsne", "t-SNE"]]),
      ...upTo(given["3d"], given.count, [
        ["3d", k > 3 ? "3-D (PCA)" : "3-D"],
        ...(k > 3 ? [["space", "3-D, any three"]] : []),
      ]),
    ];
    const now = ["axes", "space"][chosen.length - 2] ?? this.state.plane;
    const plane = this.select("plane", "Plane", planes, now, (v) => {
      const dimensions = show({ axes: 2, space: 3 }[v] ?? 0);
      this.state.set({ plane: dimensions.join(",") || v });
    });
    return [plane, ...axes];
  }
}

// Options that are for at most so many points: where there are more, they say so and cannot be chosen.
const upTo = (most, count, options) =>
  options.flatMap(([value, text]) =>
    !most ? [] : count <= most ? [[value, text]] : [[value, `${text}: up to ${whole(most)} points`, true]],
  );

// The dimensions of the axes that are shown: none can be chosen twice, and the next free of `order` takes the place of one
// that was.
function parted(axes, order) {
  const selects = axes.filter((axis) => !axis.hidden).map((axis) => axis.querySelector("select"));
  selects.forEach((select, i) => {
    const taken = selects.slice(0, i).map(({ value }) => value);
    if (taken.includes(select.value)) select.value = order.find((d) => !taken.includes(d));
  });
  const values = selects.map(({ value }) => value);
  for (const select of selects)
    for (const option of select.options)
      option.disabled = option.value !== select.value && values.includes(option.value);
  return values;
}
