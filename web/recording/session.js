// What plays: a track, one of its segments, and a place on the recording's one time axis. Turns places into seconds of a
// file and back, goes on with the next segment where one ends, and keeps the place when another track is chosen.

import { isOver } from "../lib/recording-words.js";

export class Session {
  track = null;
  file = null;
  #axis = null;
  #wanted = null; // a place in a file that is being opened
  #generation = 0;
  #grew = false; // it was still being written when it was opened

  /** `moved()` is called when the place changes, `changed()` when the track or file does. */
  constructor(video, api, { moved, changed }) {
    Object.assign(this, { video, api, moved, changed });
    video.addEventListener("timeupdate", () => this.#wanted === null && moved());
    video.addEventListener("seeked", moved);
    video.addEventListener("loadedmetadata", () => this.#arrive());
    video.addEventListener("ended", () => this.#goOn());
  }

  /** The same recording, read again: segments may have grown or come. */
  update(recording, axis, tracks) {
    Object.assign(this, { recording, tracks });
    this.#axis = axis;
    this.track = tracks.find((one) => one.key === this.track?.key) ?? tracks[0] ?? null;
    this.file = this.track?.segments.find((one) => one.name === this.file?.name) ?? null;
    if (!this.file) this.#open(this.track?.segments.find(playable), 0, false);
    else if (this.#isCompleteNow && this.video.paused) this.reload(false);
  }

  /** Place on the axis, in milliseconds. */
  get place() {
    if (!this.file?.started_at) return 0;
    return this.#axis.place(this.file, this.#wanted ?? this.video.currentTime * 1000);
  }

  /** Place within the file, in milliseconds. */
  get fileMs() {
    return this.#wanted ?? this.video.currentTime * 1000;
  }

  /** Goes to a place on the axis, in the chosen track; where it has nothing, to where it goes on. */
  seek(place) {
    const file = this.#fileAt(this.track, place);
    if (file) this.#open(file, this.#axis.inFile(file, place), !this.video.paused);
  }

  /** Moves by so much in what is recorded: over pauses and from segment to segment. */
  step(by) {
    const segments = this.track?.segments.filter(playable) ?? [];
    const index = segments.findIndex((one) => one.name === this.file?.name);
    if (index < 0) return;
    const to = this.fileMs + by;
    const [before, after] = [segments[index - 1], segments[index + 1]];
    const playing = !this.video.paused;
    if (to < 0 && before) this.#open(before, Math.max(0, before.duration_ms + to), playing);
    else if (to > this.file.duration_ms && after) this.#open(after, 0, playing);
    else this.#open(this.file, Math.min(this.file.duration_ms, Math.max(0, to)), playing);
  }

  /** Shows another track at the same moment. */
  choose(track, file) {
    const { place } = this;
    const playing = !this.video.paused;
    this.track = track;
    const next = file ?? this.#fileAt(track, place);
    if (next) this.#open(next, this.#axis.inFile(next, place), playing);
    this.changed();
  }

  /** What came since a growing file was opened. */
  reload(play = true) {
    if (this.file) this.#load(this.file, this.fileMs, play);
  }

  // Opened while it grew, and whole since: only now it has a length and can be moved in everywhere.
  get #isCompleteNow() {
    return this.#grew && isOver(this.file);
  }

  #fileAt(track, place) {
    const segments = track?.segments.filter(playable) ?? [];
    return segments.find((file) => place <= this.#axis.span(file)[1]) ?? segments.at(-1);
  }

  #open(file, ms, play) {
    if (!file) return;
    if (this.file?.name === file.name && this.video.src) {
      if (this.#wanted !== null) this.#wanted = ms; // still opening
      else this.video.currentTime = ms / 1000;
      return this.moved();
    }
    this.#load(file, ms, play);
  }

  #load(file, ms, play) {
    this.file = file;
    this.#wanted = ms;
    // A file that grows is another one at each look; browsers would go on with what they have.
    this.#grew = !isOver(file);
    const wish = this.#grew ? { seen: ++this.#generation } : {};
    this.video.src = this.api.fileUrl(this.recording.id, file.name, wish);
    if (play) this.video.play().catch(() => {}); // the button is there
    this.changed();
    this.moved();
  }

  #arrive() {
    if (this.#wanted > 0) this.video.currentTime = this.#wanted / 1000;
    this.#wanted = null;
    this.moved();
  }

  #goOn() {
    if (this.#isCompleteNow) return this.reload();
    const segments = this.track.segments.filter(playable);
    const next = segments[segments.findIndex((one) => one.name === this.file.name) + 1];
    if (next) this.#load(next, 0, true);
    else this.changed();
  }
}

/** Whether there is anything to play in a file. */
export const playable = (file) => Boolean(file.started_at) && file.bytes > 0;
