// A small computation graph as SVG: values along its edges, and beneath them the gradients in the opposite direction.

import { find } from "../core/dom.js";

const RADIUS = 33;
const APART = 7; // px between the two ways of an edge

/**
 * @typedef {object} GraphNode
 * @property {number} x
 * @property {number} y
 * @property {string} label
 * @property {"input" | "noise" | "drawn" | "value"} kind
 */

/**
 * `way` tells whether a gradient passes back along the edge ("open"), is stopped there ("closed") or is not needed ("none").
 * @typedef {[from: string, to: string, way: "open" | "closed" | "none"]} GraphEdge
 */

/**
 * @typedef {object} GraphSpec
 * @property {Record<string, GraphNode>} nodes
 * @property {GraphEdge[]} edges
 * @property {string} label for screen readers
 * @property {number} height
 */

/**
 * Draws the graph.
 * @param {Element} root
 * @param {GraphSpec} spec
 */
export function graph(root, { nodes, edges, label, height }) {
  root.innerHTML = `<svg viewBox="0 0 600 ${height}" role="img" aria-label="${label}">
    <defs><marker id="gr-forth" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z"/></marker>
    <marker id="gr-back" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="5.5" markerHeight="5.5" orient="auto"><path d="M0 0L10 5L0 10z"/></marker></defs>
    ${edges.map((edge) => edgeMarkup(nodes, edge)).join("")}
    ${Object.entries(nodes)
      .map(([id, node]) => nodeMarkup(id, node))
      .join("")}
  </svg>`;
}

/**
 * @param {string} id
 * @param {GraphNode} node
 */
function nodeMarkup(id, { x, y, label, kind }) {
  return `<g class="gr-node gr-${kind}" data-node="${id}" transform="translate(${x} ${y})">
    ${kind === "noise" ? `<rect x="-30" y="-30" width="60" height="60" transform="rotate(45)"/>` : `<circle r="${RADIUS + 4}"/>`}
    <text y="-7">${label}</text><text class="gr-number" y="15"></text></g>`;
}

/**
 * @param {Record<string, GraphNode>} nodes
 * @param {GraphEdge} edge
 */
function edgeMarkup(nodes, [from, to, way]) {
  const open = way === "open";
  const [a, b] = [nodes[from], nodes[to]];
  const angle = Math.atan2(b.y - a.y, b.x - a.x);
  const [nx, ny] = [-Math.sin(angle) * APART, Math.cos(angle) * APART];
  /**
   * @param {GraphNode} node
   * @param {1 | -1} side
   */
  const trimmed = (node, side) => [
    node.x + side * (RADIUS + 12) * Math.cos(angle),
    node.y + side * (RADIUS + 12) * Math.sin(angle),
  ];
  const [[ax, ay], [bx, by]] = [trimmed(a, 1), trimmed(b, -1)];
  const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
  const back = `M${bx + nx} ${by + ny}L${(open ? ax : mx + 14 * Math.cos(angle)) + nx} ${(open ? ay : my + 14 * Math.sin(angle)) + ny}`;
  const wall = `<path class="gr-wall" d="M${mx - 3 * nx} ${my - 3 * ny}L${mx + 3 * nx} ${my + 3 * ny}"/>`;
  const below = 31 / APART;
  return `<g data-edge="${from}-${to}"><path class="gr-forth" d="M${ax - nx} ${ay - ny}L${bx - nx} ${by - ny}" marker-end="url(#gr-forth)"/>
    ${way === "none" ? "" : `<path class="gr-back" d="${back}" marker-end="url(#gr-back)"/>`}${way === "closed" ? wall : ""}
    <text class="gr-slope" x="${mx + below * nx}" y="${my + below * ny}"></text></g>`;
}

/**
 * Writes numbers into a graph.
 * @param {Element} root
 * @param {Record<string, string>} values text per node
 * @param {Record<string, string>} slopes text of the gradient per edge, named "from-to"
 */
export function fill(root, values, slopes) {
  for (const [id, text] of Object.entries(values))
    find(root, `[data-node="${id}"] .gr-number`, SVGElement).textContent = text;
  for (const [id, text] of Object.entries(slopes))
    find(root, `[data-edge="${id}"] .gr-slope`, SVGElement).textContent = text;
}
