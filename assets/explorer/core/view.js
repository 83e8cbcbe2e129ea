// The interface of every view: what links, lessons, followers, exports and tests may ask of it. Nothing outside of a view
// reaches further into it.

/**
 * All that a link holds of a view: names and values as text, such as { beta: "0.5", zones: "none" }. Fields that have their
 * initial value are left out.
 * @typedef {Record<string, string>} Description
 */

/**
 * @typedef {object} View
 * @property {() => Description} describe the state as a plain object
 * @property {(state: Description, options?: { ms?: number }) => Promise<void>} apply goes to a state, whose missing fields
 *   have their initial values; numbers of the mathematics (beta, z, q) and the camera move there over `ms` milliseconds, or at
 *   once under reduced motion. Resolves when the state is painted; values that are not valid are ignored
 * @property {() => Promise<void>} settled resolves when all that was requested has been painted
 * @property {() => string[]} controlNames names of the controls that can be locked or hidden
 * @property {(names: string[]) => void} lock exactly these controls do not react
 * @property {(names: string[]) => void} hide exactly these controls are not shown
 * @property {(on: boolean) => void} keys whether the view listens to the keyboard
 */

/**
 * The text of a link after "#".
 * @param {Description} description
 */
export const hashOf = (description) => new URLSearchParams(description).toString().replaceAll("%2C", ",");

/**
 * What a link says.
 * @param {string} hash with or without "#"
 * @returns {Description}
 */
export const descriptionOf = (hash) => Object.fromEntries(new URLSearchParams(hash.replace(/^#/, "")));
