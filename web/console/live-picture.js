// A small picture of a feed, taken anew every ten seconds while it can be seen. Without one, the icon of a camera.

import { el, icon } from "../lib/dom.js";

const PERIOD_MS = 10_000;
const WIDTH = 160;

export class LivePicture {
  #feed = null;
  #seen = false;
  #timer = 0;

  constructor(api, room, name, width = WIDTH) {
    Object.assign(this, { api, room, width });
    this.image = el("img", { alt: "", hidden: true, "data-testid": `${name}-snapshot` });
    this.empty = icon("camera");
    this.element = el("div", { class: "poster" }, this.image, this.empty);
    this.image.addEventListener("load", () => this.#empty(false));
    this.image.addEventListener("error", () => this.#empty(true));
    new IntersectionObserver(([{ isIntersecting }]) => {
      this.#seen = isIntersecting;
      this.#next();
    }).observe(this.element);
    document.addEventListener("visibilitychange", this.#next);
  }

  /** Of this feed from now on; `null` keeps the last picture, faded. */
  show(feed) {
    this.element.classList.toggle("old", feed === null);
    if (feed === this.#feed) return;
    this.#feed = feed;
    this.#next();
  }

  stop() {
    this.show(null);
    document.removeEventListener("visibilitychange", this.#next);
  }

  // One at a time: nobody sees a picture that is not in the window.
  #next = () => {
    clearTimeout(this.#timer);
    if (this.#feed === null || !this.#seen || document.visibilityState !== "visible") return;
    this.image.src = this.api.snapshotUrl(this.room, this.#feed, { width: this.width, at: Date.now() });
    this.#timer = setTimeout(this.#next, PERIOD_MS);
  };

  #empty(none) {
    this.image.hidden = none;
    this.empty.toggleAttribute("hidden", !none);
  }
}
