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
    const raw = this.network.run(this.input);
    if (this.bernoulli) for (let i = 0; i < raw.length; i++) this.output[i] = 1 / (1 + Math.exp(-raw[i]));
    else this.output.set(raw);
    return this.output;
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
}

const headArrays = (arrays, name) => ({
  "head.0.weight": arrays[`encoder.${name}.weight`],
  "head.0.bias": arrays[`encoder.${name}.bias`],
});

const product = (shape) => shape.reduce((a, b) => a * b, 1);

function rectify(x) {
  for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0;
}

const OPS = { linear, conv: convolution, conv_transpose: transposedConvolution };

function linear(layer, { weight, bias }) {
  const n = layer.in;
  const compute = (x, y) => {
    let o = 0;
    for (; o + 4 <= layer.out; o += 4) {
      // four rows at a time read each input once and keep four sums going
      let a = 0, b = 0, c = 0, d = 0;
      for (let i = 0, p = o * n, q = p + n, r = q + n, s = r + n; i < n; i++) {
        const v = x[i];
        a += weight[p + i] * v;
        b += weight[q + i] * v;
        c += weight[r + i] * v;
        d += weight[s + i] * v;
      }
      y[o] = a + bias[o];
      y[o + 1] = b + bias[o + 1];
      y[o + 2] = c + bias[o + 2];
      y[o + 3] = d + bias[o + 3];
    }
    for (; o < layer.out; o++) {
      let sum = 0;
      for (let i = 0, p = o * n; i < n; i++) sum += weight[p + i] * x[i];
      y[o] = sum + bias[o];
    }
  };
  compute.shape = [layer.out];
  return compute;
}

// Pixels of `inner` that meet pixels of `outer` for one kernel offset: inner i ↔ outer i·stride + offset − padding.
function overlap(offset, padding, stride, inner, outer) {
  const first = Math.max(0, Math.ceil((padding - offset) / stride));
  const last = Math.min(inner - 1, Math.floor((outer - 1 + padding - offset) / stride));
  return [first, last];
}

function convolution(layer, { weight, bias }, [channels, height, width]) {
  const { out, kernel, stride, padding } = layer;
  const [h, w] = [height, width].map((n) => Math.floor((n + 2 * padding - kernel) / stride) + 1);
  const compute = (x, y) => {
    for (let o = 0; o < out; o++) y.fill(bias[o], o * h * w, (o + 1) * h * w);
    eachTap(kernel, padding, stride, [h, w], [height, width], (tap, ky, kx, [y0, y1], [x0, x1]) => {
      for (let o = 0; o < out; o++)
        for (let c = 0; c < channels; c++) {
          const k = weight[(o * channels + c) * kernel * kernel + tap];
          for (let row = y0; row <= y1; row++) {
            const to = (o * h + row) * w;
            const from = (c * height + row * stride + ky) * width + kx;
            for (let col = x0; col <= x1; col++) y[to + col] += k * x[from + col * stride];
          }
        }
    });
  };
  compute.shape = [out, h, w];
  return compute;
}

function transposedConvolution(layer, { weight, bias }, [channels, height, width]) {
  const { out, kernel, stride, padding, output_padding: extra } = layer;
  const [h, w] = [height, width].map((n, i) => (n - 1) * stride - 2 * padding + kernel + extra[i]);
  const compute = (x, y) => {
    for (let o = 0; o < out; o++) y.fill(bias[o], o * h * w, (o + 1) * h * w);
    eachTap(kernel, padding, stride, [height, width], [h, w], (tap, ky, kx, [y0, y1], [x0, x1]) => {
      for (let c = 0; c < channels; c++)
        for (let o = 0; o < out; o++) {
          const k = weight[(c * out + o) * kernel * kernel + tap];
          for (let row = y0; row <= y1; row++) {
            const from = (c * height + row) * width;
            const to = (o * h + row * stride + ky) * w + kx;
            for (let col = x0; col <= x1; col++) y[to + col * stride] += k * x[from + col];
          }
        }
    });
  };
  compute.shape = [out, h, w];
  return compute;
}

// Calls `visit` for every kernel element with its displacement and the rows and columns of the smaller image it meets.
function eachTap(kernel, padding, stride, inner, outer, visit) {
  for (let i = 0; i < kernel; i++)
    for (let j = 0; j < kernel; j++)
      visit(
        i * kernel + j, i - padding, j - padding,
        overlap(i, padding, stride, inner[0], outer[0]), overlap(j, padding, stride, inner[1], outer[1]),
      );
}
