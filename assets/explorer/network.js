// The layers of vae/networks.py, executed in the browser from the same plan and the same weights.

export class Network {
  // `layers` is a list of the plan, `arrays` holds its weights under `prefix`.i.weight and .bias; `inputShape` is
  // [k] for a decoder and [channels, height, width] for an encoder's trunk.
  constructor(layers, arrays, prefix, inputShape) {
    this.steps = [];
    let shape = inputShape;
    layers.forEach((layer, i) => {
      if (layer.op === "relu") {
        this.steps.at(-1).relu = true;
      } else if (layer.op === "flatten" || layer.op === "unflatten") {
        shape = layer.shape ?? [product(shape)];
      } else {
        const step = { weight: arrays[`${prefix}.${i}.weight`], bias: arrays[`${prefix}.${i}.bias`], relu: false };
        step.compute = OPS[layer.op](layer, step, shape);
        step.output = new Float32Array(product(step.compute.shape));
        shape = step.compute.shape;
        this.steps.push(step);
      }
    });
    this.outputSize = product(shape);
    this.products = this.steps.reduce((sum, step) => sum + step.compute.products, 0); // numbers multiplied for one output
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
export class Decoder {
  constructor(frame) {
    const { plan, latent_dim, likelihood } = frame.meta;
    this.network = new Network(plan.decoder, frame.arrays, "decoder.layers", [latent_dim]);
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

  answer(z) {
    return { pixels: this.decode(z), raw: this.raw };
  }

  get products() {
    return this.network.products;
  }
}

// q(z|x) of the frame's model: `encode(x)` returns { mu, logvar } for pixels in [0, 1].
export class Encoder {
  constructor(frame) {
    const { plan, image_shape, latent_dim, features } = frame.meta;
    const head = (name) =>
      new Network([{ op: "linear", in: features, out: latent_dim }], headArrays(frame.arrays, name), "head", [features]);
    this.trunk = new Network(plan.trunk, frame.arrays, "encoder.trunk", image_shape);
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

  get products() {
    return this.trunk.products + this.mu.products + this.logvar.products;
  }
}

export const NETWORKS = { decode: Decoder, encode: Encoder };

const headArrays = (arrays, name) => ({
  "head.0.weight": arrays[`encoder.${name}.weight`],
  "head.0.bias": arrays[`encoder.${name}.bias`],
});

const product = (shape) => shape.reduce((a, b) => a * b, 1);

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
      const p = o * n, q = p + n, r = q + n, s = r + n;
      let a = 0, b = 0, c = 0, d = 0;
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
  const compute = (x, y) => {
    sparse.gather(x);
    sparse.multiply(weight, rows, sums);
    for (let o = 0; o < rows; o++) y[o] = sums[o] + bias[o];
  };
  compute.shape = [rows];
  compute.products = weight.length;
  return compute;
}

// For every output pixel, the matrix of all kernels times the patch of the input that it sees.
function convolution(layer, { weight, bias }, [channels, height, width]) {
  const { out, kernel, stride, padding } = layer;
  const [h, w] = [height, width].map((n) => Math.floor((n + 2 * padding - kernel) / stride) + 1);
  const sparse = new Sparse(channels * kernel * kernel);
  const sums = new Float64Array(out);
  const compute = (x, y) => {
    for (let row = 0; row < h; row++)
      for (let col = 0; col < w; col++) {
        sparse.gatherPatch(x, channels, height, width, kernel, row * stride - padding, col * stride - padding);
        sparse.multiply(weight, out, sums);
        for (let o = 0; o < out; o++) y[(o * h + row) * w + col] = sums[o] + bias[o];
      }
  };
  compute.shape = [out, h, w];
  compute.products = weight.length * h * w;
  return compute;
}

// Every input pixel gives one number to each tap of each output channel: a matrix product over the channels, the results
// of which are then added up where they fall.
function transposedConvolution(layer, { weight, bias }, [channels, height, width]) {
  const { out, kernel, stride, padding, output_padding: extra } = layer;
  const [h, w] = [height, width].map((n, i) => (n - 1) * stride - 2 * padding + kernel + extra[i]);
  const taps = kernel * kernel;
  let byTap = null; // (out, tap, channel) from (channel, out, tap), once it is needed: of a large network that takes a while
  const sparse = new Sparse(channels);
  const sums = new Float64Array(out * taps);
  const compute = (x, y) => {
    byTap ??= turned(weight, channels, out * taps);
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
  compute.shape = [out, h, w];
  compute.products = weight.length * height * width;
  return compute;
}

// The matrix of `rows` × `columns` with its columns as rows.
function turned(matrix, rows, columns) {
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[column * rows + row] = matrix[row * columns + column];
  return result;
}
