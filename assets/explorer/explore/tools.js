// The tools beside the map: one tab each above the side. The lens is always there; any other tool is a module of its own,
// loaded when its tab is first opened. What is set in a tool is a field of the state (link-fields.js), so that a link
// brings it back.

/** @import { View } from "../map/view.js" */
/** @import { MapFrame } from "../data/frame.js" */
/** @import { Explorer } from "./explorer.js" */
/** @import { Layer } from "./layer.js" */
/** @import { Tool, ToolClass } from "./tools/tool.js" */

import { walkTabs } from "../widgets/tab-keys.js";
import { ToolHost } from "./tool-host.js";

/** @typedef {{ [Name in Exclude<keyof Tool, "marks">]: Parameters<NonNullable<Tool[Name]>> }} Hooks methods of a tool, with their arguments */

/** @typedef {{ [Name in keyof Hooks]?: (...given: Hooks[Name]) => unknown }} ToolMethods */

/**
 * How a tool is offered and loaded.
 * @typedef {object} ToolEntry
 * @property {string} title
 * @property {("encoder" | "decoder")[]} [needs] latents alone have neither of them
 * @property {() => Promise<ToolClass>} load gives its class
 */

/**
 * A tool that has been loaded; `frame` is the one that it was last opened with.
 * @typedef {{ panel: HTMLElement, frame: MapFrame | null, tool: Tool | null }} MadeTool
 */

const ON_PATH = 1e-6; // how far a coordinate of z may be from a path, and the lens is still on it
const LENS = "what is under the pointer, decoded";

/** @type {Record<string, ToolEntry | null>} in the order of the tabs */
const TOOLS = {
  lens: null,
  draw: {
    title: "draw or upload an image: it is encoded as the stroke moves",
    needs: ["encoder", "decoder"],
    load: async () => (await import("./tools/draw.js")).Draw,
  },
  interpolate: {
    title: "a path between two spots, decoded",
    needs: ["decoder"],
    load: async () => (await import("./tools/interpolate.js")).Interpolate,
  },
  traverse: {
    title: "one dimension at a time, around the z under the lens",
    needs: ["decoder"],
    load: async () => (await import("./tools/traverse.js")).Traverse,
  },
  sample: {
    title: "draws from the prior, the aggregate posterior, one posterior",
    needs: ["decoder"],
    load: async () => (await import("./tools/sample.js")).Sample,
  },
  select: {
    title: "points within a lasso or a box: their images and what they cost",
    load: async () => (await import("./tools/select.js")).Select,
  },
  neighbours: {
    title: "the data nearest to z, in latent space and in pixels",
    load: async () => (await import("./tools/neighbours.js")).Neighbours,
  },
};

export class Tools {
  /**
   * @param {Explorer} explorer
   * @param {object} parts
   * @param {HTMLElement} parts.tabs
   * @param {HTMLElement} parts.panels
   * @param {SVGGElement} parts.marks above the points
   * @param {Layer} parts.layer
   */
  constructor(explorer, { tabs, panels, marks, layer }) {
    this.explorer = explorer;
    this.host = new ToolHost(explorer);
    this.isLoading = false; // the module of a tool is on its way
    this.tabs = tabs;
    this.panels = panels;
    this.marks = marks;
    this.layer = layer;
    /** @type {Map<string, MadeTool>} by name */
    this.made = new Map();
    /** @type {Tool | null} the one that is open; null for the lens */
    this.current = null;
    /** @type {MadeTool | null} */
    this.entry = null;
    /** @type {string | null} name of the tool that is open, or being loaded */
    this.wanted = null;
    this.buttons = Object.keys(TOOLS).map((name) => this.tab(name));
    tabs.replaceChildren(...this.buttons);
    walkTabs(tabs);
  }

  /** @param {string} name */
  tab(name) {
    const button = Object.assign(document.createElement("button"), { textContent: name, id: `er-tab-${name}` });
    button.dataset.tool = name;
    button.dataset.control = `tab-${name}`;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", name === "lens" ? "er-panel-lens" : "er-panels");
    button.addEventListener("click", () => this.explorer.frame && this.explorer.state.set({ tool: name }));
    return button;
  }

  /** Another model is open: every tool is called with it when it is opened next, and with nothing else until then. */
  load() {
    this.leave();
    this.layer.paintWith(null);
    for (const entry of this.made.values()) entry.frame = null;
    for (const button of this.buttons) this.admit(button, button.dataset.tool ?? "");
  }

  /**
   * Disables the tab of a tool that needs more than the open model has; its title says why.
   * @param {HTMLButtonElement} button
   * @param {string} name
   */
  admit(button, name) {
    button.disabled = !this.serves(name);
    const { title, needs = [] } = TOOLS[name] ?? { title: LENS };
    button.title = button.disabled ? `${title}: not of latents alone, without ${needs.join(" and ")}` : title;
  }

