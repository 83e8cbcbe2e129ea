// The explorer's inputs: pointer and keys on the map, and the buttons beside it.

/** @import { Range } from "../plot/chart.js" */
/** @import { Explorer } from "./explorer.js" */
/** @import { LatentMap } from "./map.js" */

import { find } from "../core/dom.js";
import { hashOf } from "../core/view.js";
import { Pointer } from "../map/pointer.js";
import { standardNormal } from "../math/gaussian.js";

/** @type {Record<string, [number, number]>} the direction on the map in which a key moves the lens */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const COPIED = 1500; // ms for which the button says whether the link was copied

/**
 * Sets the handlers of all inputs.
 * @param {Explorer} explorer
 */
export function connectInputs(explorer) {
  const { root, map, tools, space, inset, listener } = explorer;
  new Pointer(find(root, ".er-map"), map, {
    hover: (x, y, at, finger) => tools.takes("hover", x, y, at) || explorer.hover(x, y, at, finger),
    click: (x, y, at, snap) => tools.takes("click", x, y, at, snap) || explorer.click(x, y, at, snap),
    press: (x, y, at) => tools.takes("press", x, y, at) || space.press(x, y),
    drag: (x, y, at) => (space.from ? space.drag(x, y, at) : tools.tell("drag", x, y, at)),
    drop: (x, y, at, cancelled) =>
      space.from ? space.drop(x, y, at, cancelled) : tools.tell("drop", x, y, at, cancelled),
    pinch: (factor, x, y, dx, dy) => pinch(map, factor, x, y, dx, dy),
    reset: () => map.reset(),
    touched: (x) => inset.show(x),
    lifted: () => inset.hide(),
  });
  connectButtons(explorer);
  explorer.listenToKeys((event) => isWithin(root, event.target) && key(explorer, event), { signal: listener?.signal });
}

/**
 * @param {HTMLElement} root
 * @param {EventTarget | null} target
 */
const isWithin = (root, target) => target instanceof Node && root.contains(target);

/**
 * Zooms and pans the map.
 * @param {LatentMap} map
 * @param {number} factor of the ranges
 * @param {number} x pixel that is zoomed about
 * @param {number} y
 * @param {number} dx px
 * @param {number} dy
 */
function pinch(map, factor, x, y, dx, dy) {
  const { view } = map;
  const perPixel = 1 / view.pixelsPerUnit;
  const [u, v] = view.toData(x, y);
  /** @type {(range: Range, centre: number, shift: number) => Range} */
  const range = ([a, b], centre, shift) => [
    centre + (a - shift - centre) * factor,
    centre + (b - shift - centre) * factor,
  ];
  map.setRange({ x: range(view.x, u, dx * perPixel), y: range(view.y, v, -dy * perPixel) });
}

/** @param {Explorer} explorer */
function connectButtons(explorer) {
  /** @type {(selector: string, action: (at: number) => void) => void} */
  const on = (selector, action) =>
    find(explorer.root, selector).addEventListener("click", (event) => explorer.frame && action(event.timeStamp));
  on(".er-origin", (at) => explorer.moveTo(new Float64Array(explorer.state.z.length), at));
  on(".er-draw-prior", (at) => explorer.moveTo(standardNormal(explorer.state.z.length), at));
  on(".er-draw-posterior", (at) => explorer.drawPosterior(at));
  on(".er-share", () => share(explorer));
  on(".er-whole", () => explorer.map.reset());
}

/**
 * Escape releases the lens; on the map, arrows move it by a hundredth of the view, with Shift by a tenth.
 * @param {Explorer} explorer
 * @param {KeyboardEvent} event
 */
function key(explorer, event) {
  const { frame, state, map } = explorer;
  if (!frame || map.root.inert) return;
  if (event.key === "Escape" && state.pinned) return explorer.release(event.timeStamp);
  const [du, dv] = ARROWS[event.key] ?? [0, 0];
  if ((!du && !dv) || event.target !== map.root) return;
  event.preventDefault();
  explorer.description.speak();
  const { x, y } = map.view;
  const step = (event.shiftKey ? 0.1 : 0.01) * Math.min(x[1] - x[0], y[1] - y[0]);
  const [u, v] = explorer.projection.project(state.z);
  state.set({ z: explorer.lifted(u + du * step, v + dv * step), pinned: true }, event.timeStamp);
}

/**
 * Copies a link to what is shown, with the spot under the lens pinned.
 * @param {Explorer} explorer
 */
async function share({ root, state, pointedAt }) {
  const point = pointedAt >= 0 ? pointedAt : state.point;
  const link = `${location.href.split("#")[0]}#${hashOf(state.describe({ pinned: true, point }))}`;
  const copied = await navigator.clipboard?.writeText(link).then(
    () => true,
    () => false,
  );
  const button = find(root, ".er-share");
  button.textContent = copied ? "copied" : "copy the address bar";
  setTimeout(() => {
    button.textContent = "copy link";
  }, COPIED);
}
