// How a point looks, whoever draws it.

export const MARKER_OPACITY = 0.8;

// Points are drawn smaller where there are many, or little room.
export const markerSize = (n, width) => (n > 2000 ? 4.5 : 7) * (width < 600 ? 0.7 : 1);
