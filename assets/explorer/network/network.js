// The layers of vae/networks.py, executed in the browser from the same plan and the same weights.

import { layersOf, product, products } from "./layers.js";
import { HAS_KERNEL } from "./simd-kernel.js";
import { SimdNetwork } from "./simd-network.js";

/** @import { NetworkMeta, Weights } from "../data/frame.js" */
/** @import { ComputingLayer, ConvolutionLayer, Layer, LinearLayer, TransposedLayer } from "./layers.js" */

/** What the networks read of a frame. @typedef {{ meta: NetworkMeta, arrays: Weights }} NetworkFrame */

/** The input of a network: z, or pixels in [0, 1]. @typedef {Float32Array | Float64Array | number[]} NetworkInput */

/** Weight and bias of one layer. @typedef {{ weight: ArrayLike<number>, bias: ArrayLike<number> }} LayerWeights */

/**
 * Writes the output y of a layer for the input x.
 * @typedef {(x: ArrayLike<number>, y: Float32Array) => void} Compute
 */

/**
 * Runs a plan. `run` returns an array that the next call overwrites, or the input itself if the plan computes nothing.
 * @typedef {Object} LayerRunner
 * @property {number} outputSize
 * @property {(arrays: Weights) => void} adopt
 * @property {<X extends NetworkInput>(input: X) => X | Float32Array} run
 *
 * @typedef {new (plan: Layer[], arrays: Weights, prefix: string, inputShape: number[]) => LayerRunner} LayerRunnerClass
 */

/**
 * Answers of a decoder (pixel means, and its raw output: logits or means) and of an encoder. The next answer overwrites
 * their arrays.
 * @typedef {{ pixels: Float32Array, raw: Float32Array }} Decoded
 * @typedef {{ mu: Float32Array, logvar: Float32Array }} Encoded
 * @typedef {{ decode: Decoded, encode: Encoded }} NetworkAnswers
 * @typedef {keyof NetworkAnswers} NetworkKind
 */

/**
 * @template {NetworkKind} Kind
 * @typedef {{
 *   answer: (input: NetworkInput) => NetworkAnswers[Kind],
 *   adopt: (frame: NetworkFrame) => void,
 * }} AnsweringNetwork
 */

export class Network {
  /**
   * @param {Layer[]} plan
   * @param {Weights} arrays hold the weights of layer i as `prefix`.i.weight and `prefix`.i.bias
   * @param {string} prefix
   * @param {number[]} inputShape [k] for a decoder, [channels, height, width] for an encoder's trunk
   */
  constructor(plan, arrays, prefix, inputShape) {
    this.plan = plan;
    this.prefix = prefix;
    this.inputShape = inputShape;
    /** @type {{ compute: Compute | null, source: number, output: Float32Array, relu: boolean }[]} */
    this.steps = [];
    this.adopt(arrays);
    this.outputSize = this.steps.at(-1)?.output.length ?? product(inputShape); // a plan may have no layer that computes
  }

  /**
   * Replaces the weights.
   * @param {Weights} arrays
   */
  adopt(arrays) {
    const { plan, prefix, inputShape } = this;
    this.steps = layersOf(plan, inputShape).map((step) => {
      const { layer, i, from, to, relu } = step;
      const output = new Float32Array(product(to));
      if ("source" in step) return { compute: null, source: step.source, output, relu };
      const weights = { weight: arrays[`${prefix}.${i}.weight`], bias: arrays[`${prefix}.${i}.bias`] };
      return { compute: computeOf(/** @type {ComputingLayer} */ (layer), weights, from, to), source: -1, output, relu };
    });
  }

  /**
   * The output for one input, overwritten by the next call.
   * @template {NetworkInput} X
   * @param {X} input
   */
  run(input) {
    /** @type {X | Float32Array} */
    let x = input;
    for (const step of this.steps) {
      if (step.compute) step.compute(x, step.output);
      else addTo(step.output, x, this.steps[step.source]?.output ?? input);
      if (step.relu) rectify(step.output);
      x = step.output;
    }
    return x;
  }
}

/** E[x|z] of the frame's model. */
export class Decoder {
  /**
   * @param {NetworkFrame} frame
   * @param {LayerRunnerClass} Layers Network, which reads the frame's weights, or SimdNetwork, which copies them
   */
  constructor(frame, Layers = Network) {
    const { plan, latent_dim, likelihood } = frame.meta;
    this.network = new Layers(plan.decoder, frame.arrays, "decoder.layers", [latent_dim]);
    this.input = new Float32Array(latent_dim);
    this.output = new Float32Array(this.network.outputSize);
    /** @type {Float32Array} the last layer's output for the last z */
    this.raw = new Float32Array(0);
    this.bernoulli = likelihood === "bernoulli";
  }

