// The frame: one binary that carries everything the explorer shows. Written by vae/export.py.
//
// bytes 0–3 "ELBF", bytes 4–7 header length (uint32, little endian), header (JSON), then the arrays, each at a multiple
// of 8 bytes from the end of the header.

import { expand } from "./half.js";

const TYPES = { f4: Float32Array, i4: Int32Array, u1: Uint8Array };

export class Frame {
  constructor(buffer) {
    const magic = new TextDecoder().decode(new Uint8Array(buffer, 0, 4));
    if (magic !== "ELBF") throw new Error("this is not a frame");
    const length = new DataView(buffer).getUint32(4, true);
    this.meta = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    this.arrays = {};
    for (const [name, [type, shape, offset]] of Object.entries(this.meta.arrays)) {
      const size = shape.reduce((a, b) => a * b, 1);
      const start = 8 + length + offset;
      this.arrays[name] = type === "f2" ? expand(new Uint16Array(buffer, start, size)) : new TYPES[type](buffer, start, size);
    }
  }

  static async fetch(url) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return new Frame(await response.arrayBuffer());
  }

  get count() {
    return this.arrays.mu ? this.arrays.mu.length / this.meta.latent_dim : 0;
  }
}
