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

/** A skip connection: adds the output of layer `from` of the plan, or the plan's input (−1). @typedef {{ op: "add", from: number }} AddLayer */

/**
 * One layer of a plan.
 * @typedef {ComputingLayer
 *   | AddLayer
 *   | { op: "relu" }
 *   | { op: "flatten", shape?: undefined }
 *   | { op: "unflatten", shape: number[] }} Layer
 */

/**
 * A layer that computes: `i` is its index in the plan, by which its weights are named, `from` and `to` are the shapes
 * of its input and output, `relu` tells whether a ReLU follows, `last` is the index of the last layer that it stands for.
 * @typedef {{ layer: ComputingLayer, i: number, from: number[], to: number[], relu: boolean, last: number }} ComputingStep
 */

/**
 * A skip connection: adds the output of step `source`, or the input (−1), to that of the step before.
 * @typedef {{ layer: AddLayer, i: number, from: number[], to: number[], relu: boolean, last: number, source: number }} AddStep
 */

/** @typedef {ComputingStep | AddStep} Step */

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
    const before = found.at(-1);
    if (layer.op === "relu") {
      if (before) before.relu = true;
    } else if (layer.op === "flatten" || layer.op === "unflatten") {
      shape = layer.shape ?? [product(shape)];
    } else if (layer.op === "add") {
      found.push({ layer, i, from: shape, to: shape, relu: false, last: i, source: sourceOf(layer, found) });
      return;
    } else {
      const to = shapeAfter(layer, shape);
      found.push({ layer, i, from: shape, to, relu: false, last: i });
      shape = to;
      return;
    }
    if (before) before.last = i;
  });
  return found;
}

/**
 * The step whose output a skip connection adds: −1 for the input. That output must be final, for a step's output is what
 * the ReLU after it leaves.
 * @param {AddLayer} layer
 * @param {Step[]} steps before it
 */
function sourceOf({ from }, steps) {
  const source = steps.findIndex(({ i, last }) => i <= from && from <= last);
  const isFinal = source < 0 ? from < (steps[0]?.i ?? Infinity) : !steps[source].relu || from > steps[source].i;
  if (!isFinal) throw new Error(`A skip connection adds layer ${from}, which a ReLU follows.`);
  return source;
}

/**
 * The multiplications for one output: each weight counts once for every pixel on the side where the images are smaller.
 * @param {Layer[]} plan
 * @param {number[]} shape of the input
 */
export const products = (plan, shape) =>
  layersOf(plan, shape).reduce((sum, { layer, from, to }) => {
    if (layer.op === "add") return sum;
    const pixels = { linear: 1, conv: product(to.slice(1)), conv_transpose: product(from.slice(1)) }[layer.op];
    return sum + layer.in * layer.out * ("kernel" in layer ? layer.kernel : 1) ** 2 * pixels;
  }, 0);
