// The way from one state to another: mu and sigma of every q, and rho, move; the rest is there at once.

/** @import { Choices, FieldName } from "./fields.js" */

import { between } from "../core/glide.js";
import { written } from "./fields.js";
import { Gaussian } from "./gaussian.js";
import { isFull } from "./state.js";

/**
 * @typedef {object} Movement
 * @property {Choices} begin the values at the beginning: what does not move is that of the end
 * @property {(share: number) => Partial<Choices>} at what moves, at a share of the way below 1
 */

/**
 * A q at a share of the way from `a` to `b`: mu and L move on straight lines, their scales sigma (L_ii) on logarithmic ones.
 * @param {Gaussian} a
 * @param {Gaussian} b of the same dimensions and family
 * @param {number} share
 */
export function betweenGaussians(a, b, share) {
  const { k, full } = b;
  const tril = between(a.tril, b.tril, share);
  for (let i = 0; i < k; i++) {
    const at = i * k + i;
    if (share < 1) tril[at] = Math.exp(between(Math.log(a.tril[at]), Math.log(b.tril[at]), share));
  }
  return new Gaussian(between(a.mu, b.mu, share), tril, full);
}

/**
 * A positive number on a logarithmic way.
 * @param {number} a
 * @param {number} b
 * @param {number} share
 */
const betweenScales = (a, b, share) => (share === 1 ? b : Math.exp(between(Math.log(a), Math.log(b), share)));

/**
 * @param {Readonly<Choices>} from
 * @param {Choices} to
 * @param {(values: Readonly<Choices>) => Gaussian} startOf where fits of the chosen target begin
 * @returns {Movement}
 */
export function movement(from, to, startOf) {
  const moves = { fit: moveFit, variance: moveVariance, trick: moveTrick, divergences: moveDivergences, code: null };
  const move = moves[to.tab]?.(from, to, startOf);
  return { begin: { ...to, ...move?.(0) }, at: (share) => move?.(share) ?? {} };
}

/**
 * @callback Move
 * @param {Readonly<Choices>} from
 * @param {Choices} to
 * @param {(values: Readonly<Choices>) => Gaussian} startOf
 * @returns {((share: number) => Partial<Choices>) | null} null where nothing moves
 */

/**
 * Whether one of the fields has another value at the end.
 * @param {Readonly<Choices>} from
 * @param {Choices} to
 * @param {FieldName[]} names
 */
const moving = (from, to, ...names) => names.some((name) => written(name, from[name]) !== written(name, to[name]));

/** @type {Move} */
function moveFit(from, to, startOf) {
  const names = /** @type {FieldName[]} */ (["target", "image", "full", "rho", "fit.q"]);
  const way = wayOf(from["fit.q"] ?? startOf(from), to["fit.q"] ?? startOf(to), isFull(to));
  if (!way || !moving(from, to, ...names)) return null;
  // the curves are of fits of the target at the end of the way
  return (share) => ({
    rho: rhoAt(from, to, share),
    "fit.q": way(share),
    "fit.start": null,
    "fit.parts": [],
    "fit.before": [],
  });
}

/** @type {Move} */
function moveDivergences(from, to, startOf) {
  const names = /** @type {FieldName[]} */ ([
    ...["target", "image", "full", "rho"],
    ...["divergences.start", "divergences.reverse", "divergences.forward"],
  ]);
  /** @param {"divergences.reverse" | "divergences.forward"} name */
  const way = (name) => {
    const [a, b] = [from, to].map((values) => values[name] ?? values["divergences.start"] ?? startOf(values));
    return wayOf(a, b, isFull(to));
  };
  const [reverse, forward] = [way("divergences.reverse"), way("divergences.forward")];
  if (!reverse || !forward || !moving(from, to, ...names)) return null;
  return (share) => ({
    rho: rhoAt(from, to, share),
    "divergences.steps": 0, // nothing is fitted on the way
    "divergences.reverse": reverse(share),
    "divergences.forward": forward(share),
  });
}

/** @type {Move} */
function moveVariance(from, to) {
  if (!moving(from, to, "variance.mu", "variance.sigma")) return null;
  return (share) => ({
    "variance.mu": between(from["variance.mu"], to["variance.mu"], share),
    "variance.sigma": betweenScales(from["variance.sigma"], to["variance.sigma"], share),
  });
}

/** @type {Move} */
function moveTrick(from, to) {
  if (!moving(from, to, "trick.mu", "trick.sigma")) return null;
  let drawn = to["trick.drawn"];
  return (share) => ({
    "trick.mu": between(from["trick.mu"], to["trick.mu"], share),
    "trick.sigma": betweenScales(from["trick.sigma"], to["trick.sigma"], share),
    "trick.drawn": ++drawn, // a z that is drawn is drawn again wherever mu goes
  });
}

/**
 * @param {Readonly<Choices>} from
 * @param {Choices} to
 * @param {number} share
 */
const rhoAt = (from, to, share) => (to.target === "correlated" ? between(from.rho, to.rho, share) : to.rho);

/**
 * The way of q, or null where the dimensions differ.
 * @param {Gaussian} from
 * @param {Gaussian} to
 * @param {boolean} full
 */
function wayOf(from, to, full) {
  if (from.k !== to.k) return null;
  const a = from.full === full ? from : from.as(full);
  return (/** @type {number} */ share) => betweenGaussians(a, to, share);
}
