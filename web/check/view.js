// The rows, and what stands above them.

import { el, part, setText } from "../lib/dom.js";
import { CHECKS } from "./checks.js";

const BADGES = { idle: "Waiting", wait: "Checking…", good: "Good", warn: "Look", bad: "Failed", none: "Not tried" };

/** Fresh rows, all waiting. */
export function showRows() {
  part("rows").replaceChildren(...CHECKS.map(([id, title]) => el("li", { class: "check-row", "data-testid": `row-${id}`, "data-tone": "idle" },
    el("h3", {}, title),
    el("span", { class: "badge", "data-testid": `badge-${id}` }, BADGES.idle),
    el("div", { class: "extra", "data-testid": `extra-${id}` }),
    el("p", { class: "words", "data-testid": `words-${id}` }),
    el("p", { class: "todo", "data-testid": `todo-${id}` }))));
}

function show(id, tone, words, todo = "") {
  const row = part(`row-${id}`);
  row.dataset.tone = row.querySelector(".badge").dataset.tone = tone;
  setText(part(`badge-${id}`), BADGES[tone]);
  setText(part(`words-${id}`), words);
  setText(part(`todo-${id}`), todo);
}

/** What a run tells. */
export const view = {
  running: (id, words = "") => show(id, "wait", words),
  done: (id, { tone, words, todo }) => show(id, tone, words, todo),
  place: (id) => part(`extra-${id}`),
};

/** The verdict at the top. */
export function showSummary(tone, words) {
  part("verdict").dataset.tone = tone;
  setText(part("summary"), words);
}
