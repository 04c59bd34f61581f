// “Broadcast”: asks what is to be sent where, and starts it. Leaves the fields to `broadcast-form.js`, and what runs to
// `broadcasts.js`.

import { onPress, part } from "../lib/dom.js";
import { clearErrors, showError } from "../lib/field-errors.js";
import { tell } from "../lib/notify.js";
import { BroadcastForm } from "./broadcast-form.js";

export class BroadcastDialog {
  #dialog = part("broadcast-dialog");
  #element = part("broadcast-form");
  #form = new BroadcastForm(part("broadcast-form"));
  #layouts = null;

  /** `room()` names the room; `feeds()` are what can be sent, `[{feed, name}]`; `refresh()` reads what runs again. */
  constructor(api, room, feeds, refresh) {
    Object.assign(this, { api, room, feeds, refresh });
    this.#element.addEventListener("submit", (event) => event.preventDefault());
    part("broadcast-what").addEventListener("change", () => this.#offerLayouts());
    onPress(part("broadcast-start"), () => this.#start(), (error) => showError(this.#element, error, fieldOf));
    part("broadcast-close").addEventListener("click", () => this.#dialog.close());
    // Secrets do not stay in the page.
    this.#dialog.addEventListener("close", () => this.#element.reset());
  }

  open() {
    clearErrors(this.#element);
    this.#form.reset(this.feeds());
    this.#offerLayouts();
    this.#dialog.showModal();
    part("broadcast-what").focus();
  }

  async #offerLayouts() {
    if (!this.#form.isMix) return;
    this.#layouts ??= await this.api.layouts().catch(() => null);
    if (this.#layouts?.length) this.#form.offerLayouts(this.#layouts);
  }

  async #start() {
    clearErrors(this.#element);
    await this.api.startBroadcast(this.room(), this.#form.wish);
    this.#dialog.close();
    tell("Broadcast started: its strip above the pictures tells how it is.");
    await this.refresh();
  }
}

/** Which field words without a field's name are about. */
const fieldOf = ({ message }) => (/\b(address|scheme|uri|host)\b/i.test(message) ? "to" : null);
