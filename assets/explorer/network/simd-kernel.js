// The one function of simd-network.js as WebAssembly code; simd-kernel.wat is its readable source, which a test
// assembles.
//
//   add(y, w, end, from, to): y[0 … end) += Σ value · w[offset + 0 …), over the entries { offset, value } in [from, to)
//
// All are addresses in bytes; y, w and end lie 16 bytes apart or multiples of it, so that four float32 are one step.

const [I32, V128, VOID] = [0x7f, 0x7b, 0x40];
const [Y, W, END, FROM, TO, ENTRY, AT, VALUE, SUMS] = [0, 1, 2, 3, 4, 5, 6, 7, 8]; // parameters, then locals
const WIDEST = 8; // sums of four numbers that are kept at once

/**
 * An unsigned integer in LEB128, the variable-length code of WebAssembly.
 * @param {number} n
 * @returns {number[]}
 */
const unsigned = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)]);
/** @param {number} local */
const get = (local) => [0x20, local];
/** @param {number} local */
const set = (local) => [0x21, local];
/** @param {number} n */
const constant = (n) => [0x41, ...(n < 64 ? [n] : [(n & 127) | 128, n >> 7])];
/** @param {number} offset */
const load = (offset) => [0xfd, 0x00, 0, ...unsigned(offset)];
/** @param {number} offset */
const store = (offset) => [0xfd, 0x0b, 0, ...unsigned(offset)];
const [LOAD_I32, SPLAT_VALUE] = [
  [0x28, 2, 0],
  [0xfd, 0x09, 2, 4],
];
const [ADD, ABOVE, NOT_BELOW, MULTIPLY_4, ADD_4] = [[0x6a], [0x4b], [0x4f], [0xfd, 0xe6, 0x01], [0xfd, 0xe4, 0x01]];
const [AGAIN, LEAVE_IF, END_OF] = [[0x0c, 0], [0x0d, 1], [0x0b]];

/**
 * @param {number} local
 * @param {number} by
 */
const advance = (local, by) => [...get(local), ...constant(by), ...ADD, ...set(local)];
/**
 * @param {number[]} condition
 * @param {number[]} body
 */
const loopUntil = (condition, body) => [
  0x02,
  VOID,
  0x03,
  VOID,
  ...condition,
  ...LEAVE_IF,
  ...body,
  ...AGAIN,
  ...END_OF,
  ...END_OF,
];
/**
 * @param {number} count
 * @param {(i: number) => number[]} code
 */
const each = (count, code) => Array.from({ length: count }, (_, i) => code(i)).flat();

/**
 * Adds all entries to `count` vectors of y at once, as long as so many are left.
 * @param {number} count
 */
const fours = (count) =>
  loopUntil(
    [...get(Y), ...constant(16 * count), ...ADD, ...get(END), ...ABOVE],
    [
      ...each(count, (i) => [...get(Y), ...load(16 * i), ...set(SUMS + i)]),
      ...get(FROM),
      ...set(ENTRY),
      ...loopUntil(
        [...get(ENTRY), ...get(TO), ...NOT_BELOW],
        [
          ...get(ENTRY),
          ...LOAD_I32,
          ...get(W),
          ...ADD,
          ...set(AT),
          ...get(ENTRY),
          ...SPLAT_VALUE,
          ...set(VALUE),
          ...each(count, (i) => [
            ...get(SUMS + i),
            ...get(VALUE),
            ...get(AT),
            ...load(16 * i),
            ...MULTIPLY_4,
            ...ADD_4,
            ...set(SUMS + i),
          ]),
          ...advance(ENTRY, 8),
        ],
      ),
      ...each(count, (i) => [...get(Y), ...get(SUMS + i), ...store(16 * i)]),
      ...advance(Y, 16 * count),
      ...advance(W, 16 * count),
    ],
  );

/** @param {number[]} bytes */
const sized = (bytes) => [...unsigned(bytes.length), ...bytes];
/**
 * @param {number} id
 * @param {...(number | number[])} entries
 */
const section = (id, ...entries) => [id, ...sized([...unsigned(entries.length), ...entries.flat()])];
/** @param {string} string */
const text = (string) => sized([...string].map((c) => c.charCodeAt(0)));

const LOCALS = [2, 2, I32, 1 + WIDEST, V128];
const CODE = [...LOCALS, ...fours(WIDEST), ...fours(2), ...fours(1), ...END_OF];
export const BYTES = Uint8Array.from([
  0x00,
  0x61,
  0x73,
  0x6d,
  1,
  0,
  0,
  0,
  ...section(1, [0x60, ...sized([I32, I32, I32, I32, I32]), 0]), // its parameters; no result
  ...section(2, [...text("room"), ...text("memory"), 0x02, 0x00, 0]), // a memory of any size
  ...section(3, [0]),
  ...section(7, [...text("add"), 0x00, 0]),
  ...section(10, sized(CODE)),
]);

const MODULE = compiled();

function compiled() {
  try {
    return new WebAssembly.Module(BYTES);
  } catch {
    return null; // a browser older than 2023, or one in which WebAssembly is forbidden
  }
}

export const HAS_KERNEL = MODULE !== null;

/**
 * The kernel's function; all arguments are addresses in bytes.
 * @typedef {(y: number, w: number, end: number, from: number, to: number) => void} Kernel
 */

/**
 * The kernel for one memory; only if `HAS_KERNEL`.
 * @param {WebAssembly.Memory} memory
 */
export function kernelFor(memory) {
  const { exports } = new WebAssembly.Instance(/** @type {WebAssembly.Module} */ (MODULE), { room: { memory } });
  return /** @type {Kernel} */ (exports.add);
}
