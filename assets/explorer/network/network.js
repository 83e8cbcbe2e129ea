// The layers of vae/networks.py, executed in the browser from the same plan and the same weights.

import { layersOf, product, products } from "./layers.js";
import { HAS_KERNEL } from "./simd-kernel.js";
import { SimdNetwork } from "./simd-network.js";

export class Network {
  // `plan` is a list of layers, `arrays` holds their weights under `prefix`.i.weight and .bias; `inputShape` is
  // [k] for a decoder and [channels, height, width] for an encoder's trunk.
  constructor(plan, arrays, prefix, inputShape) {
    this.plan = plan;
    this.prefix = prefix;
    this.inputShape = inputShape;
    this.adopt(arrays);
    this.outputSize = this.steps.at(-1)?.output.length ?? product(inputShape); // there may be no layer at all
  }

  // Computes with these weights from now on.
  adopt(arrays) {
    const { plan, prefix, inputShape } = this;
    this.steps = layersOf(plan, inputShape).map(({ layer, i, from, to, relu }) => {
      const weights = { weight: arrays[`${prefix}.${i}.weight`], bias: arrays[`${prefix}.${i}.bias`] };
      return { compute: OPS[layer.op](layer, weights, from, to), output: new Float32Array(product(to)), relu };
    });
  }

  // The output for one input; it is overwritten by the next call.
  run(input) {
    let x = input;
    for (const step of this.steps) {
      step.compute(x, step.output);
      if (step.relu) rectify(step.output);
      x = step.output;
    }
    return x;
  }
}

// E[x|z] of the frame's model. `decode(z)` returns pixel means (channels, height, width), overwritten by the next call.
// `Layers` executes them: Network, which reads dense weights where they are, or SimdNetwork, which has copies.
export class Decoder {
  constructor(frame, Layers = Network) {
    const { plan, latent_dim, likelihood } = frame.meta;
    this.network = new Layers(plan.decoder, frame.arrays, "decoder.layers", [latent_dim]);
    this.input = new Float32Array(latent_dim);
    this.output = new Float32Array(this.network.outputSize);
    this.bernoulli = likelihood === "bernoulli";
  }

  decode(z) {
    this.input.set(z);
    const raw = (this.raw = this.network.run(this.input)); // logits, where the likelihood is Bernoulli
    if (this.bernoulli) for (let i = 0; i < raw.length; i++) this.output[i] = 1 / (1 + Math.exp(-raw[i]));
    else this.output.set(raw);
    return this.output;
  }

  adopt({ arrays }) {
    this.network.adopt(arrays);
  }

  answer(z) {
    return { pixels: this.decode(z), raw: this.raw };
  }

  // Numbers multiplied for one answer.
  static products({ plan, latent_dim }) {
    return products(plan.decoder, [latent_dim]);
  }
}

// q(z|x) of the frame's model: `encode(x)` returns { mu, logvar } for pixels in [0, 1].
export class Encoder {
  constructor(frame, Layers = Network) {
    const { plan, image_shape, latent_dim, features } = frame.meta;
    const head = (name) =>
      new Layers([{ op: "linear", in: features, out: latent_dim }], headArrays(frame.arrays, name), "head", [features]);
    this.trunk = new Layers(plan.trunk, frame.arrays, "encoder.trunk", image_shape);
    this.mu = head("mu");
    this.logvar = head("logvar");
  }

  encode(x) {
    const features = this.trunk.run(x);
    return { mu: this.mu.run(features), logvar: this.logvar.run(features) };
  }

  answer(x) {
    return this.encode(x);
  }

  static products({ plan, image_shape, latent_dim, features }) {
    return products(plan.trunk, image_shape) + 2 * features * latent_dim;
  }
}

export const NETWORKS = { decode: Decoder, encode: Encoder };

// The quickest one that this browser has.
export const networkOf = (kind, frame) => new NETWORKS[kind](frame, HAS_KERNEL ? SimdNetwork : Network);

const headArrays = (arrays, name) => ({
  "head.0.weight": arrays[`encoder.${name}.weight`],
  "head.0.bias": arrays[`encoder.${name}.bias`],
});

function rectify(x) {
  for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0;
}

const OPS = { linear, conv: convolution, conv_transpose: transposedConvolution };

// The numbers of a vector that are not 0: after a ReLU, half of them or fewer. Products run over these alone.
class Sparse {
  constructor(size) {
    this.index = new Int32Array(size);
    this.value = new Float64Array(size);
    this.count = 0;
  }

  // Takes x[offset], x[offset + stride], …
  gather(x, offset = 0, stride = 1) {
    let count = 0;
    for (let i = 0, p = offset; i < this.index.length; i++, p += stride) {
      if (x[p] === 0) continue;
      this.index[count] = i;
      this.value[count++] = x[p];
    }
    this.count = count;
  }

  // Takes the square of side `kernel` from (top, left) of every channel; what lies outside of the image is 0.
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

  // y = weight · x for a matrix of `rows` rows; four at a time, so that each number of x is read once for four sums.
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

// For every output pixel, the matrix of all kernels times the patch of the input that it sees.
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

// Every input pixel gives one number to each tap of each output channel: a matrix product over the channels, the results
// of which are then added up where they fall.
function transposedConvolution({ kernel, stride, padding }, { weight, bias }, [channels, height, width], [out, h, w]) {
  const taps = kernel * kernel;
  const byTap = new Float32Array(weight.length); // (out, tap, channel) from (channel, out, tap)
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < out * taps; i++) byTap[i * channels + c] = weight[c * out * taps + i];
  const sparse = new Sparse(channels);
  const sums = new Float64Array(out * taps);
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
