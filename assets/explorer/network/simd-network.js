// A faster version of Network (network.js) with vector instructions of WebAssembly. Same plan, same weights, and sums
// in float32, as in PyTorch. The weights are copied.
//
// Images are stored pixel by pixel, with all channels of a pixel side by side. So every layer does the same work: for
// each tap of its kernel, the channels of some input pixels are multiplied with one matrix, which stays in the
// processor's cache meanwhile, and added to those of some output pixels. Numbers that are 0, as after a ReLU, are
// skipped.

import { layersOf, product } from "./layers.js";
import { kernelFor } from "./simd-kernel.js";

/** @import { Weights } from "../data/frame.js" */
/** @import { ComputingLayer, ConvolutionLayer, Layer, Step, TransposedLayer } from "./layers.js" */
/** @import { NetworkInput } from "./network.js" */

/**
 * How a layer connects pixels: for each kernel tap, pairs [input pixel, output pixel, …]; and the distances of its
 * weights between two output channels and between two input channels.
 * @typedef {{ taps: ArrayLike<number>[], strides: [perOut: number, perChannel: number] }} Geometry
 */

/**
 * A layer with its memory. `width`: numbers of an output pixel, padded to a multiple of four; `matrices`: the address of
 * each tap's matrix; `output`: its address; `blank`: the output before anything is added to it; `source`: where the
 * numbers of the input are, pixel by pixel; `begins`: the address of each input pixel's entries. Addresses in bytes.
 * @typedef {Geometry & {
 *   name: string,
 *   relu: boolean,
 *   channels: number,
 *   out: number,
 *   pixels: number,
 *   pixelsOut: number,
 *   width: number,
 *   matrices: number[],
 *   output: number,
 *   blank: Float32Array,
 *   source: Int32Array,
 *   begins: Int32Array,
 *   skip: Skip | null,
 * }} SimdStep
 */

/**
 * What a skip connection adds, `source` as of AddStep: where the numbers of both are, and where their sum goes, channel by
 * channel.
 * @typedef {{ source: number, first: Int32Array, second: Int32Array, sum: Int32Array }} Skip
 */

const PAGE = 65536; // bytes
const TILE = 8; // rows of a matrix copied together, so that both it and the weights are read and written in order

export class SimdNetwork {
  /**
   * As of Network.
   * @param {Layer[]} plan
   * @param {Weights} arrays
   * @param {string} prefix
   * @param {number[]} inputShape
   */
  constructor(plan, arrays, prefix, inputShape) {
    /** @type {SimdStep[]} */
    this.steps = layersOf(plan, inputShape).map((step) => {
      const { i, from, to, relu } = step;
      const [[channels, ...before], [out, ...after]] = [from, to];
      const [pixels, pixelsOut] = [before, after].map(product);
      const width = 4 * Math.ceil(out / 4); // numbers of an output pixel, padded to a multiple of four
      return {
        name: `${prefix}.${i}`,
        ...geometryOf(step, before, after),
        relu,
        channels,
        out,
        pixels,
        pixelsOut,
        width,
        matrices: [],
        output: 0,
        blank: new Float32Array(pixelsOut * width),
        source: new Int32Array(pixels * channels),
        begins: new Int32Array(pixels + 1),
        skip: "source" in step ? skipOf(step.source, product(to)) : null,
      };
    });
    const { size, entries } = this.reserve();
    this.entries = entries;
    const memory = new WebAssembly.Memory({ initial: Math.ceil(size / PAGE) });
    this.floats = new Float32Array(memory.buffer);
    this.ints = new Int32Array(memory.buffer);
    this.add = kernelFor(memory);
    this.result = this.connect(product(inputShape)); // where the numbers of the output are
    this.outputSize = this.result.length;
    this.output = new Float32Array(this.outputSize);
    this.adopt(arrays);
  }

  /**
   * Replaces the weights.
   * @param {Weights} arrays
   */
  adopt(arrays) {
    for (const step of this.steps)
      if (!step.skip) this.copy(step, arrays[`${step.name}.weight`], arrays[`${step.name}.bias`]);
  }

  /** Assigns addresses in one memory to all matrices, all outputs, and the entries of one layer at a time. */
  reserve() {
    let size = 0;
    const place = (/** @type {number} */ bytes) => {
      const at = size;
      size += 16 * Math.ceil(bytes / 16);
      return at;
    };
    for (const step of this.steps) {
      step.matrices = step.taps.map(() => place(4 * step.channels * step.width));
      step.output = place(4 * step.pixelsOut * step.width);
    }
    const entries = place(8 * Math.max(0, ...this.steps.map(({ pixels, channels }) => pixels * channels)));
    return { size, entries };
  }

  /**
   * Copies the weights of a layer.
   * @param {SimdStep} step
   * @param {ArrayLike<number>} weight
   * @param {ArrayLike<number>} bias
   */
  copy(step, weight, bias) {
    const { floats } = this;
    const { channels, out, width, pixelsOut } = step;
    const [perOut, perChannel] = step.strides;
    step.matrices.forEach((at, tap) => {
      for (let first = 0; first < channels; first += TILE) {
        const count = Math.min(TILE, channels - first);
        for (let o = 0; o < out; o++) {
          let from = tap + o * perOut + first * perChannel;
          let to = at / 4 + first * width + o;
          for (let c = 0; c < count; c++, from += perChannel, to += width) floats[to] = weight[from];
        }
      }
    });
    for (let p = 0; p < pixelsOut; p++) step.blank.set(bias, p * width);
  }

