// A canvas above the map's points, on which a tool draws what changes now and then; it is painted anew with every view.

export class Layer {
  constructor(canvas) {
    this.canvas = canvas;
    this.draw = null;
    canvas.hidden = true;
  }

  // `draw(context, view)` paints from now on, clipped to the axes' rectangle; nothing does for null.
  paintWith(draw) {
    this.draw = draw;
    this.canvas.hidden = !draw;
    this.paint();
  }

  follow(view) {
    this.view = view;
    this.paint();
  }

  paint() {
    if (!this.draw || !this.view) return;
    const { canvas, view } = this;
    const { clientWidth, clientHeight } = canvas.parentElement;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, clientWidth, clientHeight);
    context.save();
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    this.draw(context, view);
    context.restore();
  }
}