  /**
   * Pixel means (channels, height, width), overwritten by the next call.
   * @param {ArrayLike<number>} z
   */
  decode(z) {
    this.input.set(z);
    const raw = this.network.run(this.input); // logits, if the likelihood is Bernoulli
    this.raw = raw;
    if (this.bernoulli) for (let i = 0; i < raw.length; i++) this.output[i] = 1 / (1 + Math.exp(-raw[i]));
    else this.output.set(raw);
    return this.output;
  }

  /** @param {Pick<NetworkFrame, "arrays">} frame */
  adopt({ arrays }) {
    this.network.adopt(arrays);
  }

  /**
   * @param {ArrayLike<number>} z
   * @returns {Decoded}
   */
  answer(z) {
    return { pixels: this.decode(z), raw: this.raw };
  }

  /**
   * The multiplications for one answer.
   * @param {NetworkMeta} meta
   */
  static products({ plan, latent_dim }) {
    return products(plan.decoder, [latent_dim]);
  }
}

/** q(z|x) of the frame's model. */
export class Encoder {
  /**
   * @param {NetworkFrame} frame
   * @param {LayerRunnerClass} Layers
   */
  constructor(frame, Layers = Network) {
    const { plan, image_shape, latent_dim, features } = frame.meta;
    const head = (/** @type {"mu" | "logvar"} */ name) =>
      new Layers([{ op: "linear", in: features, out: latent_dim }], headArrays(frame.arrays, name), "head", [features]);
    this.trunk = new Layers(plan.trunk, frame.arrays, "encoder.trunk", image_shape);
    this.mu = head("mu");
    this.logvar = head("logvar");
  }

  /**
   * mu and logvar, overwritten by the next call.
   * @param {NetworkInput} x pixels in [0, 1]
   * @returns {Encoded}
   */
  encode(x) {
    const features = this.trunk.run(x);
    // each head has a linear layer, so its output is an array of its own
    const run = (/** @type {LayerRunner} */ head) => /** @type {Float32Array} */ (head.run(features));
    return { mu: run(this.mu), logvar: run(this.logvar) };
  }

  /** @param {NetworkInput} x */
  answer(x) {
    return this.encode(x);
  }

  /**
   * The multiplications for one answer.
   * @param {NetworkMeta} meta
   */
  static products({ plan, image_shape, latent_dim, features }) {
    return products(plan.trunk, image_shape) + 2 * features * latent_dim;
  }
}

export const NETWORKS = { decode: Decoder, encode: Encoder };

/**
 * A network of this kind, as fast as the browser allows.
 * @template {NetworkKind} Kind
 * @param {Kind} kind
 * @param {NetworkFrame} frame
 */
export function networkOf(kind, frame) {
  const network = new NETWORKS[kind](frame, HAS_KERNEL ? SimdNetwork : Network);
  return /** @type {AnsweringNetwork<Kind>} */ (/** @type {unknown} */ (network));
}

/**
 * The weights of one head, by the names that a plan of one layer gives them.
 * @param {Weights} arrays
 * @param {"mu" | "logvar"} name
 */
const headArrays = (arrays, name) => ({
  "head.0.weight": arrays[`encoder.${name}.weight`],
  "head.0.bias": arrays[`encoder.${name}.bias`],
});

/**
 * Writes a + b.
 * @param {Float32Array} y
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
function addTo(y, a, b) {
  for (let i = 0; i < y.length; i++) y[i] = a[i] + b[i];
}

/** @param {Float32Array} x */
function rectify(x) {
  for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0;
}

/**
 * @param {ComputingLayer} layer
 * @param {LayerWeights} weights
 * @param {number[]} from shape of the input
 * @param {number[]} to shape of the output
 * @returns {Compute}
 */
function computeOf(layer, weights, from, to) {
  if (layer.op === "linear") return linear(layer, weights);
  return layer.op === "conv" ? convolution(layer, weights, from, to) : transposedConvolution(layer, weights, from, to);
}

/** The non-zero numbers of a vector: after a ReLU, half of them or fewer. Products run over these alone. */
class Sparse {
  /** @param {number} size of the whole vector */
  constructor(size) {
    this.index = new Int32Array(size);
    this.value = new Float64Array(size);
    this.count = 0;
  }

  /**
   * Takes x[offset], x[offset + stride], …
   * @param {ArrayLike<number>} x
   */
  gather(x, offset = 0, stride = 1) {
    let count = 0;
    for (let i = 0, p = offset; i < this.index.length; i++, p += stride) {
      if (x[p] === 0) continue;
      this.index[count] = i;
      this.value[count++] = x[p];
    }
    this.count = count;
  }

