// What is asked of the server about an image's posterior: all that needs more than a frame of the display. Answers are frames.

import { Frame } from "./frame.js";

export const UNREACHED = "The server did not answer. See whether it still runs, then choose the image again.";

// The server's own sentence about what was asked.
export class Refusal extends Error {}

export class Evidence {
  // `address` is the one of the model; `source` of every question is { image: row } or { pixels: [0–1] }.
  constructor(address) {
    this.address = address;
    this.pending = new Map();
  }

  // The answer's frame. A question of the same kind that is still open is given up: null is its answer.
  async ask(kind, source, fields = {}) {
    this.pending.get(kind)?.abort();
    const control = new AbortController();
    this.pending.set(kind, control);
    try {
      const response = await fetch(`${this.address}/${kind}`, {
        method: "POST",
        body: JSON.stringify({ ...source, ...fields }),
        signal: control.signal,
      });
      if (response.ok) return new Frame(await response.arrayBuffer());
      throw new Refusal((await response.json()).error);
    } catch (error) {
      if (control.signal.aborted) return null;
      throw error instanceof Refusal ? error : new Refusal(UNREACHED, { cause: error });
    } finally {
      if (this.pending.get(kind) === control) this.pending.delete(kind);
    }
  }

  // Nobody waits for any answer any more, or for those of some kinds.
  forget(...kinds) {
    for (const [kind, control] of this.pending) if (!kinds.length || kinds.includes(kind)) control.abort();
  }
}

// What there is to say of a question that was not answered; any other error goes on.
export function sentence(error) {
  if (!(error instanceof Refusal)) throw error;
  return error.message;
}
