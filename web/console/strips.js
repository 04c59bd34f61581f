// A red strip for each recording that runs in the room: since when, how large, which files, and what can be done.

import { el, face, icon, onPress, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { drawLayout, USUAL } from "../lib/layouts.js";
import { tell, tellError } from "../lib/notify.js";
import { fileOwner, isOver, kindOf, kindWords, layoutWords, stateWords, totalBytes } from "../lib/recording-words.js";
import { recordedMs } from "../lib/axis.js";

export class Strips {
  #strips = new Map();

  /** `refresh()` reads the recordings again after something was asked of one. */
  constructor(api, place, refresh) {
    Object.assign(this, { api, place, refresh });
    setInterval(() => this.#strips.forEach((strip) => strip.tick()), 500);
  }

  /** Shows the running ones of these recordings, each where it was. */
  show(recordings) {
    const running = recordings.filter((one) => !isOver(one)).reverse(); // oldest first
    for (const [id, strip] of this.#strips) if (!running.some((one) => one.id === id)) this.#drop(id, strip);
    for (const recording of running) this.#strip(recording).update(recording);
    this.place.hidden = running.length === 0;
  }

  #strip(recording) {
    const known = this.#strips.get(recording.id);
    if (known) return known;
    const strip = new Strip(recording, this);
    this.#strips.set(recording.id, strip);
    this.place.append(strip.element);
    return strip;
  }

  #drop(id, strip) {
    strip.element.remove();
    this.#strips.delete(id);
  }
}

const button = (name, picture, text) => el("button", { "data-testid": name }, icon(picture), el("span", {}, text));

class Strip {
  constructor(recording, { api, refresh }) {
    const { id } = recording;
    Object.assign(this, { api, refresh, recording });
    this.badge = el("span", { class: "badge", "data-testid": "strip-state" });
    this.time = el("strong", { class: "number", "data-testid": "strip-time" });
    this.size = el("span", { class: "number", "data-testid": "strip-size" });
    this.files = el("span", { class: "muted small", "data-testid": "strip-files" });
    this.pause = button("pause", "pause", "Pause");
    this.stop = button("stop", "stop", "Stop");
    const page = el("a", { class: "button quiet", href: `/recordings/${encodeURIComponent(id)}`, target: "_blank", "data-testid": "strip-page" }, "Watch");
    this.element = el("section", { class: "strip", "data-testid": "strip", "data-recording": id, "aria-label": `Recording: ${kindWords(recording)}` },
      this.badge, el("span", { class: "strip-kind" }, kindWords(recording)), this.time, this.size, this.files,
      this.#layouts(), el("div", { class: "strip-buttons" }, page, this.pause, this.stop));
    onPress(this.pause, () => this.#togglePause(), tellError);
    onPress(this.stop, () => this.#stop(), tellError);
  }

  update(recording) {
    this.recording = recording;
    const { state, files } = recording;
    const [tone, text] = stateWords(state);
    this.element.dataset.state = state;
    this.badge.dataset.tone = tone;
    setText(this.badge, text);
    setText(this.size, files.length ? format.bytes(totalBytes(recording)) : "");
    const open = files.filter((file) => !isOver(file));
    setText(this.files, open.length ? open.map(fileOwner).join(", ") : "no file is being written");
    face(this.pause, state === "paused" ? "record" : "pause", state === "paused" ? "Resume" : "Pause");
    this.pause.hidden = !["recording", "paused"].includes(state);
    this.stop.hidden = state === "finishing";
    if (this.layout && document.activeElement !== this.layout && typeof recording.wish.layout === "string") this.layout.value = recording.wish.layout;
    this.tick();
  }

  /** The clock runs here; the server is asked for sizes only. */
  tick() {
    setText(this.time, format.clock(recordedMs(this.recording, Date.now())));
  }

  // A mix can be arranged anew while it is made.
  #layouts() {
    if (kindOf(this.recording) !== "composed") return null;
    const now = this.recording.wish.layout;
    const names = [...new Set([...USUAL.map((one) => one.name), ...(typeof now === "string" ? [now] : [])])];
    const picture = el("span", { class: "strip-layout" }, drawLayout(now));
    const options = names.map((name) => el("option", { value: name, selected: name === now }, layoutWords(name)));
    this.layout = el("select", { "data-testid": "strip-layout", "aria-label": "Layout" }, typeof now === "string" ? null : el("option", { value: "", selected: true }, "Own layout"), ...options);
    this.layout.addEventListener("change", () => this.#setLayout(this.layout.value, picture).catch(tellError));
    return el("span", { class: "strip-layouts" }, picture, this.layout);
  }

  async #setLayout(name, picture) {
    if (!name) return;
    await this.api.setLayout(this.recording.id, name);
    picture.replaceChildren(drawLayout(name));
    tell(`Layout: ${layoutWords(name)}.`);
  }

  async #togglePause() {
    const { id, state } = this.recording;
    await (state === "paused" ? this.api.resumeRecording(id) : this.api.pauseRecording(id));
    await this.refresh();
  }

  async #stop() {
    await this.api.stopRecording(this.recording.id);
    tell("Recording stopped: the files are being completed.");
    await this.refresh();
  }
}
