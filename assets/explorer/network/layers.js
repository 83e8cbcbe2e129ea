// The layers of a plan (vae/plan.py) that compute something, with the shapes between them.

/** @typedef {{ op: "linear", in: number, out: number }} LinearLayer */

/**
 * Images are square-kernelled: `kernel`, `stride` and `padding` count for height and width; `output_padding` (of
 * "conv_transpose" alone) is [height, width].
 * @typedef {Object} ConvolutionSizes
 * @property {number} in channels
 * @property {number} out channels
 * @property {number} kernel
 * @property {number} stride
 * @property {number} padding
 *
 * @typedef {ConvolutionSizes & { op: "conv" }} ConvolutionLayer
 * @typedef {ConvolutionSizes & { op: "conv_transpose", output_padding: [number, number] }} TransposedLayer
 * @typedef {LinearLayer | ConvolutionLayer | TransposedLayer} ComputingLayer
 */

/**
 * One layer of a plan.
 * @typedef {ComputingLayer
 *   | { op: "relu" }
 *   | { op: "flatten", shape?: undefined }
 *   | { op: "unflatten", shape: number[] }} Layer
 */

/**
 * A layer that computes: `i` is its index in the plan, by which its weights are named, `from` and `to` are the shapes
 * of its input and output, `relu` tells whether a ReLU follows.
 * @template {ComputingLayer} [L=ComputingLayer]
 * @typedef {{ layer: L, i: number, from: number[], to: number[], relu: boolean }} Step
 */

/** @param {number[]} shape */
export const product = (shape) => shape.reduce((a, b) => a * b, 1);

/** @type {{ [L in ComputingLayer as L["op"]]: (layer: L, from: number[]) => number[] }} */
const SHAPES = {
  linear: ({ out }) => [out],
  conv: ({ out, kernel, stride, padding }, [, ...size]) => [
    out,
    ...size.map((n) => Math.floor((n + 2 * padding - kernel) / stride) + 1),
  ],
  conv_transpose: ({ out, kernel, stride, padding, output_padding: extra }, [, ...size]) => [
    out,
    ...size.map((n, i) => (n - 1) * stride - 2 * padding + kernel + extra[i]),
  ],
};

/**
 * The output shape of a layer.
 * @template {ComputingLayer} L
 * @param {L} layer
 * @param {number[]} from
 */
const shapeAfter = (layer, from) =>
  /** @type {(layer: L, from: number[]) => number[]} */ (SHAPES[layer.op])(layer, from);

/**
 * @param {Layer[]} plan
 * @param {number[]} shape of the input
 */
export function layersOf(plan, shape) {
  /** @type {Step[]} */
  const found = [];
  plan.forEach((layer, i) => {
    if (layer.op === "relu") {
      const last = found.at(-1);
      if (last) last.relu = true;
    } else if (layer.op === "flatten" || layer.op === "unflatten") {
      shape = layer.shape ?? [product(shape)];
    } else {
      const to = shapeAfter(layer, shape);
      found.push({ layer, i, from: shape, to, relu: false });
      shape = to;
    }
  });
  return found;
}

/**
 * The multiplications for one output: each weight counts once for every pixel on the side where the images are smaller.
 * @param {Layer[]} plan
 * @param {number[]} shape of the input
 */
export const products = (plan, shape) =>
  layersOf(plan, shape).reduce((sum, { layer, from, to }) => {
    const pixels = { linear: 1, conv: product(to.slice(1)), conv_transpose: product(from.slice(1)) }[layer.op];
    return sum + layer.in * layer.out * ("kernel" in layer ? layer.kernel : 1) ** 2 * pixels;
  }, 0);
