// Evaluates functions for the Python tests: one JSON line { script, argument } in, one line { result } or { error } out.
// `script` is the source of a function of one argument; it may import the explorer's modules by their file addresses.

import { createInterface } from "node:readline";

/**
 * JSON has no NaN and no infinities; they travel as { number: "NaN" }.
 * @type {(key: string, value: unknown) => unknown}
 */
const packed = (_key, value) => {
  if (ArrayBuffer.isView(value)) return Array.from(/** @type {Float64Array} */ (value)); // any typed array
  return typeof value === "number" && !Number.isFinite(value) ? { number: String(value) } : value;
};
/** @type {(key: string, value: any) => unknown} any: what JSON.parse has read */
const unpacked = (_key, value) => (value && typeof value.number === "string" ? Number(value.number) : value);

// biome-ignore lint/security/noGlobalEval: this process exists to evaluate the functions of the tests
const evaluate = globalThis.eval; // under another name, so that scripts run in the global scope

for await (const line of createInterface({ input: process.stdin })) {
  const { script, argument } = JSON.parse(line, unpacked);
  let answer;
  try {
    answer = { result: await evaluate(`(${script})`)(argument) };
  } catch (error) {
    answer = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer, packed)}\n`);
}
