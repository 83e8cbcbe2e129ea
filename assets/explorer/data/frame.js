// The frame: one binary that carries everything the explorer shows. Written by vae/files/frame.py.
//
// bytes 0–3 "ELBF", bytes 4–7 header length (uint32, little endian), header (JSON), then the arrays, each at a multiple
// of 8 bytes from the end of the header.

import { expand } from "./half.js";
import { visible } from "./names.js";

const TYPES = { f4: Float32Array, i4: Int32Array, u1: Uint8Array };
const READERS = {
  ...Object.fromEntries(Object.entries(TYPES).map(([type, Kind]) => [type, (...at) => new Kind(...at)])),
  f2: (buffer, start, size) => expand(new Uint16Array(buffer, start, size)),
  p4: (buffer, start, size) => merge(new Uint8Array(buffer, start, 4 * size), size),
  q: (buffer, start, size, columns) => scaled(new Uint8Array(buffer, start), size, columns),
};

export class Frame {
  constructor(buffer) {
    const magic = new TextDecoder().decode(new Uint8Array(buffer, 0, 4));
    if (magic !== "ELBF") throw new Error("this is not a frame");
    const length = new DataView(buffer).getUint32(4, true);
    this.meta = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    const { classes } = this.meta;
    if (classes) Object.assign(this.meta, { classes: classes.map(visible), given_classes: classes });
    this.arrays = {};
    for (const [name, [type, shape, offset, columns]] of Object.entries(this.meta.arrays)) {
      const size = shape.reduce((a, b) => a * b, 1);
      this.arrays[name] = READERS[type](buffer, 8 + length + offset, size, columns);
    }
  }

  // `options` are those of the browser's fetch.
  static async fetch(url, options) {
    const response = await fetch(url, options);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return new Frame(await response.arrayBuffer());
  }

  get count() {
    return this.arrays.mu ? this.arrays.mu.length / this.meta.latent_dim : 0;
  }
}

// float32 numbers whose bytes came sorted by significance: all the lowest, …, all the highest.
function merge(planes, size) {
  const bytes = new Uint8Array(4 * size);
  for (let b = 0; b < 4; b++) for (let i = 0; i < size; i++) bytes[4 * i + b] = planes[b * size + i];
  return new Float32Array(bytes.buffer);
}

// Quantised numbers, row by row. They come column by column, each from its own lowest value on and with its own number of
// bits, at most 16 and the lowest first.
function scaled(bytes, size, { low, step, bits }) {
  const k = low.length;
  const out = new Float32Array(size);
  let begin = 0;
  for (let d = 0; d < k; d++) {
    const mask = (1 << bits[d]) - 1;
    for (let i = d, at = 0; i < size; i += k, at += bits[d]) {
      const byte = begin + (at >>> 3);
      const code = ((bytes[byte] | (bytes[byte + 1] << 8) | (bytes[byte + 2] << 16)) >>> (at & 7)) & mask;
      out[i] = low[d] + step * code;
    }
    begin += Math.ceil(((size / k) * bits[d]) / 8);
  }
  return out;
}
