// Arrows on a canvas: many thin ones in one stroke, or a single one with a solid head.

const SEAMED = 14; // px: a shorter arrow would be hidden by its seam
const FAR = 4000; // px: a longer arrow is shortened; it leaves any canvas anyway

/**
 * Thin arrows that all begin at (x, y).
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {ArrayLike<number>} arrows dx, dy, … in pixels
 * @param {string} colour
 * @param {number} [width]
 */
export function fan(context, x, y, arrows, colour, width = 1.1) {
  Object.assign(context, { strokeStyle: colour, lineWidth: width, lineCap: "round" });
  context.beginPath();
  for (let i = 0; i < arrows.length; i += 2) {
    const [dx, dy] = cut(arrows[i], arrows[i + 1]);
    context.moveTo(x, y);
    context.lineTo(x + dx, y + dy);
    barbs(context, x + dx, y + dy, Math.atan2(dy, dx), Math.min(6, 0.35 * Math.hypot(dx, dy)));
  }
  context.stroke();
}

/**
 * The two strokes of an arrow's head.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} angle
 * @param {number} size
 */
function barbs(context, x, y, angle, size) {
  for (const turn of [2.6, -2.6]) {
    context.moveTo(x, y);
    context.lineTo(x + size * Math.cos(angle + turn), y + size * Math.sin(angle + turn));
  }
}

/**
 * A thick arrow, with a seam in the colour of the background where one is given.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} dx
 * @param {number} dy
 * @param {string} colour
 * @param {string | null} ground
 * @param {number} [width]
 */
export function arrow(context, x, y, dx, dy, colour, ground, width = 3.5) {
  const [cx, cy] = cut(dx, dy);
  const long = Math.hypot(cx, cy);
  if (!(long > 0.5)) return;
  const angle = Math.atan2(cy, cx);
  const head = Math.min(3.6 * width, 0.8 * long);
  const [ex, ey] = [x + cx, y + cy];
  const [nx, ny] = [ex - 0.8 * head * Math.cos(angle), ey - 0.8 * head * Math.sin(angle)];
  /** @type {[style: string, more: number][]} */
  const layers =
    ground && long > SEAMED
      ? [
          [ground, 3],
          [colour, 0],
        ]
      : [[colour, 0]];
  for (const [style, more] of layers) {
    Object.assign(context, {
      strokeStyle: style,
      fillStyle: style,
      lineWidth: width + more,
      lineCap: "round",
      lineJoin: "round",
    });
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(nx, ny);
    context.stroke();
    context.beginPath();
    context.moveTo(ex, ey);
    for (const turn of [2.7, -2.7])
      context.lineTo(ex + head * Math.cos(angle + turn), ey + head * Math.sin(angle + turn));
    context.closePath();
    if (more) context.stroke();
    context.fill();
  }
}

/**
 * @param {number} dx
 * @param {number} dy
 */
function cut(dx, dy) {
  const share = Math.min(1, FAR / Math.hypot(dx, dy));
  return share < 1 ? [dx * share, dy * share] : [dx, dy];
}
