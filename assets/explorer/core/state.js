// What the states of the pages have in common. This module holds types only.

/**
 * Gets the names of the changed values, and the time stamp (ms) of the event that changed them.
 * @typedef {(changed: Set<string>, startedAt: number) => void} Listener
 */

export {};
