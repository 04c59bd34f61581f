// The menu beside the record button: opens, starts what was chosen, and sets what the room does by itself.
// Leaves the fields to `record-form.js`, starting to `recordings.js`, and what it would cost to `cost.js`.

import { onPress, part } from "../lib/dom.js";
import { tell, tellError } from "../lib/notify.js";
import { Cost } from "./cost.js";
import { RecordForm } from "./record-form.js";

const SETTINGS = ["always", "keep"];

export class RecordMenu {
  #shownFor = null;
  #settings = { record: "manual", recording: {}, preroll_ms: 0 };
  #layouts = null;
  #element = part("record-form");
  #button = part("record-more");
  #form = new RecordForm(part("record-form"));

  /** `room()` names the room; `start(wish)` starts a recording. */
  constructor(api, room, start) {
    Object.assign(this, { api, room, start });
    this.cost = new Cost(api, part("record-cost"), part("record-start"));
    this.#button.addEventListener("click", () => (this.#isOpen ? this.#close() : this.#open()));
    this.#element.addEventListener("change", ({ target }) => this.#changed(target).catch(tellError));
    this.#element.addEventListener("submit", (event) => event.preventDefault());
    onPress(part("record-start"), () => this.#begin(), tellError);
    addEventListener("keydown", ({ key }) => key === "Escape" && this.#isOpen && this.#close(true));
    addEventListener("pointerdown", ({ target }) => {
      if (this.#isOpen && !target.closest(".record-group, .toasts")) this.#close();
    });
  }

  /** Another room has other settings: the menu closes. */
  roomChanged(room) {
    if (room === this.#shownFor) return;
    this.#shownFor = room;
    this.#close();
  }

  get #isOpen() {
    return !this.#element.hidden;
  }

  #open() {
    this.#element.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    this.#form.reset();
    this.#show();
    this.#form.fields.kind[0].focus();
    this.#read().catch(tellError);
  }

  #close(giveBack = false) {
    this.#element.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
    if (giveBack) this.#button.focus();
  }

  async #read() {
    this.#settings = (await this.api.room(this.room())).settings;
    this.#form.propose(this.#settings);
    this.#show();
  }

  #show() {
    this.#form.show(this.#settings.preroll_ms);
    const { kind, layout } = this.#form.wish;
    this.cost.show(this.room(), kind, layout);
  }

  async #changed({ name, value }) {
    this.#show();
    if (value === "composed") await this.#offerLayouts();
    const isSetting = SETTINGS.includes(name);
    // While the room always records, the way it does so is what is chosen here.
    if (isSetting || (this.#settings.record === "always" && name !== "past")) await this.#configure(isSetting);
  }

  async #offerLayouts() {
    this.#layouts ??= await this.api.layouts().catch(() => null);
    if (this.#layouts?.length) this.#form.offerLayouts(this.#layouts);
  }

  async #configure(aloud) {
    const room = await this.api.configureRoom(this.room(), this.#form.settings(this.#settings));
    this.#settings = room.settings;
    this.#show();
    if (aloud) tell(settingWords(this.#settings));
  }

  async #begin() {
    if (!this.cost.possible) return tell(part("record-cost").textContent, "warn");
    await this.start(this.#form.wish);
    this.#close(true);
  }
}

function settingWords({ record, preroll_ms }) {
  const when = record === "always" ? "This room records whenever somebody sends" : "This room records when asked";
  return preroll_ms ? `${when}, and keeps the last ${preroll_ms / 1000} s in memory.` : `${when}.`;
}
