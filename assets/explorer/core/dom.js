// Elements of a page, with their types.

/**
 * The first element within `root` that matches `selector`; throws if there is none of this class.
 * @overload
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
/**
 * @template {Element} T
 * @overload
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} type the element's class, such as HTMLCanvasElement
 * @returns {T}
 */
/**
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Element} [type]
 */
export function find(root, selector, type = HTMLElement) {
  const element = root.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`There is no ${type.name} "${selector}" here.`);
  return element;
}

/**
 * @typedef {{
 *   (selector: string): HTMLElement,
 *   <T extends Element>(selector: string, type: new () => T): T,
 * }} Find
 */

/**
 * `find` within one root element.
 * @param {ParentNode} root
 */
export const finderIn = (root) =>
  /** @type {Find} */ ((/** @type {string} */ selector, type = HTMLElement) => find(root, selector, type));

/**
 * All elements within `root` that match `selector` and are of this class.
 * @overload
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
/**
 * @template {Element} T
 * @overload
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T[]}
 */
/**
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Element} [type]
 */
export function findAll(root, selector, type = HTMLElement) {
  return [...root.querySelectorAll(selector)].filter((element) => element instanceof type);
}

/**
 * A canvas's context for drawing in two dimensions.
 * @overload
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 * @returns {CanvasRenderingContext2D}
 */
/**
 * @overload
 * @param {OffscreenCanvas} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 * @returns {OffscreenCanvasRenderingContext2D}
 */
/**
 * @overload
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 * @returns {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D}
 */
/**
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 * @returns {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D}
 */
export function contextOf(canvas, settings) {
  // The cast: both kinds of canvas take the same arguments, but no signature of the compiler's library fits both.
  const context = /** @type {HTMLCanvasElement} */ (canvas).getContext("2d", settings);
  if (!context) throw new Error("The browser cannot create a 2D context for this canvas.");
  return context;
}

/**
 * A canvas with the pixels of an image, which other canvases can draw at any size.
 * @param {ImageData} image
 */
export function canvasOf(image) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  contextOf(canvas).putImageData(image, 0, 0);
  return canvas;
}
