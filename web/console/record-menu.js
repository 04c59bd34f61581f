// The menu beside the record button: what to record, how, from when and until when, and whether the room always records.
// Decides what is asked for; leaves starting to `recordings.js` and what it would cost to `cost.js`.

import { el, onPress, part, setText } from "../lib/dom.js";
import { drawLayout, USUAL } from "../lib/layouts.js";
import { tell, tellError } from "../lib/notify.js";
import { KINDS, layoutWords } from "../lib/recording-words.js";
import { Cost } from "./cost.js";

const USUAL_PAST_MS = 10_000;

const option = (group, value, children, more = {}) => el("label", { class: "option", ...more },
  el("input", { type: "radio", name: group, value, "data-testid": `${group}-${value}` }), ...children);

export class RecordMenu {
  #room = null;
  #settings = { record: "manual", recording: {}, preroll_ms: 0 };
  #form = part("record-form");
  #button = part("record-more");

  /** `room()` names the room; `start(wish)` starts a recording. */
  constructor(api, room, start) {
    Object.assign(this, { api, room, start });
    this.cost = new Cost(api, part("record-cost"), part("record-start"));
    part("record-kinds").append(...Object.entries(KINDS).map(([kind, [name, purpose]]) =>
      option("kind", kind, [el("span", {}, el("strong", {}, name), el("span", { class: "muted small" }, purpose))])));
    this.#showLayouts(USUAL);
    this.#listen();
  }

  /** Another room has other settings: the menu closes. */
  roomChanged(room) {
    if (room === this.#room) return;
    this.#room = room;
    this.#close();
  }

  get #wish() {
    const data = new FormData(this.#form);
    const minutes = (name) => (Number(data.get(name)) > 0 ? Math.round(Number(data.get(name)) * 60_000) : null);
    return {
      kind: data.get("kind"), layout: data.get("layout"),
      preroll_ms: data.has("past") ? this.#pastMs : 0,
      max_length_ms: minutes("length"), stop_when_empty_ms: minutes("empty"),
    };
  }

  get #pastMs() {
    return Math.min(USUAL_PAST_MS, this.#settings.preroll_ms);
  }

  #listen() {
    this.#button.addEventListener("click", () => (this.#isOpen ? this.#close() : this.#open()));
    this.#form.addEventListener("change", ({ target }) => this.#changed(target));
    onPress(part("record-start"), () => this.#begin(), tellError);
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("keydown", ({ key }) => key === "Escape" && this.#isOpen && this.#close(true));
    addEventListener("pointerdown", ({ target }) => {
      if (this.#isOpen && !target.closest(".record-group, .toasts")) this.#close();
    });
  }

  get #isOpen() {
    return !this.#form.hidden;
  }

  #open() {
    this.#form.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    this.#choose("kind", "individual");
    this.#choose("layout", "grid");
    this.#show();
    this.#form.elements.kind[0].focus();
    this.#read().catch(tellError);
  }

  #close(giveBack = false) {
    this.#form.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
    if (giveBack) this.#button.focus();
  }

  // What the room is set to is what the menu proposes.
  async #read() {
    const room = await this.api.room(this.room());
    this.#settings = room.settings;
    this.#form.elements.always.checked = this.#settings.record === "always";
    this.#form.elements.keep.value = String(this.#settings.preroll_ms);
    if (this.#settings.record === "always") this.#propose(this.#settings.recording);
    this.#show();
  }

  #propose({ kind, layout, max_length_ms, stop_when_empty_ms }) {
    this.#choose("kind", kind);
    if (typeof layout === "string") this.#choose("layout", layout);
    this.#form.elements.length.value = max_length_ms ? String(max_length_ms / 60_000) : "";
    this.#form.elements.empty.value = stop_when_empty_ms ? String(stop_when_empty_ms / 60_000) : "";
  }

  #choose(group, value) {
    const input = this.#form.querySelector(`input[name="${group}"][value="${CSS.escape(value)}"]`);
    if (input) input.checked = true;
  }

  async #changed(target) {
    this.#show();
    if (target.name === "kind" && target.value === "composed") await this.#offerLayouts();
    const isSetting = ["always", "keep"].includes(target.name);
    if (isSetting || (this.#settings.record === "always" && target.name !== "past")) await this.#configure(isSetting).catch(tellError);
  }

  async #offerLayouts() {
    if (this.layouts) return;
    this.layouts = await this.api.layouts().catch(() => null);
    if (!this.layouts?.length) return;
    const chosen = this.#form.elements.layout.value;
    this.#showLayouts(this.layouts);
    this.#choose("layout", chosen);
  }

  #showLayouts(layouts) {
    part("record-layouts").replaceChildren(...layouts.map(({ name, purpose }) =>
      option("layout", name, [drawLayout(name), el("span", { class: "small" }, layoutWords(name))], { title: purpose })));
    part("record-layouts").querySelector("input").checked = true;
  }

  #show() {
    const { kind, layout } = this.#wish;
    part("record-layout-group").hidden = kind !== "composed";
    part("record-past-row").hidden = !this.#settings.preroll_ms;
    setText(part("record-past-text"), `Begin ${Math.round(this.#pastMs / 1000)} s ago`);
    this.cost.show(this.room(), kind, layout);
  }

  async #configure(aloud) {
    const data = new FormData(this.#form);
    const record = data.has("always") ? "always" : "manual";
    const { preroll_ms: _, ...recording } = this.#wish;
    const room = await this.api.configureRoom(this.room(), { record, recording, preroll_ms: Number(data.get("keep")) });
    this.#settings = room.settings;
    this.#show();
    if (aloud) tell(settingWords(this.#settings));
  }

  async #begin() {
    if (!this.cost.possible) return tell(part("record-cost").textContent, "warn");
    await this.start(this.#wish);
    this.#close(true);
  }
}

function settingWords({ record, preroll_ms }) {
  const when = record === "always" ? "This room records whenever somebody sends" : "This room records when asked";
  return preroll_ms ? `${when}, and keeps the last ${preroll_ms / 1000} s in memory.` : `${when}.`;
}
