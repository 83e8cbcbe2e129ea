// How far single dimensions of z stand for single factors of the images, along beta on the slider's own axis: the mutual
// information gap and the FactorVAE score, where the file has them.

import { line, prepareCanvas } from "../plot/chart.js";
import { faded, theme } from "../plot/palette.js";

const TOP = 20; // px for what is said above
const AIR = 1.12;

export class Scores {
  // `x(at, width)`: where on a canvas of this width a position of the slider stands.
  constructor(root, x) {
    this.root = root;
    this.x = x;
    root.innerHTML = `<canvas role="img" aria-label="scores of disentanglement, along beta"></canvas><i class="kl-now"></i><p></p>`;
    [this.canvas, , this.text] = root.children;
  }

  load(path) {
    this.path = path;
    this.known = path.up.every(({ disentanglement }) => disentanglement);
    this.root.hidden = !this.known;
    if (!this.known) return;
    const { images, draws, votes, votes_of: of } = path.up[0].disentanglement;
    this.root.title = `on ${images} test images: the mutual information gap by ${draws} draws of z, the FactorVAE score by ${votes} votes of ${of} images, half of them to learn from, ± its standard error`;
  }

  // What they are here; between two stops, what lies between theirs.
  show(position) {
    if (!this.known) return;
    const { stop, t } = this.path.place(position);
    const [a, b] = [stop, Math.min(stop + 1, this.path.stops - 1)].map((s) => this.path.up[s].disentanglement);
    const at = (key) => a[key] + t * (b[key] - a[key]);
    const about = t === 0 ? "" : "≈ ";
    const error = t === 0 ? ` ± ${a.factor_vae_se.toFixed(2)}` : "";
    this.text.innerHTML = `<b>disentanglement</b> <i class="kl-mig"></i>MIG ${about}${at("mig").toFixed(3)} <i class="kl-factor-vae"></i>FactorVAE score ${about}${at("factor_vae").toFixed(2)}${error}`;
  }

  draw() {
    if (!this.known) return;
    const { context, width, height } = prepareCanvas(this.canvas);
    if (width < 100) return;
    const { path } = this;
    const colours = theme(this.canvas);
    const scores = path.up.map(({ disentanglement }) => disentanglement);
    const most = AIR * Math.max(...scores.map(({ mig, factor_vae: score }) => Math.max(mig, score)), 0.05);
    const y = (value) => height - 1 - (value / most) * (height - TOP - 1);
    const x = (s) => this.x(path.positions[s], width);
    const trace = (value, order = [...scores.keys()]) =>
      order.forEach((s) => context.lineTo(x(s), y(value(scores[s]))));
    context.fillStyle = faded(colours.text, 0.14);
    context.beginPath();
    trace((one) => one.factor_vae + one.factor_vae_se);
    trace((one) => one.factor_vae - one.factor_vae_se, [...scores.keys()].reverse());
    context.fill();
    for (const [key, colour] of [
      ["factor_vae", faded(colours.text, 0.7)],
      ["mig", colours.accent],
    ]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: 2, lineJoin: "round" });
      context.beginPath();
      trace((one) => one[key]);
      context.stroke();
    }
    Object.assign(context, { strokeStyle: faded(colours.text, 0.25), lineWidth: 1 });
    line(context, this.x(0, width), height - 0.5, this.x(1, width), height - 0.5);
  }
}
