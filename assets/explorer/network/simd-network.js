// Network of network.js once more, many numbers at a time, in WebAssembly: several times as fast. Same plan, same weights,
// and sums in float32, as PyTorch's are. The weights are copied.
//
// Images lie pixel by pixel here, all channels of one side by side. So every layer is the same work: for each tap of its
// kernel, the channels of some input pixels are multiplied with one matrix, which stays in the processor's cache
// meanwhile, and added to those of some output pixels. Numbers that are 0, as after a ReLU, are left out.

import { layersOf, product } from "./layers.js";
import { kernelFor } from "./simd-kernel.js";

const PAGE = 65536; // bytes
const TILE = 8; // rows of a matrix written side by side, so that both it and the weights are gone through in order

export class SimdNetwork {
  // As Network's.
  constructor(plan, arrays, prefix, inputShape) {
    this.steps = layersOf(plan, inputShape).map(({ layer, i, from, to, relu }) => {
      const [[channels, ...before], [out, ...after]] = [from, to];
      const [pixels, pixelsOut] = [before, after].map(product);
      const width = 4 * Math.ceil(out / 4); // numbers of an output pixel, with what makes them a multiple of four
      return {
        name: `${prefix}.${i}`,
        ...GEOMETRIES[layer.op](layer, before, after),
        relu,
        channels,
        out,
        pixels,
        pixelsOut,
        width,
      };
    });
    this.reserve();
    this.connect(product(inputShape));
    this.adopt(arrays);
  }

  // As Network's.
  adopt(arrays) {
    for (const step of this.steps) this.copy(step, arrays[`${step.name}.weight`], arrays[`${step.name}.bias`]);
  }

  // Gives everything its place in one memory: all matrices, the output of every layer, and the entries of one at a time.
  reserve() {
    let size = 0;
    const place = (bytes) => {
      const at = size;
      size += 16 * Math.ceil(bytes / 16);
      return at;
    };
    for (const step of this.steps) {
      step.matrices = step.taps.map(() => place(4 * step.channels * step.width));
      step.output = place(4 * step.pixelsOut * step.width);
    }
    this.entries = place(8 * Math.max(0, ...this.steps.map(({ pixels, channels }) => pixels * channels)));
    const memory = new WebAssembly.Memory({ initial: Math.ceil(size / PAGE) });
    this.floats = new Float32Array(memory.buffer);
    this.ints = new Int32Array(memory.buffer);
    this.add = kernelFor(memory);
  }

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
    step.blank ??= new Float32Array(pixelsOut * width); // the output before anything is added to it
    for (let p = 0; p < pixelsOut; p++) step.blank.set(bias, p * width);
  }

  // Where each step finds its input, and the page the output: both count channel by channel.
  connect(inputSize) {
    let where = (flat) => flat;
    this.outputSize = inputSize;
    for (const step of this.steps) {
      const { pixels, channels, pixelsOut, width } = step;
      step.source = new Int32Array(pixels * channels);
      for (let p = 0, i = 0; p < pixels; p++)
        for (let c = 0; c < channels; c++, i++) step.source[i] = where(c * pixels + p);
      step.begins = new Int32Array(pixels + 1);
      const begin = step.output / 4;
      where = (flat) => begin + (flat % pixelsOut) * width + Math.floor(flat / pixelsOut);
      this.outputSize = step.out * pixelsOut;
    }
    this.result = new Int32Array(this.outputSize).map((_, flat) => where(flat));
    this.output = new Float32Array(this.outputSize);
  }

  // As Network's: the output for one input, overwritten by the next call.
  run(input) {
    let [from, least] = [input, -Infinity];
    for (const step of this.steps) {
      this.gather(step, from, least);
      this.floats.set(step.blank, step.output / 4);
      step.taps.forEach((pairs, tap) => this.apply(step, pairs, step.matrices[tap]));
      from = this.floats;
      least = step.relu ? 0 : -Infinity;
    }
    const { output, result } = this;
    for (let i = 0; i < output.length; i++) output[i] = Math.max(least, from[result[i]]);
    return output;
  }

  // The input's numbers above `least` that are not 0, as entries: where their row of a matrix begins, and the number.
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

  apply({ begins, output, width }, pairs, matrix) {
    const { add } = this;
    for (let i = 0; i < pairs.length; i += 2) {
      const y = output + 4 * width * pairs[i + 1];
      add(y, matrix, y + 4 * width, begins[pairs[i]], begins[pairs[i] + 1]);
    }
  }
}

// Of a layer: for each tap of its kernel the pixels that meet, as pairs of input and output; and how far apart its weights
// stand for one output channel and the next, and for one input channel and the next.
const GEOMETRIES = {
  linear: (layer) => ({ taps: [[0, 0]], strides: [layer.in, 1] }),
  conv: (layer, before, after) => ({
    taps: tapsOf(layer, after, before, (coarse, fine) => [fine, coarse]),
    strides: [layer.in * layer.kernel ** 2, layer.kernel ** 2],
  }),
  conv_transpose: (layer, before, after) => ({
    taps: tapsOf(layer, before, after, (coarse, fine) => [coarse, fine]),
    strides: [layer.kernel ** 2, layer.out * layer.kernel ** 2],
  }),
};

// Each pixel of the coarse image meets one of the fine image, which has `stride` times as many, at every tap.
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
