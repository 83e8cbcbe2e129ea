// The layers of a plan (vae/plan.py) that compute something, with the shapes between them.

export const product = (shape) => shape.reduce((a, b) => a * b, 1);

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

// [{ layer, i, from, to, relu }]: its place i in the plan, which its weights are named after, the shapes of what goes in and
// of what comes out, and whether what is below 0 becomes 0.
export function layersOf(plan, shape) {
  const found = [];
  plan.forEach((layer, i) => {
    if (layer.op === "relu") {
      found.at(-1).relu = true;
    } else if (layer.op === "flatten" || layer.op === "unflatten") {
      shape = layer.shape ?? [product(shape)];
    } else {
      const to = SHAPES[layer.op](layer, shape);
      found.push({ layer, i, from: shape, to, relu: false });
      shape = to;
    }
  });
  return found;
}

// Numbers multiplied for one output: every weight as often as there are pixels on the side where images are smaller.
export const products = (plan, shape) =>
  layersOf(plan, shape).reduce((sum, { layer, from, to }) => {
    const pixels = { linear: 1, conv: product(to.slice(1)), conv_transpose: product(from.slice(1)) }[layer.op];
    return sum + layer.in * layer.out * (layer.kernel ?? 1) ** 2 * pixels;
  }, 0);