  /**
   * Whether there is a tool of this name, and the open model has what it needs.
   * @param {string} name
   */
  serves(name) {
    const { frame, encoderAddress } = this.explorer;
    const there = { encoder: encoderAddress, decoder: frame.meta.plan.decoder.length };
    return Object.hasOwn(TOOLS, name) && (TOOLS[name]?.needs ?? []).every((part) => there[part]);
  }

  /**
   * Opens the tool that the state names, or the lens. While the module of an earlier call is being loaded, a later call
   * replaces it.
   * @param {string} name
   */
  async open(name) {
    if (!this.serves(name)) name = "lens";
    this.wanted = name;
    for (const button of this.buttons) {
      const chosen = button.dataset.tool === name;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
    this.isLoading = true;
    const entry = name === "lens" ? null : await this.make(name);
    if (this.wanted !== name) return;
    this.isLoading = false;
    this.enter(name, entry);
  }

  /**
   * The tool of this name with its panel, made once.
   * @param {string} name any but the lens
   * @returns {Promise<MadeTool>}
   */
  async make(name) {
    const known = this.made.get(name);
    if (known) return known;
    const panel = document.createElement("section");
    panel.className = `er-tool er-tool-${name}`;
    /** @type {MadeTool} */
    const entry = { panel, frame: null, tool: null };
    try {
      const Kind = await /** @type {ToolEntry} */ (TOOLS[name]).load();
      const meanwhile = this.made.get(name);
      if (meanwhile) return meanwhile;
      entry.tool = new Kind(this.host, panel);
      this.made.set(name, entry);
    } catch (error) {
      panel.textContent = "This tool could not be loaded. Reload the page.";
      console.error(error);
    }
    return entry;
  }

  /**
   * @param {string} name
   * @param {MadeTool | null} entry null for the lens
   */
  enter(name, entry) {
    const { frame, map, root } = this.explorer;
    const again = this.entry === entry && entry?.frame === frame;
    if (this.entry !== entry) this.leave();
    this.entry = entry;
    this.panels.hidden = !entry;
    this.panels.replaceChildren(...(entry ? [entry.panel] : []));
    this.panels.setAttribute("aria-labelledby", `er-tab-${name}`);
    root.classList.toggle("er-with-tool", Boolean(entry));
    root.dataset.tool = name;
    const tool = entry?.tool ?? null;
    if (entry && tool && !again) this.start(tool, entry, frame);
    this.current = tool;
    this.layer.paintWith(tool?.paint ? (context, view) => tool.paint?.(context, view) : null);
    if (!tool || again) return;
    tool.opened?.();
    if (map.view) this.follow(map.view);
    this.explorer.schedule(performance.now());
  }

  /**
   * @param {Tool} tool
   * @param {MadeTool} entry
   * @param {MapFrame} frame
   */
  start(tool, entry, frame) {
    tool.marks = this.marks;
    if (entry.frame !== frame) tool.load?.(frame);
    entry.frame = frame;
  }

  /** Whether a tool is on its way, or is going to paint something. */
  get isBusy() {
    return this.isLoading || Boolean(this.current?.isBusy?.());
  }

  /**
   * The open tool's path, where the lens is on it at both of these places; or null.
   * @param {...[z: Float64Array, t: number]} places
   */
  pathBetween(...places) {
    const zAt = this.current?.zAt?.bind(this.current);
    if (!zAt) return null;
    const isOnPath = places.every(([z, t]) => zAt(t).every((v, d) => Math.abs(v - z[d]) < ON_PATH));
    return isOnPath ? zAt : null;
  }

  destroy() {
    this.wanted = null;
    this.leave();
  }

  leave() {
    this.current?.closed?.();
    this.marks.replaceChildren();
    this.marks.removeAttribute("style");
    this.current = null;
  }

  /**
   * The map shows another part of the plane.
   * @param {View} view
   */
  follow(view) {
    this.layer.follow(view);
    this.current?.place?.(view);
  }

  /** Calls the open tool's `paint` again. */
  repaint() {
    this.layer.paint();
  }

  /**
   * Calls a method of the open tool, where it has it; whether that claims what the pointer does.
   * @template {keyof Hooks} Name
   * @param {Name} hook
   * @param {Hooks[Name]} given
   */
  takes(hook, ...given) {
    /** @type {ToolMethods | null} */
    const tool = this.current;
    return Boolean(tool?.[hook]?.(...given));
  }

  /**
   * Calls a method of the open tool, where it has it.
   * @template {keyof Hooks} Name
   * @param {Name} hook
   * @param {Hooks[Name]} given
   */
  tell(hook, ...given) {
    /** @type {ToolMethods | null} */
    const tool = this.current;
    tool?.[hook]?.(...given);
  }
}
