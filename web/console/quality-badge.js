// What a tile gets, as a badge that opens “Why this quality?”. Hidden until the server told.

import { el, setText } from "../lib/dom.js";
import { renditionTone, renditionWords } from "../lib/view-words.js";

export class QualityBadge {
  constructor(name) {
    this.name = name;
    this.element = el("button", { class: "badge quality", "data-testid": "quality", "aria-haspopup": "dialog", hidden: true });
  }

  /** A message of the server: `rendition` by name, `why`, and the same in words. */
  show({ rendition, why, message }) {
    const text = renditionWords(rendition);
    this.element.hidden = false;
    this.element.dataset.tone = renditionTone(rendition, why);
    setText(this.element, text);
    this.element.title = message || text;
    this.element.setAttribute("aria-label", `${this.name}: ${text}. Why this quality?`);
  }
}
