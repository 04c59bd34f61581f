// Plays a presentation in a <video>: by MediaSource, near the live edge; where there is none (iPhones), by the browser's own.

import { answered } from "../lib/api.js";
import { readIndex } from "./playlist.js";
import { Track } from "./track.js";

const RESTART_MS = 2000;
const NUDGE_S = 0.1; // into what was loaded, over a gap
const TOO_FAR = 4; // hold-backs behind: jump
const FAST = 1.05; // catching up, hardly heard

export class Player {
  state = "starting";
  words = "Starting…";
  /** How far from the newest part to play, in seconds. */
  #behind = 1.5;
  #tracks = [];
  #ending = new AbortController();

  constructor(video, address, onChange) {
    Object.assign(this, { video, address, onChange });
    for (const event of ["playing", "waiting", "timeupdate"]) video.addEventListener(event, () => this.#follow());
    setInterval(() => this.#follow(), 250);
  }

  async run() {
    if (!window.MediaSource) return this.#native();
    for (;;) {
      try {
        await this.#once();
        return this.#say("ended", "The sender has ended.");
      } catch (error) {
        this.#ending.abort();
        this.#tracks = [];
        this.#say("waiting", error.message);
        if (error.status === 401 || error.status === 403) return;
      }
      await new Promise((done) => setTimeout(done, RESTART_MS));
    }
  }

  // The browser's player looks after everything by itself.
  #native() {
    this.video.src = this.address;
    this.video.addEventListener("playing", () => this.#say("live", ""));
    this.video.addEventListener("ended", () => this.#say("ended", "The sender has ended."));
    this.video.addEventListener("error", () => this.#say("waiting", "The stream cannot be played."));
  }

  /** Until the end of the feed. */
  async #once() {
    this.#ending = new AbortController();
    this.#tracks = []; // those of before are of a MediaSource that is closed
    const { signal } = this.#ending;
    const index = readIndex(await (await answered(this.address, { signal, cache: "no-store" })).text(), new URL(this.address, location.href));
    const media = new MediaSource();
    this.video.src = URL.createObjectURL(media);
    await new Promise((done) => media.addEventListener("sourceopen", done, { once: true }));
    URL.revokeObjectURL(this.video.src);
    this.#tracks = ["video", "audio"].filter((kind) => index[kind]).map((kind) => new Track(index[kind], kind, media, signal));
    const failed = new Promise((_, no) => this.video.addEventListener("error", () => no(new Error("The browser cannot decode this.")), { once: true }));
    await Promise.race([failed, Promise.all(this.#tracks.map((track) => track.run((list) => (this.#behind = list.holdBack))))]);
    if (media.readyState === "open") media.endOfStream();
    await Promise.race([failed, new Promise((done) => (this.video.ended ? done() : this.video.addEventListener("ended", done, { once: true })))]);
  }

  /** Stays near the live edge: begins, closes up, jumps over gaps. */
  #follow() {
    const { video } = this;
    const end = this.edge;
    if (end === null || video.readyState < 1 || this.state === "ended") return;
    const { buffered } = video;
    if (!buffered.length) return;
    const far = !video.paused && end - video.currentTime > this.#behind * TOO_FAR;
    if (far || video.currentTime < buffered.start(0)) video.currentTime = Math.max(end - this.#behind, buffered.start(buffered.length - 1));
    else this.#overGaps(buffered);
    if (!video.paused) video.playbackRate = end - video.currentTime > this.#behind * 1.5 ? FAST : 1;
    if (video.readyState >= 3) this.#say("live", "");
    else if (this.state === "live") this.#say("waiting", "Waiting for more…");
  }

  #overGaps(buffered) {
    const now = this.video.currentTime;
    if (this.video.readyState >= 3 || this.video.seeking) return;
    for (let index = 0; index < buffered.length; index += 1) {
      if (buffered.start(index) > now) {
        this.video.currentTime = buffered.start(index) + NUDGE_S;
        return;
      }
    }
  }

  #say(state, words) {
    if (this.state === state && this.words === words) return;
    Object.assign(this, { state, words });
    this.onChange();
  }

  /** The newest moment that all tracks have, in seconds of the media. */
  get edge() {
    const ends = this.#tracks.map((track) => track.end);
    return ends.length && ends.every((end) => end !== null) ? Math.min(...ends) : null;
  }

  /** Seconds that are there and not played yet. */
  get buffered() {
    return this.edge === null ? null : Math.max(0, this.edge - this.video.currentTime);
  }

  /** Seconds between now and the moment that is shown, by the wall clocks of server and browser. */
  get latency() {
    const zero = this.#tracks.find((track) => track.zero !== null)?.zero;
    if (zero != null) return Math.max(0, (Date.now() - zero) / 1000 - this.video.currentTime);
    const date = this.video.getStartDate?.().getTime();
    return Number.isFinite(date) ? (Date.now() - date) / 1000 - this.video.currentTime : null;
  }
}
