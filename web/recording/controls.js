// The bar under the picture: play, sound, speed, full screen, and keys that work anywhere on the player.

import { face, part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";

const STEP_S = 5;

export class Controls {
  /** `seekBy(ms)` moves from here. */
  constructor(video, seekBy) {
    Object.assign(this, { video, seekBy });
    part("play-pause").addEventListener("click", () => this.toggle());
    video.addEventListener("click", () => this.toggle());
    part("sound").addEventListener("click", () => (video.muted = !video.muted));
    part("rate").addEventListener("change", ({ target }) => this.#rate(Number(target.value)));
    part("fullscreen").addEventListener("click", () => this.#full());
    document.getElementById("watch").addEventListener("keydown", (event) => this.#key(event));
    for (const event of ["play", "pause", "ended", "volumechange"]) video.addEventListener(event, () => this.#faces());
    this.#faces();
  }

  toggle() {
    if (this.video.paused) this.video.play().catch(() => {}); // an error event says why
    else this.video.pause();
  }

  /** `place` of `length` on the axis, and what plays. */
  show(place, length, playing) {
    setText(part("clock"), `${format.clock(place)} / ${format.clock(length)}`);
    setText(part("now-playing"), playing);
  }

  // A new file begins at the default rate.
  #rate(rate) {
    this.video.defaultPlaybackRate = this.video.playbackRate = rate;
  }

  #faces() {
    const { paused, muted } = this.video;
    face(part("play-pause"), paused ? "play" : "pause", paused ? "Play" : "Pause");
    face(part("sound"), muted ? "mute" : "sound", muted ? "Turn on the sound" : "Turn off the sound");
    part("play-pause").dataset.state = paused ? "paused" : "playing";
  }

  #full() {
    const screen = part("screen");
    if (document.fullscreenElement) document.exitFullscreen();
    else if (screen.requestFullscreen) screen.requestFullscreen().catch(() => {});
    else this.video.webkitEnterFullscreen?.(); // iPhones give it to the video alone
  }

  #key(event) {
    if (event.target.closest("button, select, a, [role=slider]") || event.ctrlKey || event.metaKey || event.altKey) return;
    const task = { " ": () => this.toggle(), k: () => this.toggle(), m: () => (this.video.muted = !this.video.muted),
      f: () => this.#full(), ArrowLeft: () => this.seekBy(-STEP_S * 1000), ArrowRight: () => this.seekBy(STEP_S * 1000) }[event.key];
    if (!task) return;
    event.preventDefault();
    task();
  }
}
