// The tools beside the map: one tab each above the side. The lens is always there; any other tool is a module of its own,
// loaded when its tab is first opened, with a class that has any of
//
//   constructor(explorer, root)   root: the tool's own, empty panel in the side
//   load(frame)                   a model is there: called before everything else, and again for every other model
//   opened(), closed()            its tab was opened, or left: nothing goes on by itself in a tool that is not open
//   changed(changed, at)          the state changed: `changed` holds the names of what was set
//   prepare()                     a frame is about to be painted: the moment to work off what has come in, and to move z
//   show(z, nearest)              the lens is painted at z; `nearest` is the data point nearest to it, or −1
//   paint(context, view)          draw on the canvas above the points: whenever the view moves, and after tools.repaint()
//   place(view)                   set this.marks (an SVG group above the points) to the view: what moves with a pointer
//   hover(x, y, at)               the pointer is at pixel (x, y) of the map; true claims it, and the lens stays
//   click(x, y, at, still)        likewise a click or tap
//   press(x, y, at), drag(x, y, at), drop(x, y, at, cancelled)   true from press claims a drag, and the map does not pan
//   retheme()                     the page's colours are others now
//
// What is set in a tool stands in the state under names of its own (link-fields.js), so that a link brings it back.

import { walkTabs } from "../widgets/tab-keys.js";

// name → { title, load() → its class, needs: of latents alone there is neither encoder nor decoder }, as the tabs stand.
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
  // `tabs` and `panels` are elements of the side, `marks` an SVG group of the map.
  constructor(explorer, { tabs, panels, marks, layer }) {
    this.explorer = explorer;
    this.tabs = tabs;
    this.panels = panels;
    this.marks = marks;
    this.layer = layer;
    this.made = new Map();
    this.current = null;
    this.buttons = Object.keys(TOOLS).map((name) => this.tab(name));
    tabs.replaceChildren(...this.buttons);
    walkTabs(tabs);
  }

  tab(name) {
    const button = Object.assign(document.createElement("button"), { textContent: name, id: `er-tab-${name}` });
    button.dataset.tool = name;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", name === "lens" ? "er-panel-lens" : "er-panels");
    button.addEventListener("click", () => this.explorer.frame && this.explorer.state.set({ tool: name }));
    return button;
  }

  // Another model: every tool hears of it when it is opened next, and of nothing else until then.
  load() {
    this.leave();
    this.layer.paintWith(null);
    for (const entry of this.made.values()) entry.frame = null;
    for (const button of this.buttons) this.admit(button, button.dataset.tool);
  }

  // What is open may lack what a tool needs: its tab says so.
  admit(button, name) {
    button.disabled = !this.serves(name);
    const title = TOOLS[name]?.title ?? "what is under the pointer, decoded";
    button.title = button.disabled
      ? `${title}: not of latents alone, without ${TOOLS[name].needs.join(" and ")}`
      : title;
  }

  // Whether the model that is open has what the tool needs.
  serves(name) {
    const { frame, encoderAddress } = this.explorer;
    const there = { encoder: encoderAddress, decoder: frame.meta.plan.decoder.length };
    return Object.hasOwn(TOOLS, name) && (TOOLS[name]?.needs ?? []).every((part) => there[part]);
  }

  // Opens the tool that the state names, or the lens; a later call wins over one whose module is still on its way.
  async open(name) {
    if (!this.serves(name)) name = "lens";
    this.wanted = name;
    for (const button of this.buttons) {
      const chosen = button.dataset.tool === name;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
    const entry = name === "lens" ? null : await this.make(name);
    if (this.wanted === name) this.enter(name, entry);
  }

  // The tool of this name with its panel, made once.
  async make(name) {
    if (this.made.has(name)) return this.made.get(name);
    const panel = document.createElement("section");
    panel.className = `er-tool er-tool-${name}`;
    const entry = { name, panel, frame: null, tool: null };
    try {
      const Tool = await TOOLS[name].load();
      if (this.made.has(name)) return this.made.get(name);
      entry.tool = new Tool(this.explorer, panel);
      this.made.set(name, entry);
    } catch (error) {
      panel.textContent = "This tool could not be loaded. Reload the page.";
      console.error(error);
    }
    return entry;
  }

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
    if (tool && !again) this.start(tool, entry, frame);
    this.current = tool;
    this.layer.paintWith(tool?.paint ? (context, view) => tool.paint(context, view) : null);
    if (!tool || again) return;
    tool.opened?.();
    if (map.view) this.follow(map.view);
    this.explorer.schedule(performance.now());
  }

  start(tool, entry, frame) {
    tool.marks = this.marks;
    if (entry.frame !== frame) tool.load?.(frame);
    entry.frame = frame;
  }

  leave() {
    this.current?.closed?.();
    this.marks.replaceChildren();
    this.marks.removeAttribute("style");
    this.current = null;
  }

  // The map shows another part of the plane.
  follow(view) {
    this.layer.follow(view);
    this.current?.place?.(view);
  }

  repaint() {
    this.layer.paint();
  }

  // Whether the tool that is open takes what the pointer does.
  takes(hook, ...given) {
    return Boolean(this.current?.[hook]?.(...given));
  }

  tell(hook, ...given) {
    this.current?.[hook]?.(...given);
  }
}
