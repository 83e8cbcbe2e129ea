// How a point looks, in every way of drawing it.

export const MARKER_OPACITY = 0.8;

/**
 * The diameter of a point in pixels: smaller where there are many points, or where the map is narrow.
 * @param {number} n how many points there are
 * @param {number} width of the map, in pixels
 */
export const markerSize = (n, width) => (n > 2000 ? 4.5 : 7) * (width < 600 ? 0.7 : 1);
