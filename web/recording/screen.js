// What stands over the picture when there is none: sound only, not playable, watched up to now.

import { el, icon, part } from "../lib/dom.js";
import { isOver } from "../lib/recording-words.js";

const VIDEO = ["vp8", "vp9", "av1", "h264", "h265"];

export class Screen {
  #shown = "";

  constructor(video, session) {
    Object.assign(this, { video, session, error: null });
    video.addEventListener("error", () => this.#failed());
    video.addEventListener("loadedmetadata", () => this.#calm());
    for (const event of ["play", "ended"]) video.addEventListener(event, () => this.#note());
  }

  show(recording) {
    this.recording = recording;
    this.#note();
  }

  #failed() {
    if (this.video.hasAttribute("src")) this.error = this.video.error?.message || "unknown reason";
    this.#note();
  }

  #calm() {
    this.error = null;
    this.#note();
  }

  #note() {
    const [kind, picture, text, button] = this.#state();
    if (this.#shown === kind + text) return;
    this.#shown = kind + text;
    const note = part("screen-note");
    note.hidden = !kind;
    note.dataset.kind = kind ?? "";
    note.replaceChildren(...(kind ? [icon(picture), el("span", {}, text), button].filter(Boolean) : []));
  }

  #state() {
    const { file } = this.session;
    part("columns").toggleAttribute("data-empty", !file);
    if (!file) return ["nothing", "film", isOver(this.recording ?? { state: "ready" }) ? "There is nothing to play." : "Nothing has been written yet."];
    const growing = !isOver(file);
    const on = () => el("button", { "data-testid": "go-on", onclick: () => this.session.reload() }, "Go on");
    if (this.error && growing) return ["growing", "film", "The browser cannot play it yet.", on()];
    if (this.error) return ["error", "film", `The browser cannot play this file: ${this.error}`];
    if (growing && this.video.ended) return ["caught-up", "record", "You have seen all that is written so far.", on()];
    const seen = file.codecs.some((codec) => VIDEO.includes(String(codec).toLowerCase()));
    return seen || !file.codecs.length ? [null] : ["sound", "sound", "Sound only"];
  }
}