  /**
   * Takes the square of side `kernel` at (top, left) of every channel; outside of the image there are zeros.
   * @param {ArrayLike<number>} x (channels, height, width)
   * @param {number} channels
   * @param {number} height
   * @param {number} width
   * @param {number} kernel
   * @param {number} top
   * @param {number} left
   */
  gatherPatch(x, channels, height, width, kernel, top, left) {
    let count = 0;
    const [y0, y1] = [Math.max(0, -top), Math.min(kernel, height - top)];
    const [x0, x1] = [Math.max(0, -left), Math.min(kernel, width - left)];
    for (let c = 0; c < channels; c++)
      for (let i = y0; i < y1; i++) {
        const from = (c * height + top + i) * width + left;
        const tap = (c * kernel + i) * kernel;
        for (let j = x0; j < x1; j++) {
          const v = x[from + j];
          if (v === 0) continue;
          this.index[count] = tap + j;
          this.value[count++] = v;
        }
      }
    this.count = count;
  }

  /**
   * y = weight · x for a matrix of `rows` rows, four rows at a time, so that each number of x is read once for four
   * sums.
   * @param {ArrayLike<number>} weight row by row
   * @param {number} rows
   * @param {Float64Array} y
   */
  multiply(weight, rows, y) {
    const { index, value, count } = this;
    const n = index.length;
    let o = 0;
    for (; o + 4 <= rows; o += 4) {
      const p = o * n,
        q = p + n,
        r = q + n,
        s = r + n;
      let a = 0,
        b = 0,
        c = 0,
        d = 0;
      for (let j = 0; j < count; j++) {
        const i = index[j];
        const v = value[j];
        a += weight[p + i] * v;
        b += weight[q + i] * v;
        c += weight[r + i] * v;
        d += weight[s + i] * v;
      }
      y[o] = a;
      y[o + 1] = b;
      y[o + 2] = c;
      y[o + 3] = d;
    }
    for (; o < rows; o++) {
      let sum = 0;
      for (let j = 0; j < count; j++) sum += weight[o * n + index[j]] * value[j];
      y[o] = sum;
    }
  }
}

/**
 * @param {LinearLayer} layer
 * @param {LayerWeights} weights
 * @returns {Compute}
 */
function linear(layer, { weight, bias }) {
  const rows = layer.out;
  const sparse = new Sparse(layer.in);
  const sums = new Float64Array(rows);
  return (x, y) => {
    sparse.gather(x);
    sparse.multiply(weight, rows, sums);
    for (let o = 0; o < rows; o++) y[o] = sums[o] + bias[o];
  };
}

/**
 * For every output pixel, the matrix of all kernels times the patch of the input below it.
 * @param {ConvolutionLayer} layer
 * @param {LayerWeights} weights
 * @param {number[]} from shape of the input
 * @param {number[]} to shape of the output
 * @returns {Compute}
 */
function convolution({ kernel, stride, padding }, { weight, bias }, [channels, height, width], [out, h, w]) {
  const sparse = new Sparse(channels * kernel * kernel);
  const sums = new Float64Array(out);
  return (x, y) => {
    for (let row = 0; row < h; row++)
      for (let col = 0; col < w; col++) {
        sparse.gatherPatch(x, channels, height, width, kernel, row * stride - padding, col * stride - padding);
        sparse.multiply(weight, out, sums);
        for (let o = 0; o < out; o++) y[(o * h + row) * w + col] = sums[o] + bias[o];
      }
  };
}

/**
 * Every input pixel contributes one number to each kernel tap of each output channel: a matrix product over the
 * channels, whose results are then added to the output pixels that the taps cover.
 * @param {TransposedLayer} layer
 * @param {LayerWeights} weights
 * @param {number[]} from shape of the input
 * @param {number[]} to shape of the output
 * @returns {Compute}
 */
function transposedConvolution({ kernel, stride, padding }, { weight, bias }, [channels, height, width], [out, h, w]) {
  const taps = kernel * kernel;
  const byTap = new Float32Array(weight.length); // (out, tap, channel) from (channel, out, tap)
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < out * taps; i++) byTap[i * channels + c] = weight[c * out * taps + i];
  const sparse = new Sparse(channels);
  const sums = new Float64Array(out * taps);
  /** @type {Compute} */
  const compute = (x, y) => {
    for (let o = 0; o < out; o++) y.fill(bias[o], o * h * w, (o + 1) * h * w);
    for (let row = 0; row < height; row++)
      for (let col = 0; col < width; col++) {
        sparse.gather(x, row * width + col, height * width);
        if (sparse.count === 0) continue;
        sparse.multiply(byTap, out * taps, sums);
        scatter(sums, y, row * stride - padding, col * stride - padding);
      }
  };
  /**
   * @param {Float64Array} from (out, tap)
   * @param {Float32Array} y
   * @param {number} top
   * @param {number} left
   */
  const scatter = (from, y, top, left) => {
    for (let i = 0; i < kernel; i++) {
      if (top + i < 0 || top + i >= h) continue;
      for (let j = 0; j < kernel; j++) {
        if (left + j < 0 || left + j >= w) continue;
        const to = (top + i) * w + left + j;
        for (let o = 0, tap = i * kernel + j; o < out; o++, tap += taps) y[o * h * w + to] += from[tap];
      }
    }
  };
  return compute;
}
