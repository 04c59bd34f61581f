// The console's recordings: the newest in the side column, the running ones as strips, the record button's doing.
// Read from the REST API, which knows the truth.

import { el, icon, onPress, part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { Fresh } from "../lib/fresh.js";
import { showList } from "../lib/list.js";
import { tell, tellError } from "../lib/notify.js";
import { codecWords, fileEndWords, fileOwner, isOver, isRunning } from "../lib/recording-words.js";
import { deleteWithUndo } from "../recordings/bin.js";
import { entry, latePoster } from "../recordings/entry.js";
import { play } from "./player.js";

const SHOWN = 20; // the rest is a page of its own

export class Recordings {
  #all = [];
  #shown = "";

  constructor(api, changed) {
    Object.assign(this, { api, changed });
    this.fresh = new Fresh(api, { read: () => this.#read(), busy: () => this.#all.some((one) => !isOver(one)) });
  }

  /** All that is not over or being completed in a room, newest first. */
  running(room) {
    return this.of(room).filter(isRunning);
  }

  of(room) {
    return this.#all.filter((one) => String(one.room) === String(room));
  }

  refresh = () => this.fresh.now();

  async #read() {
    const all = (await this.api.recordings().catch(() => null))?.filter((one) => !one.deleted_at);
    if (!all || this.#shown === JSON.stringify(all)) return;
    this.#shown = JSON.stringify(all);
    this.#all = all;
    showList(part("recordings"), all.slice(0, SHOWN), (one) => one.id, (one) => this.#entry(one), latePoster(this.api));
    part("recordings-empty").hidden = all.length > 0;
    setText(part("recording-count"), String(all.length));
    this.changed();
  }

  /** Starts as the room is set to, or stops all that runs: whichever the room needs. */
  async toggle(room) {
    const running = this.running(room);
    if (!running.length) return this.start(room);
    await Promise.all(running.map((one) => this.api.stopRecording(one.id)));
    tell("Recording stopped: the files are being completed.");
    await this.refresh();
  }

  /** Starts what was wished for. */
  async start(room, wish) {
    await this.api.startRecording(room, wish);
    tell("Recording started.");
    await this.refresh();
  }

  #entry(one) {
    const remove = el("button", { class: "quiet square", "data-testid": "delete", "aria-label": "Delete this recording", title: "Delete this recording" }, icon("trash"));
    onPress(remove, () => deleteWithUndo(this.api, one, this.refresh), tellError);
    return entry(this.api, one, { target: "_blank", buttons: isOver(one) ? [remove] : [], more: one.files.map((file) => this.#file(one, file)) });
  }

  #file(recording, file) {
    const url = this.api.fileUrl(recording.id, file.name);
    const facts = [format.clock(file.duration_ms), format.bytes(file.bytes), format.resolution(file.width, file.height),
      file.codecs.map(codecWords).join(" + ")].filter((text) => text && text !== "–").join(" · ");
    const failed = fileEndWords(file);
    return el("div", { class: "file", "data-testid": "file", "data-file": file.name },
      el("strong", { class: "small" }, fileOwner(file)),
      el("span", { class: "muted small number" }, isOver(file) ? facts : `being written… ${format.bytes(file.bytes)}`),
      failed && el("span", { class: "small" }, failed),
      isOver(file) && file.bytes > 0 ? el("div", { class: "file-buttons" },
        el("button", { "data-testid": "play", onclick: () => play(url, file, facts) }, icon("play"), "Play"),
        el("a", { class: "button quiet", "data-testid": "download", href: this.api.fileUrl(recording.id, file.name, { download: 1 }), download: file.name }, icon("download"), "Download")) : null);
  }
}
