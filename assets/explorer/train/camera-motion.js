// The motion of the camera to a viewport that a link or a lesson names.

import { between } from "../core/glide.js";
import { Camera } from "../map/camera.js";

/** @import { Look } from "../core/link-fields.js" */
/** @import { Size } from "../plot/chart.js" */

/**
 * The motion from what the camera shows now to a viewport; null: to the one that all points fit in, which the camera then
 * follows again. Returns what sets the camera to a share of the way; its maps have to be fitted to it afterwards.
 * @param {Camera} camera
 * @param {Look | null} look
 * @param {ArrayLike<number>[][]} clouds the points of every map
 * @param {Size | undefined} rectangle the size of one map; undefined before there are points
 * @returns {(share: number) => void}
 */
export function cameraMotion(camera, look, clouds, rectangle) {
  const from = rectangle && camera.now && lookOf(camera.now, rectangle);
  const to = look ?? (rectangle && fitted(clouds, rectangle));
  return (share) => {
    if (share < 1) {
      if (from && to) camera.begin(betweenLooks(from, to, share));
      return;
    }
    camera.begin(to ?? null);
    if (look || !rectangle) return;
    camera.fit(rectangle);
    camera.release();
  };
}

/**
 * @param {Look} a
 * @param {Look} b
 * @param {number} share
 */
export const betweenLooks = (a, b, share) => ({
  u: between(a.u, b.u, share),
  v: between(a.v, b.v, share),
  reach: share === 1 ? b.reach : Math.exp(between(Math.log(a.reach), Math.log(b.reach), share)),
});

/**
 * The viewport that all points fit in.
 * @param {ArrayLike<number>[][]} clouds
 * @param {Size} rectangle
 */
function fitted(clouds, rectangle) {
  const camera = new Camera();
  camera.follow(clouds, rectangle);
  return camera.goal && lookOf(camera.goal, rectangle);
}

/**
 * @param {{ u: number, v: number, unit: number }} place
 * @param {Size} rectangle
 * @returns {Look}
 */
const lookOf = ({ u, v, unit }, { width, height }) => ({ u, v, reach: (unit * Math.min(width, height)) / 2 });
