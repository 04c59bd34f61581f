// One's own limits of a stream: four choices and the pin. What is set comes from the server; a press only asks.

import { el, setText } from "../lib/dom.js";
import { CHOICES, choiceOf, otherWords } from "../lib/view-limits.js";

/** For how long a press stands before the server's word counts again. */
const ASKED_MS = 1500;

export class LimitsForm {
  #asked = 0;

  /** `change(part of the limits)` asks the server. */
  constructor(change) {
    this.radios = Object.entries(CHOICES).map(([value, choice]) => this.#choice(value, choice, change));
    this.pin = el("input", { type: "checkbox", "data-testid": "limit-pinned" });
    this.pin.addEventListener("change", () => this.#ask(change, { pinned: this.pin.checked }));
    this.other = el("p", { class: "hint", "data-testid": "limit-other" });
    this.element = el("fieldset", { class: "limits", "data-testid": "limits" }, el("legend", {}, "What you want of it"),
      el("div", { class: "options choices" }, this.radios.map(({ label }) => label)), this.other,
      el("label", { class: "check" }, this.pin, "Pin: comes first when the line does not carry all streams"));
  }

  /** The server's word. */
  show(limits) {
    if (performance.now() - this.#asked < ASKED_MS) return;
    const chosen = choiceOf(limits);
    for (const { input } of this.radios) input.checked = input.value === chosen;
    this.pin.checked = limits.pinned;
    setText(this.other, chosen === null ? `Set elsewhere: ${otherWords(limits)}.` : "");
  }

  #choice(value, { name, hint, change: wanted }, change) {
    const input = el("input", { type: "radio", name: "limit", value, "data-testid": `limit-${value}` });
    input.addEventListener("change", () => this.#ask(change, wanted));
    return { input, label: el("label", { class: "option" }, input, el("span", {}, name, el("small", { class: "muted" }, hint))) };
  }

  #ask(change, wanted) {
    this.#asked = performance.now();
    change(wanted);
  }
}
