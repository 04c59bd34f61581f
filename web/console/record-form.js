// The fields of the record menu: read as a wish, and filled in from a room's settings. Knows nothing of the server.

import { el, part, setText } from "../lib/dom.js";
import { USUAL } from "../lib/layouts.js";
import { layoutOptions, option } from "../lib/options.js";
import { KINDS } from "../lib/recording-words.js";

const USUAL_PAST_MS = 10_000;

const minutesToMs = (text) => (Number(text) > 0 ? Math.round(Number(text) * 60_000) : null);
const msToMinutes = (ms) => (ms ? String(ms / 60_000) : "");

export class RecordForm {
  #pastMs = 0;

  constructor(form) {
    this.form = form;
    this.fields = form.elements;
    part("record-kinds").append(...Object.entries(KINDS).map(([kind, [name, purpose]]) =>
      option("kind", kind, [el("span", {}, el("strong", {}, name), el("span", { class: "muted small" }, purpose))])));
    this.offerLayouts(USUAL);
  }

  /** What is asked for, as the API wants it. */
  get wish() {
    const { kind, layout, past, longest, empty } = this.fields;
    return {
      kind: kind.value, layout: layout.value, preroll_ms: past.checked ? this.#pastMs : 0,
      max_length_ms: minutesToMs(longest.value), stop_when_empty_ms: minutesToMs(empty.value),
    };
  }

  /** What the room is set to from now on; what the form does not show of its wish stays. */
  settings(before) {
    const { preroll_ms: _, ...wish } = this.wish;
    const record = this.fields.always.checked ? "always" : "manual";
    return { record, recording: { ...before.recording, ...wish }, preroll_ms: Number(this.fields.keep.value) };
  }

  /** Back to the usual. */
  reset() {
    this.form.reset();
    this.#choose("kind", "individual");
    this.#choose("layout", "grid");
    this.show();
  }

  /** What the room is set to is what the menu proposes. */
  propose({ record, recording, preroll_ms }) {
    this.fields.always.checked = record === "always";
    this.#keep(preroll_ms);
    if (record === "always") this.#fill(recording);
  }

  /** Shows only what applies; `pastMs` is what the room keeps. */
  show(pastMs = 0) {
    this.#pastMs = Math.min(USUAL_PAST_MS, pastMs);
    part("record-layout-group").hidden = this.fields.kind.value !== "composed";
    part("record-past-row").hidden = !this.#pastMs;
    setText(part("record-past-text"), `Begin ${Math.round(this.#pastMs / 1000)} s ago`);
  }

  /** Layouts to choose from, `[{name, purpose}]`; the choice stays if it is still there. */
  offerLayouts(layouts) {
    const chosen = this.fields.layout?.value;
    part("record-layouts").replaceChildren(...layoutOptions(layouts));
    this.#choose("layout", layouts[0].name);
    if (chosen) this.#choose("layout", chosen);
  }

  #fill({ kind, layout, max_length_ms, stop_when_empty_ms }) {
    this.#choose("kind", kind);
    if (typeof layout === "string") this.#choose("layout", layout);
    this.fields.longest.value = msToMinutes(max_length_ms);
    this.fields.empty.value = msToMinutes(stop_when_empty_ms);
  }

  // A length that the list does not know was set elsewhere: it stays.
  #keep(ms) {
    const { keep } = this.fields;
    if (![...keep.options].some((one) => one.value === String(ms))) keep.append(el("option", { value: ms }, `${ms / 1000} seconds`));
    keep.value = String(ms);
  }

  #choose(group, value) {
    const input = this.form.querySelector(`input[name="${group}"][value="${CSS.escape(value)}"]`);
    if (input) input.checked = true;
  }
}
