// The list of recordings and the record button's state. Read from the REST API, which knows the truth.

import { el, icon, part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { tell, tellError } from "../lib/notify.js";
import { reasonWords } from "../lib/words.js";
import { play } from "./player.js";

const STATES = {
  recording: ["live", "recording"],
  finishing: ["wait", "finishing"],
  ready: ["good", "ready"],
  failed: ["bad", "ended early"],
};
const isOver = (state) => state === "ready" || state === "failed";
const isRunning = (one) => !isOver(one.state);

export class Recordings {
  #all = [];
  #shown = "";

  constructor(api, changed) {
    Object.assign(this, { api, changed });
  }

  /** The recording that runs in a room. */
  running(room) {
    return this.#all.find((one) => String(one.room) === String(room) && one.state === "recording");
  }

  async refresh() {
    const all = await this.api.recordings().catch(() => null);
    if (!all || this.#shown === JSON.stringify(all)) return;
    this.#shown = JSON.stringify(all);
    this.#all = all;
    part("recordings").replaceChildren(...all.map((one) => this.#entry(one)));
    part("recordings-empty").hidden = all.length > 0;
    setText(part("recording-count"), String(all.length));
    this.changed();
  }

  /** Starts or stops, whichever the room needs. */
  async toggle(room) {
    const running = this.running(room);
    if (running) await this.api.stopRecording(running.id);
    else await this.api.startRecording(room);
    tell(running ? "Recording stopped: the files are being completed." : "Recording started.");
    await this.refresh();
  }

  #entry(one) {
    const [tone, text] = STATES[one.state] ?? ["wait", one.state];
    const remove = el("button", { class: "quiet square", "data-testid": "delete", "aria-label": "Delete this recording",
      title: "Delete this recording", disabled: isRunning(one), onclick: () => this.#delete(one) }, icon("trash"));
    return el("li", { "data-testid": "recording", "data-recording": one.id, "data-state": one.state },
      el("div", { class: "recording-head" },
        el("div", { class: "when" }, el("strong", {}, `Room ${one.room}`), el("div", { class: "muted small" }, format.moment(one.started_at))),
        el("span", { class: "badge", "data-tone": tone }, text), remove),
      one.state === "failed" ? el("p", { class: "small" }, `Ended because ${reasonWords(one.reason)}.`) : null,
      ...one.files.map((file) => this.#file(one, file)));
  }

  #file(recording, file) {
    const url = this.api.fileUrl(recording.id, file.name);
    const facts = [format.clock(file.duration_ms), format.bytes(file.bytes), format.resolution(file.width, file.height),
      file.codecs.map((codec) => codec.toUpperCase()).join(" + ")].filter((text) => text && text !== "–").join(" · ");
    const over = isOver(file.state);
    return el("div", { class: "file", "data-testid": "file", "data-file": file.name },
      el("strong", { class: "small" }, String(file.publisher).replace(/^DEVICE:/, "")),
      el("span", { class: "muted small number" }, over ? facts : "being written…"),
      file.state === "failed" ? el("span", { class: "small" }, file.detail ?? `Ended because ${reasonWords(file.reason)}.`) : null,
      over && file.bytes > 0 ? el("div", { class: "file-buttons" },
        el("button", { "data-testid": "play", onclick: () => play(url, file, facts) }, icon("play"), "Play"),
        el("a", { class: "button quiet", "data-testid": "download", href: url, download: file.name }, icon("download"), "Download")) : null);
  }

  async #delete(one) {
    if (!confirm(`Delete the recording of room ${one.room} with its files? This cannot be undone.`)) return;
    await this.api.deleteRecording(one.id).then(() => tell("Recording deleted."), tellError);
    await this.refresh();
  }
}
