// What scripts that a page loads put into the global scope, and the part of it that the explorer uses. KaTeX's is declared
// in plot/formula.js, which is the only module that uses it; Plotly's here, for it is loaded in two modules and used in
// explore/map.js.

import type { Katex } from "./plot/formula.js";

declare global {
  interface Window {
    /** Set by Plotly's own file, once that is loaded. */
    Plotly?: PlotlyLibrary;
    /** Set by KaTeX's own file, once that is loaded. */
    katex?: Katex;
  }

  interface PlotlyLibrary {
    react(graph: HTMLElement, traces: object[], layout: object, config: object): Promise<PlotlyGraph>;
    relayout(graph: HTMLElement, changes: object): Promise<PlotlyGraph>;
    restyle(graph: HTMLElement, changes: object): Promise<PlotlyGraph>;
    Icons: { home: object };
  }

  /** The element that Plotly draws in: `react` adds these to it. */
  interface PlotlyGraph extends HTMLElement {
    on(event: "plotly_relayouting" | "plotly_relayout", handler: () => void): void;
    /** Not a public part of Plotly: ranges and margins as they are drawn. */
    _fullLayout: {
      xaxis: { range: [low: number, high: number] };
      yaxis: { range: [low: number, high: number] };
      _size: { l: number; t: number; r: number; b: number; w: number; h: number };
    };
  }
}
