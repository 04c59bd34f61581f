// The dialog "find cameras": what answers on the server's network, or an address typed; then user and password; then the
// camera's streams, to be added. Decides the steps; leaves asking to the API and adding to whoever opened it.

import { el, icon, onPress, setText } from "../lib/dom.js";
import { errorWords } from "../lib/words.js";
import { cameraWords, streamWords } from "./camera-words.js";
import { wishFor } from "./wish.js";

export class FindCameras {
  #camera = null;
  #whom = {};
  #run = 0;

  /** `add(wish)` adds a source to the room (the body of `POST /rooms/{id}/ingests`) and may fail. */
  constructor(api, add) {
    Object.assign(this, { api, add });
    this.#build();
  }

  /** Opens the dialog and looks for cameras at once. */
  open() {
    this.#forget();
    this.dialog.showModal();
    return this.#look();
  }

  #build() {
    this.status = el("p", { class: "muted small", role: "status", "data-testid": "cameras-status" });
    this.list = el("ul", { class: "rows camera-list", "data-testid": "cameras-found" });
    this.again = el("button", { type: "button", "data-testid": "cameras-again" }, "Look again");
    this.address = el("input", { name: "address", placeholder: "192.168.1.20", autocomplete: "off", required: true, "data-testid": "camera-address" });
    this.user = el("input", { name: "user", autocomplete: "off", "data-testid": "camera-user" });
    this.password = el("input", { name: "password", type: "password", autocomplete: "new-password", "data-testid": "camera-password" });
    this.ask = el("button", { class: "primary", "data-testid": "camera-ask" }, "Show its streams");
    this.form = el("form", { class: "camera-form" },
      el("label", {}, "Address", this.address), el("label", {}, "User", this.user),
      el("label", {}, "Password", this.password), this.ask);
    this.about = el("h3", { "data-testid": "camera-about" });
    this.streams = el("ul", { class: "rows camera-streams", "data-testid": "camera-streams" });
    this.dialog = el("dialog", { class: "cameras-dialog", "aria-labelledby": "cameras-title", "data-testid": "cameras-dialog" },
      this.#head(), el("div", { class: "camera-found" }, this.list, this.again), this.form, this.status,
      el("section", { "aria-labelledby": "camera-about", class: "camera-about" }, this.about, this.streams));
    document.body.append(this.dialog);
    this.#listen();
  }

  #head() {
    const close = el("button", { class: "quiet square", "aria-label": "Close", "data-testid": "cameras-close", onclick: () => this.dialog.close() }, icon("close"));
    return el("div", { class: "panel-head" }, el("h2", { id: "cameras-title" }, "Find cameras"), close);
  }

  #listen() {
    onPress(this.again, () => this.#look(), (error) => this.#fail(error));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#show();
    });
    // The password does not outlive the dialog.
    this.dialog.addEventListener("close", () => this.#forget());
  }

  #forget() {
    this.#run += 1;
    this.#whom = {};
    this.#camera = null;
    this.form.reset();
    this.list.replaceChildren();
    this.#clearStreams();
    this.#say("");
  }

  async #look() {
    const run = (this.#run += 1);
    this.#say("Looking for cameras on the server's network…");
    try {
      const found = await this.api.discoverCameras();
      if (run !== this.#run) return;
      this.list.replaceChildren(...found.map((one) => this.#row(one)));
      this.#say(found.length ? "" : "No camera answered. Cameras behind a router or with discovery switched off can be entered by their address.");
    } catch (error) {
      if (run === this.#run) this.#fail(error);
    }
  }

  #row(found) {
    const { name, facts } = cameraWords(found);
    const choose = el("button", { type: "button", class: "camera-choice", "data-testid": "camera-choice", disabled: Boolean(found.refused), onclick: () => this.#choose(found) },
      icon("camera"), el("span", {}, el("strong", {}, name), el("span", { class: "muted small" }, facts)));
    return el("li", {}, choose, found.refused ? el("p", { class: "small camera-problem" }, found.refused) : null);
  }

  #choose(found) {
    this.#clearStreams();
    this.address.value = found.address;
    this.#say(`${cameraWords(found).name}: enter a user and password that the camera knows.`);
    this.user.focus();
  }

  async #show() {
    const run = (this.#run += 1);
    const whom = { address: this.address.value.trim(), user: this.user.value.trim(), password: this.password.value };
    this.#clearStreams();
    this.#say("Asking the camera…");
    this.ask.disabled = true;
    try {
      const camera = await this.api.cameraProfiles(whom);
      if (run === this.#run) this.#offer(camera, whom);
    } catch (error) {
      if (run === this.#run) this.#fail(error);
    } finally {
      this.ask.disabled = false;
    }
  }

  #offer(camera, whom) {
    this.#camera = camera;
    this.#whom = { ...whom, address: camera.address };
    setText(this.about, [camera.manufacturer, camera.model].filter(Boolean).join(" ") || "Camera");
    this.streams.replaceChildren(...camera.profiles.map((profile) => this.#stream(profile)));
    this.#say(camera.profiles.length ? "" : "The camera offers no stream.");
    this.#loadPictures(camera, this.#run);
  }

  #stream(profile) {
    const picture = el("img", { class: "camera-picture", alt: "", hidden: true, "data-token": profile.token });
    const name = el("input", { "aria-label": "Name in the room", value: wishFor(this.#camera, profile, this.#whom).name, pattern: "[A-Za-z0-9_\\-]{1,64}", maxlength: 64, "data-testid": "stream-name" });
    const add = el("button", { type: "button", class: "primary", "data-testid": "stream-add" }, "Add to room");
    onPress(add, () => this.#add(profile, name, add), (error) => this.#fail(error));
    const facts = el("div", { class: "camera-facts" }, el("strong", {}, profile.name), el("span", { class: "muted small" }, streamWords(profile)),
      profile.problem ? el("p", { class: "small camera-problem" }, profile.problem) : null);
    const usable = profile.uri && !profile.problem;
    return el("li", { "data-testid": "stream" }, picture, facts, usable ? el("div", { class: "inline" }, name, add) : null);
  }

  async #add(profile, name, button) {
    if (!name.reportValidity()) return;
    const wish = wishFor(this.#camera, profile, this.#whom, name.value);
    await this.add(wish);
    setText(button, "Added");
    this.#say(`${wish.name} is added to the room.`);
  }

  // One after the other: small cameras make one picture at a time.
  async #loadPictures({ profiles }, run) {
    for (const { token, snapshot } of profiles) {
      const picture = this.streams.querySelector(`img[data-token="${CSS.escape(token)}"]`);
      if (!snapshot || !picture) continue;
      const blob = await this.api.cameraSnapshot({ ...this.#whom, profile: token }).catch(() => null);
      if (run !== this.#run) return;
      if (blob) this.#showPicture(picture, blob);
    }
  }

  #showPicture(picture, blob) {
    picture.src = URL.createObjectURL(blob);
    picture.hidden = false;
    picture.addEventListener("load", () => URL.revokeObjectURL(picture.src), { once: true });
  }

  #clearStreams() {
    setText(this.about, "");
    this.streams.replaceChildren();
  }

  #say(text) {
    this.status.dataset.kind = "info";
    setText(this.status, text);
  }

  #fail(error) {
    this.status.dataset.kind = "error";
    setText(this.status, errorWords(error));
  }
}
