// What a link says of the state beside z: of every name, how it begins, how it is written, and what of a link is let in.
// Whatever else a link says is passed over, so it can ask for nothing that a hand could not.

export const Z_LIMIT = 20; // of a number that is typed, and of the decoded plane: the prior has no mass beyond
export const LARGEST_SEED = 99999;
export const CORNERS = 64; // of a shape on the map, at most

const FAR = 1e6; // from the middle of a map, or of the latent space: further than a hand gets

// { first, write(value) → text, read(text, { k, classes, count }) → value, or undefined where it is none }; what belongs to
// a tool, or to three dimensions, is in the link only while that is `open(state)`.
export const FIELDS = {
  colour: one(["class", "rate", "distortion", "volume"]),
  plane: { first: defaultPlane, read: (text, { k }) => (isPlane(text, k) ? text : undefined) },
  zones: {
    first: "pointer",
    read: (text, { classes }) =>
      ["none", "pointer", "all"].includes(text) || isIndex(text, classes) ? text : undefined,
  },
  scale: number(1, 0.5, 3, 2),
  density: one(["off", "q", "ratio", "holes"]),
  manifold: one(["off", "grid", "prior"]),
  tool: { first: "lens", read: (text) => (/^[a-z]+$/.test(text) ? text : undefined) },
  hidden: { first: [], read: readHidden },
  view: { first: null, read: readView },
  turn: { first: null, read: readTurn, open: (state) => isSpatial(state.plane) },
  ...of("interpolate", {
    path: one(["straight", "spherical", "ridge"]),
    from: end(),
    to: end(),
    t: number(0, 0, 1, 16),
  }),
  ...of("sample", {
    source: one(["prior", "aggregate", "posterior"]),
    seed: number(1, 0, LARGEST_SEED, 0),
    temperature: number(1, 0, 2, 2),
  }),
  posterior: { first: -1, read: readPoint, open: (state) => state.tool === "sample" && state.source === "posterior" },
  ...of("select", {
    shape: { first: null, write: flat, read: readShape },
    by: one(["distortion", "rate", "elbo"]),
    order: one(["worst", "best"]),
    mode: one(["lasso", "box", "move"]),
  }),
};

export const written = (name, value) => (FIELDS[name].write ?? String)(value ?? "");

// "pca", "tsne", "3d" for the principal axes, or two or three different dimensions as "i,j" or "i,j,l".
function isPlane(text, k) {
  if (["pca", "tsne", "3d"].includes(text)) return k > 2;
  const dimensions = text.split(",");
  const many = dimensions.length === 2 || (dimensions.length === 3 && k > 3); // of three there is one choice of three: "3d"
  return many && dimensions.every((d) => isIndex(d, k)) && new Set(dimensions).size === dimensions.length;
}

export const isSpatial = (plane) => plane === "3d" || plane.split(",").length === 3;

function defaultPlane(k) {
  return k <= 2 ? "0,1" : "pca";
}

const isIndex = (text, size) => /^(0|[1-9]\d*)$/.test(text) && Number(text) < size;

const numbersOf = (text) => text.split(",").map((v) => (v === "" ? NaN : Number(v)));

// --- kinds of fields -------------------------------------------------------------------------------------------------

// One of some words, the first to begin with.
function one(words) {
  return { first: words[0], read: (text) => words.find((word) => word === text) };
}

function number(first, low, high, digits) {
  const read = (text) => {
    const [value, ...more] = numbersOf(text);
    return !more.length && value >= low && value <= high ? Number(value.toFixed(digits)) : undefined;
  };
  return { first, write: (value) => String(Number(value.toFixed(digits))), read };
}

function of(tool, fields) {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, { ...field, open: (state) => state.tool === tool }]),
  );
}

// An end of a path: { point }, a data point, or { z }; null as it begins.
function end() {
  const write = (value) => (!value ? "" : value.point >= 0 ? `point${value.point}` : value.z.join(","));
  const read = (text, { k, count }) => {
    if (/^point\d+$/.test(text)) return isIndex(text.slice(5), count) ? { point: Number(text.slice(5)) } : undefined;
    const z = readZ(text, k);
    return z && { z, point: -1 };
  };
  return { first: null, write, read };
}

// --- reading ---------------------------------------------------------------------------------------------------------

export function readZ(text, k) {
  const z = numbersOf(text);
  return z.length === k && z.every((v) => Math.abs(v) <= FAR) ? Float64Array.from(z) : undefined;
}

export function readPoint(text, { count }) {
  return isIndex(text, count) ? Number(text) : undefined;
}

export function readHidden(text, { classes }) {
  const named = text.split(",").filter(Boolean);
  return named.every((c) => isIndex(c, classes)) ? [...new Set(named.map(Number))] : undefined;
}

// Where a camera looks, as it describes it: "u,v,reach"; null where it says anything else.
export function readLook(text) {
  const [u, v, reach] = readView(text ?? "") ?? [];
  return reach ? { u, v, reach } : null;
}

export const writtenLook = ({ u, v, reach }) => [u, v, reach].join(",");

// The middle of what the map shows, and its height.
function readView(text) {
  const view = numbersOf(text);
  const fits = view.length === 3 && view.every((v) => Math.abs(v) <= FAR) && view[2] >= 1 / FAR;
  return fits ? view : undefined;
}

// What lies to the right and what upwards of a space that has been turned: two directions at a right angle, to rounding.
function readTurn(text) {
  const turn = numbersOf(text);
  const [right, up] = [turn.slice(0, 3), turn.slice(3)];
  const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  const near = (a, b) => Math.abs(a - b) < 0.01;
  return turn.length === 6 && near(dot(right, right), 1) && near(dot(up, up), 1) && near(dot(right, up), 0)
    ? turn
    : undefined;
}

// [[u, v], …], corner by corner: a line that was drawn straight has but its two ends.
function readShape(text) {
  const values = numbersOf(text);
  const fits =
    values.length >= 4 &&
    values.length <= 2 * CORNERS &&
    values.length % 2 === 0 &&
    values.every((v) => Math.abs(v) <= FAR);
  return fits ? Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i], values[2 * i + 1]]) : undefined;
}

function flat(shape) {
  return shape ? shape.flat().join(",") : "";
}
