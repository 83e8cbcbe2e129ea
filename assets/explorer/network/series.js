// A series of pictures, such as a film or a grid of draws, decoded one after the other. When their inputs change, all
// are decoded once more, going on from the current picture, so that each one is updated however often that happens.

/** @import { Decoded, NetworkInput } from "./network.js" */

/**
 * A request of a series; `late`: whether the answer came after the request had returned.
 * @typedef {{ input: NetworkInput, take: (answer: Decoded, late: boolean) => void }} SeriesRequest
 */

/**
 * What a network takes requests from, until `question` returns null.
 * @typedef {{ question: () => SeriesRequest | null }} RequestSource
 */

export class Series {
  /**
   * @param {{ dataset: DOMStringMap }} root gets the number of pictures that are not decoded yet as `data-left`
   * @param {number} size how many pictures
   * @param {(i: number) => NetworkInput} input z of picture i
   * @param {(i: number, answer: Decoded) => void} take handles the answer for picture i
   */
  constructor(root, size, input, take) {
    this.root = root;
    this.size = size;
    this.input = input;
    this.take = take;
    this.next = 0;
    this.unasked = 0;
    this.left = 0;
    this.round = 0;
  }

  /** Requests all pictures anew. */
  renew() {
    this.round++;
    this.unasked = this.size;
    this.left = this.size;
    this.root.dataset.left = String(this.left);
    return this;
  }

  /**
   * Adds pictures at the end.
   * @param {number} count
   */
  grow(count) {
    this.size += count;
    this.unasked += count;
    this.left += count;
    this.root.dataset.left = String(this.left);
    return this;
  }

  /** The next request, or null if there is none. */
  question() {
    if (!this.unasked) return null;
    const { round } = this;
    const i = this.next % this.size;
    this.next = i + 1;
    this.unasked--;
    const take = (/** @type {Decoded} */ answer) => {
      if (round === this.round) this.left--;
      this.take(i, answer);
      this.root.dataset.left = String(this.left);
    };
    return { input: this.input(i), take };
  }
}
