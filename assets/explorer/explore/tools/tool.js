// The interface between the explorer and a tool: a tab above the side panel. explore/tools.js makes the tools and calls
// them; the modules of this folder implement them. This module holds types only.

/** @import { MapFrame } from "../../data/frame.js" */
/** @import { View } from "../../map/view.js" */
/** @import { ToolHost } from "../tool-host.js" */

/**
 * A tool. Every method is optional. `load` runs before any other method, and again whenever another model is opened; the
 * other methods run only while the tab is open. `at` is the time stamp of the input in ms, as in `event.timeStamp`; `x`
 * and `y` are pixels of the map.
 * @typedef {object} Tool
 * @property {SVGElement} [marks] group above the points of the map, set before `load`; the tool fills it in `place`
 * @property {(frame: MapFrame) => void} [load] a model was opened
 * @property {() => void} [opened] the tab was opened
 * @property {() => void} [closed] the tab was left: requests and animations of the tool stop here
 * @property {(changed: Set<string>, at: number) => void} [changed] the state changed: the names of the fields that were set
 * @property {() => void} [prepare] a frame is about to be painted: the last moment to handle new input, and to move z
 * @property {(z: Float64Array, nearest: number) => void} [show] the lens was painted at z; `nearest` is the data point
 * beside it, or −1
 * @property {(context: CanvasRenderingContext2D, view: View) => void} [paint] draw on the canvas above the points: after
 * every change of the viewport, and after `host.repaint()`
 * @property {(view: View) => void} [place] fill `marks` for this viewport
 * @property {(x: number, y: number, at: number) => boolean} [hover] the pointer moved; true keeps the lens where it is
 * @property {(x: number, y: number, at: number, still: boolean) => boolean} [click] a click or tap; true keeps it from the
 * lens
 * @property {(x: number, y: number, at: number) => boolean} [press] a button went down; true starts a drag of this tool, so
 * that the map does not pan
 * @property {(x: number, y: number, at: number) => void} [drag] the pointer moved in such a drag
 * @property {(x: number, y: number, at: number, cancelled: boolean) => void} [drop] such a drag ended
 * @property {() => void} [retheme] the colours of the page changed
 * @property {() => void} [halt] the page goes to another state: animations stop
 * @property {(t: number) => Float64Array} [zAt] z at a place on the tool's path, t in [0, 1]
 * @property {() => boolean} [isBusy] whether the tool waits for something that it is going to paint, other than answers of a
 * network
 */

/**
 * A class of tools. It gets what it can use of the explorer (its own `…Host` type names what it needs), and its own empty
 * panel in the side.
 * @typedef {new (host: ToolHost, root: HTMLElement) => Tool} ToolClass
 */

export {};
