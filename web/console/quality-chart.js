// Draws the chart of a subscription as SVG from the places that `view-chart.js` has worked out.

import { el, setText } from "../lib/dom.js";
import { chartWords, geometry } from "../lib/view-chart.js";

const HEIGHT = 230;
const SVG = "http://www.w3.org/2000/svg";

export class QualityChart {
  constructor() {
    this.picture = svg("svg", { class: "chart", role: "img", "aria-labelledby": "chart-words" });
    this.words = el("figcaption", { class: "small muted", id: "chart-words", "data-testid": "chart-words" });
    this.above = el("span", { hidden: true }, " (rises above the chart)");
    this.element = el("figure", { class: "chart-figure", "data-testid": "chart" },
      el("p", { class: "chart-legend small", "aria-hidden": "true" }, key("sent", "sent"), key("estimate", "what the line carries, estimated", this.above)),
      this.picture, this.words);
  }

  /** `options` are the renditions, best first. */
  show(samples, options) {
    const width = Math.max(260, this.element.clientWidth);
    const places = geometry(samples, options.map((one) => one.name), { width, height: HEIGHT });
    this.picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.picture.replaceChildren(...axes(places), ...places.bands.flatMap(band),
      svg("path", { class: "estimate", d: places.estimate }), svg("path", { class: "sent", d: places.sent }));
    this.above.hidden = !places.above;
    setText(this.words, chartWords(samples));
  }
}

function axes({ steps, times, left, right }) {
  const lines = steps.flatMap(({ y, label }) => [svg("line", { x1: left, x2: right, y1: y, y2: y }), text(left - 6, y + 4, label, "end")]);
  const seconds = times.map(({ x, y, label }, n) => text(x, y, label, n === 0 ? "start" : n === times.length - 1 ? "end" : "middle"));
  return [text(2, 11, "kbit/s", "start"), ...lines, ...seconds];
}

const band = ({ x, y, width, height, rank, name, label }) => [
  svg("rect", { class: "band", x, y, width, height, "data-rank": rank, "data-name": name }),
  label ? text(x + 5, y + 14, label, "start", "band-label", rank) : null,
].filter(Boolean);

function text(x, y, words, anchor, look = "", rank) {
  const element = svg("text", { x, y, "text-anchor": anchor, class: look, ...(rank && { "data-rank": rank }) });
  element.textContent = words;
  return element;
}

const key = (look, ...words) => el("span", {}, el("i", { class: look }), ...words);

function svg(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
