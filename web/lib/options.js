// Choices with a name and a purpose or a picture: radio buttons that look like cards.

import { el } from "./dom.js";
import { drawLayout } from "./layouts.js";
import { layoutWords } from "./recording-words.js";

/** One choice; its `data-testid` is `testid-value`. */
export const option = (group, value, children, { testid = group, ...more } = {}) => el("label", { class: "option", ...more },
  el("input", { type: "radio", name: group, value, "data-testid": `${testid}-${value}` }), ...children);

/** Layouts to choose from, `[{name, purpose}]`, each with its picture. */
export const layoutOptions = (layouts, testid = "layout") => layouts.map(({ name, purpose }) =>
  option("layout", name, [drawLayout(name), el("span", { class: "small" }, layoutWords(name))], { title: purpose, testid }));
