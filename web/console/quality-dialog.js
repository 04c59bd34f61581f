// “Why this quality?”: what a tile gets, since when, why nothing better, as words, a chart and lists, read every second
// while it is open; and one's own limits. Leaves drawing and wording to others.

import { el, part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { kbpsWords, originWords, renditionFacts, renditionWords, spanWords, whyWords } from "../lib/view-words.js";
import { LimitsForm } from "./limits-form.js";
import { QualityChart } from "./quality-chart.js";
import { optionRows, switchRows } from "./quality-lists.js";

const PERIOD_MS = 1000;

export class QualityDialog {
  #timer = 0;
  #open = null; // as given to `open`

  constructor() {
    this.dialog = part("quality-dialog");
    this.chart = new QualityChart();
    this.limits = new LimitsForm((change) => this.#open?.limit(change));
    part("quality-chart").replaceWith(this.chart.element);
    part("quality-limits").replaceWith(this.limits.element);
    part("quality-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => {
      clearTimeout(this.#timer);
      this.#open = null;
    });
  }

  /**
   * Opens on a tile: its `name`, `read()` gives the server's explanation or null, `limit(change)` asks for less or more,
   * `told()` gives the last message about it, for as long as there is no explanation; `live()` whether the tile is there.
   */
  open(of) {
    this.#open = of;
    setText(part("quality-title"), `Why this quality? ${of.name}`);
    this.#showTold(of.told());
    this.dialog.showModal();
    this.#refresh(of);
  }

  async #refresh(of) {
    clearTimeout(this.#timer);
    const explanation = await of.read().catch(() => null);
    if (of !== this.#open) return;
    if (!of.live()) return this.dialog.close();
    if (explanation) this.#show(explanation);
    else this.#showTold(of.told());
    this.#timer = setTimeout(() => this.#refresh(of), PERIOD_MS);
  }

  #showTold(told) {
    part("quality-more").hidden = true;
    setText(part("quality-gets"), told ? renditionWords(told.rendition) : "–");
    setText(part("quality-facts"), "");
    setText(part("quality-words"), told?.message ?? "The stream is just beginning: the reasons come in a moment.");
    setText(part("quality-since"), "");
    setText(part("quality-news"), "");
    setText(part("quality-line"), "");
  }

  #show(one) {
    // By the server's clock, which need not be this one.
    const now = one.samples.length ? new Date(one.samples.at(-1).at).getTime() : Date.now();
    part("quality-more").hidden = false;
    setText(part("quality-gets"), renditionWords(one.gets.name));
    setText(part("quality-facts"), [renditionFacts(one.gets), originWords(one.gets.kind)].filter(Boolean).join(": "));
    setText(part("quality-words"), one.words);
    // Figures change each second; screen readers are told of switches alone.
    setText(part("quality-news"), `${renditionWords(one.gets.name)}: ${whyWords(one.why)}`);
    setText(part("quality-since"), `For ${spanWords(now - new Date(one.since))}, since ${format.moment(one.since)}.`);
    setText(part("quality-line"), lineWords(one));
    this.limits.show(one.limits);
    this.chart.show(one.samples, one.options);
    part("quality-options").replaceChildren(...optionRows(one.options));
    const switches = switchRows(one.switches, now);
    part("quality-switches").replaceChildren(...switches);
    part("quality-unswitched").hidden = switches.length > 0;
  }
}

function lineWords({ estimate_kbps: estimate, sent_kbps: sent }) {
  const line = estimate == null ? "How much the line carries is not known yet" : `The line carries about ${kbpsWords(estimate)} by our estimate`;
  return `${line}; ${kbpsWords(sent)} are sent now.`;
}
