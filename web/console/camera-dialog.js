// “Add a camera”: asks for it, adds it, and shows how it connects. Leaves the fields to `camera-form.js`.

import { onPress, part } from "../lib/dom.js";
import { clearErrors, showError } from "../lib/field-errors.js";
import { tellError } from "../lib/notify.js";
import { CameraForm } from "./camera-form.js";
import { CameraProgress } from "./camera-progress.js";

const TEST_PICTURE = { uri: "test://smpte", name: "" };

let openFinder = null;

/** Lets cameras be looked for: `openFinder(onChosen)` calls `onChosen({uri, user, password, name, onvif, onvif_profile})`. */
export function setFinder(open) {
  openFinder = open;
  part("find-cameras").hidden = !open;
}

export class CameraDialog {
  #dialog = part("camera-dialog");
  #element = part("camera-form");
  #form = new CameraForm(part("camera-form"));
  #progress;
  #wish = null;

  /** `room()` names the room; `refresh()` reads its cameras again. */
  constructor(api, room, refresh) {
    Object.assign(this, { api, room, refresh });
    this.#progress = new CameraProgress(api);
    this.#element.addEventListener("submit", (event) => event.preventDefault());
    onPress(part("camera-add"), () => this.#add(), (error) => showError(this.#element, error, fieldOf));
    onPress(part("camera-change"), () => this.#change(), tellError);
    part("camera-test").addEventListener("click", () => this.#form.fill(TEST_PICTURE));
    part("find-cameras").addEventListener("click", () => openFinder?.((found) => this.#form.fill(found)));
    for (const name of ["camera-close", "camera-done"]) part(name).addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#progress.stop());
  }

  open() {
    this.#form.reset();
    this.#ask();
    this.#dialog.showModal();
    part("camera-uri").focus();
  }

  /** Called with every reading of the room's cameras. */
  show(cameras) {
    this.#progress.show(cameras);
  }

  async #add() {
    clearErrors(this.#element);
    this.#wish = this.#form.wish;
    const camera = await this.api.addIngest(this.room(), this.#wish);
    this.#turn(true);
    part("camera-login-password").value = "";
    this.#progress.begin(this.room(), camera);
    part("camera-done").focus();
    await this.refresh();
  }

  // One that does not work is taken out again; what was entered stays, to be put right.
  async #change() {
    await this.api.removeIngest(this.room(), this.#progress.name);
    this.#ask();
    this.#form.fill(this.#wish);
    part("camera-uri").focus();
    await this.refresh();
  }

  #ask() {
    this.#progress.stop();
    clearErrors(this.#element);
    this.#turn(false);
  }

  #turn(added) {
    this.#element.hidden = added;
    part("camera-progress").hidden = !added;
  }
}

/** Which field words without a field's name are about. */
function fieldOf({ message }) {
  if (/ingest named/.test(message)) return "name";
  return /\b(uri|address|scheme)\b/i.test(message) ? "uri" : null;
}
