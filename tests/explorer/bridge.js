// Evaluates functions for the Python tests: one JSON line { script, argument } in, one line { result } or { error } out.
// `script` is the source of a function of one argument; it may import the explorer's modules by their file addresses.

import { createInterface } from "node:readline";
import { constants, runInThisContext } from "node:vm";

/**
 * JSON has no NaN and no infinities; they travel as { number: "NaN" }.
 * @type {(key: string, value: unknown) => unknown}
 */
const packed = (_key, value) => {
  if (ArrayBuffer.isView(value)) return Array.from(/** @type {Float64Array} */ (value)); // any typed array
  return typeof value === "number" && !Number.isFinite(value) ? { number: String(value) } : value;
};
/** @type {(key: string, value: unknown) => unknown} */
const unpacked = (_key, value) =>
  value instanceof Object && "number" in value && typeof value.number === "string" ? Number(value.number) : value;

// scripts run in the global scope and import modules as this one does
const OPTIONS = { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER };

for await (const line of createInterface({ input: process.stdin })) {
  const { script, argument } = JSON.parse(line, unpacked);
  let answer;
  try {
    answer = { result: await runInThisContext(`(${script})`, OPTIONS)(argument) };
  } catch (error) {
    answer = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer, packed)}\n`);
}