  /**
   * Fills in `source` of every step. Returns the indices of the output's numbers in memory, channel by channel.
   * @param {number} inputSize
   */
  connect(inputSize) {
    /** @type {((flat: number) => number)[]} */
    const places = [(flat) => flat]; // of the input, then of every step's output
    let where = places[0];
    let outputSize = inputSize;
    for (const step of this.steps) {
      const { pixels, channels, pixelsOut, width } = step;
      for (let p = 0, i = 0; p < pixels; p++)
        for (let c = 0; c < channels; c++, i++) step.source[i] = where(c * pixels + p);
      const begin = step.output / 4;
      const before = where;
      where = (flat) => begin + (flat % pixelsOut) * width + Math.floor(flat / pixelsOut);
      places.push(where);
      for (let flat = 0; step.skip && flat < step.skip.sum.length; flat++) {
        step.skip.first[flat] = before(flat);
        step.skip.second[flat] = places[step.skip.source + 1](flat);
        step.skip.sum[flat] = where(flat);
      }
      outputSize = step.out * pixelsOut;
    }
    return new Int32Array(outputSize).map((_, flat) => where(flat));
  }

  /**
   * The output for one input, overwritten by the next call.
   * @param {NetworkInput} input
   */
  run(input) {
    let from = input;
    let least = -Infinity; // smaller numbers are read as this one
    for (const step of this.steps) {
      if (step.skip) this.sum(step.skip, from, least, input);
      else {
        this.gather(step, from, least);
        this.floats.set(step.blank, step.output / 4);
        step.taps.forEach((pairs, tap) => {
          this.apply(step, pairs, step.matrices[tap]);
        });
      }
      from = this.floats;
      least = step.relu ? 0 : -Infinity;
    }
    const { output, result } = this;
    for (let i = 0; i < output.length; i++) output[i] = Math.max(least, from[result[i]]);
    return output;
  }

  /**
   * Adds two outputs; of both, smaller numbers than 0 are read as 0 where a ReLU follows them.
   * @param {Skip} skip
   * @param {ArrayLike<number>} from where the first one is
   * @param {number} least smaller numbers of the first one are read as this
   * @param {NetworkInput} input
   */
  sum({ source, first, second, sum }, from, least, input) {
    const { floats } = this;
    const skipped = source < 0 ? input : floats;
    const leastSkipped = source >= 0 && this.steps[source].relu ? 0 : -Infinity;
    for (let i = 0; i < sum.length; i++)
      floats[sum[i]] = Math.max(least, from[first[i]]) + Math.max(leastSkipped, skipped[second[i]]);
  }

  /**
   * Writes the input's non-zero numbers above `least` as entries: the offset of their matrix row, and the number.
   * @param {SimdStep} step
   * @param {ArrayLike<number>} from
   * @param {number} least
   */
  gather({ source, begins, pixels, channels, width }, from, least) {
    const { floats, ints } = this;
    let at = this.entries / 4;
    for (let p = 0, i = 0; p < pixels; p++) {
      begins[p] = 4 * at;
      for (let c = 0; c < channels; c++, i++) {
        const value = from[source[i]];
        if (value === 0 || value <= least) continue;
        ints[at] = 4 * c * width;
        floats[at + 1] = value;
        at += 2;
      }
    }
    begins[pixels] = 4 * at;
  }

  /**
   * Adds the products of one kernel tap to the output.
   * @param {SimdStep} step
   * @param {ArrayLike<number>} pairs
   * @param {number} matrix address
   */
  apply({ begins, output, width }, pairs, matrix) {
    const { add } = this;
    for (let i = 0; i < pairs.length; i += 2) {
      const y = output + 4 * width * pairs[i + 1];
      add(y, matrix, y + 4 * width, begins[pairs[i]], begins[pairs[i] + 1]);
    }
  }
}

/**
 * @param {number} source
 * @param {number} size
 * @returns {Skip}
 */
const skipOf = (source, size) => ({
  source,
  first: new Int32Array(size),
  second: new Int32Array(size),
  sum: new Int32Array(size),
});

/**
 * @param {Step} step
 * @param {number[]} before [height, width] of the input; [] for a linear layer
 * @param {number[]} after the same of the output
 * @returns {Geometry}
 */
function geometryOf({ layer }, before, after) {
  if (layer.op === "add") return { taps: [], strides: [0, 0] };
  if (layer.op === "linear") return { taps: [[0, 0]], strides: [layer.in, 1] };
  const area = layer.kernel ** 2;
  if (layer.op === "conv")
    return {
      taps: tapsOf(layer, after, before, (coarse, fine) => [fine, coarse]),
      strides: [layer.in * area, area],
    };
  return {
    taps: tapsOf(layer, before, after, (coarse, fine) => [coarse, fine]),
    strides: [area, layer.out * area],
  };
}

/**
 * For every kernel tap, the pairs of pixels that it connects: each pixel of the coarse image meets one of the fine
 * image, which has `stride` times as many.
 * @param {ConvolutionLayer | TransposedLayer} layer
 * @param {number[]} coarse [height, width]
 * @param {number[]} fine [height, width]
 * @param {(coarse: number, fine: number) => [number, number]} pair
 */
function tapsOf({ kernel, stride, padding }, [h, w], [height, width], pair) {
  return Array.from({ length: kernel ** 2 }, (_, tap) => {
    const pairs = [];
    for (let row = 0; row < h; row++)
      for (let col = 0; col < w; col++) {
        const [y, x] = [row * stride - padding + Math.floor(tap / kernel), col * stride - padding + (tap % kernel)];
        if (y >= 0 && y < height && x >= 0 && x < width) pairs.push(...pair(row * w + col, y * width + x));
      }
    return Int32Array.from(pairs);
  });
}
