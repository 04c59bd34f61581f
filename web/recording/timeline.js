// The slider over the recording's time: where there is something, where we are, and the picture of where one points.
// Pointer and keyboard alike; decides nothing about files.

import { el, part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";

const STEP_MS = 5000;
const LEAP_MS = 60_000;
const SHOWN_MS = 1500;

export const percent = (value, length) => `${((100 * value) / length).toFixed(3)}%`;

export class Timeline {
  #slider = part("timeline");
  #preview = part("preview");
  #place = 0;
  #length = 1000;
  #hide = 0;

  /** `seek(place)` goes there, `step(ms)` moves from here; `picture(place)` is a thumbnail's CSS or null. */
  constructor({ seek, step, picture }) {
    Object.assign(this, { seek, step, picture });
    const slider = this.#slider;
    slider.addEventListener("pointerdown", (event) => this.#grab(event));
    slider.addEventListener("pointermove", (event) => this.#point(event));
    slider.addEventListener("pointerleave", () => this.#leave());
    slider.addEventListener("keydown", (event) => this.#key(event));
    slider.addEventListener("focus", () => slider.matches(":focus-visible") && this.#show(this.#place));
    slider.addEventListener("blur", () => this.#leave());
  }

  /** The axis' length and where the chosen track has something. */
  lay(length, spans) {
    this.#length = length;
    part("rail").replaceChildren(...spans.map(([from, to]) =>
      el("i", { style: `left:${percent(from, length)};width:${percent(to - from, length)}` })));
    this.#slider.setAttribute("aria-valuemax", String(Math.round(length / 1000)));
  }

  /** We are here. */
  move(place) {
    this.#place = place;
    part("axis").style.setProperty("--place", String(Math.min(1, place / this.#length)));
    this.#slider.setAttribute("aria-valuenow", String(Math.round(place / 1000)));
    this.#slider.setAttribute("aria-valuetext", `${format.clock(place)} of ${format.clock(this.#length)}`);
  }

  /** Shows the picture of a place, for a while. */
  #show(place, forMs = null) {
    clearTimeout(this.#hide);
    const picture = this.picture(place);
    const thumb = part("thumb");
    thumb.hidden = !picture;
    if (picture) Object.assign(thumb.style, picture);
    setText(part("preview-time"), format.clock(place));
    this.#preview.hidden = false;
    this.#preview.style.setProperty("--at", percent(place, this.#length));
    if (forMs) this.#hide = setTimeout(() => this.#leave(), forMs);
  }

  #leave() {
    clearTimeout(this.#hide);
    this.#preview.hidden = true;
  }

  #placeOf({ clientX }) {
    const { left, width } = this.#slider.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientX - left) / width)) * this.#length;
  }

  #grab(event) {
    this.#slider.setPointerCapture(event.pointerId);
    this.#point(event);
    this.seek(this.#placeOf(event));
  }

  #point(event) {
    const place = this.#placeOf(event);
    this.#show(place, event.pointerType === "mouse" ? null : SHOWN_MS);
    if (event.buttons & 1 && event.type === "pointermove") this.seek(place);
  }

  #key(event) {
    const by = { ArrowLeft: -STEP_MS, ArrowDown: -STEP_MS, ArrowRight: STEP_MS, ArrowUp: STEP_MS, PageUp: LEAP_MS, PageDown: -LEAP_MS }[event.key];
    const to = { Home: 0, End: this.#length }[event.key];
    if (by === undefined && to === undefined) return;
    event.preventDefault();
    if (by) this.step(by);
    else this.seek(to);
    this.#show(this.#place, SHOWN_MS); // the player has told where we are
  }
}
