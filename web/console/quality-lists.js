// The two lists of “Why this quality?”: the renditions that are or could be, and the last switches.

import { el } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { agoWords, renditionFacts, renditionWords, whyWords } from "../lib/view-words.js";

/** Rows of the table of renditions, best first. */
export const optionRows = (options) => options.map((one) =>
  el("tr", { "data-testid": "option", "aria-current": one.why_not === null ? "true" : null },
    el("th", { scope: "row" }, renditionWords(one.name)),
    el("td", { class: "number" }, renditionFacts(one) || "no picture"),
    el("td", {}, one.why_not === null ? el("strong", {}, "this one") : `no: ${one.why_not === "best" ? "a better one is sent" : whyWords(one.why_not)}`)));

/** The last switches, newest first. */
export const switchRows = (switches, now) => switches.map(({ at, from, to, words }) =>
  el("li", { "data-testid": "switch" },
    el("time", { datetime: at, title: format.moment(at) }, agoWords(at, now)),
    el("span", {}, el("strong", {}, `${renditionWords(from)} → ${renditionWords(to)}`), ` ${words}`)));
