// What a person has chosen, in one place. Controls write here, the map and the lens read here, the address bar mirrors it.

const DEFAULTS = { colour: "class", plane: "", zones: "pointer", scale: 1, density: "off", manifold: "off", hidden: [], pinned: false, tool: "lens" };

export class State {
  constructor(latentDim) {
    Object.assign(this, structuredClone(DEFAULTS));
    this.plane = defaultPlane(latentDim);
    this.z = new Float64Array(latentDim);
    this.point = -1; // the data point whose mean z was set to, if any
    this.listeners = [];
  }

  // Calls `listener(changed, startedAt)` after every change; `changed` holds the names of what was set.
  subscribe(listener) {
    this.listeners.push(listener);
  }

  set(patch, startedAt = performance.now()) {
    Object.assign(this, patch);
    for (const listener of this.listeners) listener(new Set(Object.keys(patch)), startedAt);
  }

  // "colour=rate&zones=all&z=0.5,-1": only what differs from the defaults; z where it is pinned.
  toHash() {
    const defaults = { ...DEFAULTS, plane: defaultPlane(this.z.length) };
    const params = new URLSearchParams();
    for (const name of ["colour", "plane", "zones", "scale", "density", "manifold"])
      if (this[name] !== defaults[name]) params.set(name, this[name]);
    if (this.tool !== "lens") params.set("tool", this.tool);
    if (this.hidden.length) params.set("hidden", this.hidden.join(","));
    if (this.pinned) {
      params.set("z", Array.from(this.z, (v) => +v.toFixed(4)).join(","));
      if (this.point >= 0) params.set("point", this.point);
    }
    return params.toString().replaceAll("%2C", ",");
  }

  // Takes over what a link says; anything it says wrongly is passed over.
  fromHash(hash, { classes, count }) {
    const params = new URLSearchParams(hash.replace(/^#/, ""));
    const take = (name, valid, convert = String) => {
      if (params.has(name) && valid(convert(params.get(name)))) this[name] = convert(params.get(name));
    };
    take("colour", (v) => ["class", "rate", "distortion", "volume"].includes(v));
    take("plane", (v) => isPlane(v, this.z.length));
    take("zones", (v) => ["none", "pointer", "all"].includes(v) || isIndex(v, classes));
    take("scale", (v) => v >= 0.5 && v <= 3, Number);
    take("density", (v) => ["off", "q", "ratio", "holes"].includes(v));
    take("manifold", (v) => ["off", "grid", "prior"].includes(v));
    take("tool", (v) => /^[a-z]+$/.test(v));
    take("hidden", (v) => v.every((i) => isIndex(i, classes)), (v) => v.split(",").filter(Boolean).map(Number));
    const z = (params.get("z") ?? "").split(",").map((v) => (v === "" ? NaN : Number(v)));
    if (z.length === this.z.length && z.every((v) => Number.isFinite(v) && Math.abs(v) <= Z_LIMIT)) {
      this.z.set(z);
      this.pinned = true;
      take("point", (v) => isIndex(v, count), Number);
    }
  }
}

export const Z_LIMIT = 20; // |z| beyond this is refused: the prior has no mass there, and the decoder was never asked

const defaultPlane = (k) => (k <= 2 ? "0,1" : "pca");

// "pca", "tsne", "3d", or two different dimensions as "i,j".
function isPlane(value, k) {
  if (["pca", "tsne", "3d"].includes(value)) return k > 2;
  const [i, j, ...rest] = value.split(",");
  return isIndex(i, k) && isIndex(j, k) && i !== j && rest.length === 0;
}

const isIndex = (value, size) => /^(0|[1-9]\d*)$/.test(String(value)) && Number(value) < size;
