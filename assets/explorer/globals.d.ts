// What scripts that a page loads put into the global scope.

import type { Katex } from "./plot/formula.js";
import type { PlotlyLibrary } from "./map/pane.js";

declare global {
  interface Window {
    /** Set by Plotly's own file, once that is loaded. */
    Plotly?: PlotlyLibrary;
    /** Set by KaTeX's own file, once that is loaded. */
    katex?: Katex;
  }
}
