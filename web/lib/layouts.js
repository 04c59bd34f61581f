// Little drawings of layouts, so that one is recognised before it is read. The server decides what a layout really is.

const SVG = "http://www.w3.org/2000/svg";

// Boxes in parts of the picture: x, y, width, height.
const DRAWN = {
  grid: [[0, 0, 0.5, 0.5], [0.5, 0, 0.5, 0.5], [0, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]],
  speaker: [[0, 0, 1, 0.74], [0, 0.74, 0.333, 0.26], [0.333, 0.74, 0.334, 0.26], [0.667, 0.74, 0.333, 0.26]],
  "side-by-side": [[0, 0.2, 0.5, 0.6], [0.5, 0.2, 0.5, 0.6]],
  "picture-in-picture": [[0, 0, 1, 1], [0.64, 0.6, 0.32, 0.34]],
};
const UNKNOWN = [[0, 0, 0.65, 1], [0.65, 0, 0.35, 0.5], [0.65, 0.5, 0.35, 0.5]];

/** What the server offers; these when it cannot say. */
export const USUAL = [
  { name: "grid", purpose: "All the same size" },
  { name: "speaker", purpose: "One big, the others in a strip" },
  { name: "side-by-side", purpose: "Two beside each other" },
  { name: "picture-in-picture", purpose: "One small over one big" },
];

const boxes = (layout) => (Array.isArray(layout) ? layout.map((one) => [one.x, one.y, one.width, one.height]) : DRAWN[layout] ?? UNKNOWN);

/** An SVG of a layout: a name, or boxes of one's own. Decorative: its name stands beside it. */
export function drawLayout(layout) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ class: "layout-picture", viewBox: "0 0 64 36", "aria-hidden": "true" })) svg.setAttribute(name, value);
  svg.append(...boxes(layout).map(drawBox));
  return svg;
}

function drawBox([x, y, width, height]) {
  const rect = document.createElementNS(SVG, "rect");
  const place = { x: x * 64 + 1, y: y * 36 + 1, width: Math.max(1, width * 64 - 2), height: Math.max(1, height * 36 - 2), rx: 2 };
  for (const [name, value] of Object.entries(place)) rect.setAttribute(name, value.toFixed(1));
  return rect;
}
