// One feed on the stage: picture, name, figures, sound, full screen. Knows nothing of peers.

import { el, face, icon, setText } from "../lib/dom.js";
import { transcodeWords } from "../lib/camera-words.js";
import * as format from "../lib/format.js";
import { shows } from "../lib/view-words.js";
import { QualityBadge } from "./quality-badge.js";

const STATES = {
  connecting: ["wait", "CONNECTING"],
  live: ["live", "LIVE"],
  stalled: ["bad", "INTERRUPTED"],
};

const figure = (name, title) => el("div", {}, el("dt", {}, title), el("dd", { "data-testid": name }, "–"));
const button = (name) => el("button", { class: "quiet square", "data-testid": name }, icon("sound"));

// What stands in place of a picture that is not sent.
const INSTEAD = { sound: ["mic", "Sound only"], nothing: ["pause", "Paused"] };

export class Tile {
  /** `tools` are further buttons. */
  constructor(feed, name, tools = []) {
    this.name = name;
    this.outage = null;
    this.video = el("video", { id: `remote_${feed}`, autoplay: true, playsinline: true, "data-testid": "video" });
    this.video.muted = true; // browsers start muted pictures without a click
    this.badge = el("span", { class: "badge", "data-testid": "tile-badge" });
    this.note = el("span", { class: "badge", "data-testid": "tile-note", tabindex: 0, hidden: true });
    this.quality = new QualityBadge(name);
    this.told = null; // the server's last word on what is shown
    this.wait = el("div", { class: "tile-wait" });
    this.meter = el("div", { class: "level" });
    this.sound = button("sound");
    this.full = button("fullscreen");
    this.values = el("dl", { class: "figures" },
      figure("resolution", "Picture"), figure("fps", "Frames"), figure("bitrate", "Bit rate"), figure("rtt", "Round trip"));
    this.element = el("article", { class: "tile", "data-testid": "tile", "data-feed": feed, "aria-label": name },
      el("div", { class: "screen" }, this.video, this.wait, this.meter,
        el("div", { class: "tile-name" }, this.badge, el("h3", { "data-testid": "tile-name" }, name), this.note, this.quality.element)),
      el("div", { class: "tile-foot" }, this.values, el("div", { class: "tile-buttons" }, ...tools, this.sound, this.full)));
    this.#listen();
    this.state("connecting");
    this.#soundFace();
    face(this.full, "expand", `Show ${name} full screen`);
  }

  show(stream) {
    this.video.srcObject = stream;
    this.video.play().catch(() => (this.video.muted = true)); // sound needs a click first
    this.hasPicture = stream.getVideoTracks().length > 0;
  }

  state(state) {
    if (this.element.dataset.state === state && state !== "live") return;
    this.element.dataset.state = state;
    this.#showBadge();
    this.#explain(state);
  }

  /** How the camera is whose feed this is: an outage, in which a placeholder is shown, and whether it is transcoded. */
  camera({ status }) {
    this.outage = status.state === "waiting" ? status.since : null;
    this.element.toggleAttribute("data-no-signal", this.outage !== null);
    this.#showBadge();
    const why = transcodeWords(status.tracks);
    this.note.hidden = !why;
    if (!why) return;
    setText(this.note, "transcoded");
    this.note.title = why;
    this.note.setAttribute("aria-label", `Transcoded: ${why}`);
  }

  /** What is shown from now on, and why: the server's message. */
  rendition(told) {
    this.told = told;
    this.quality.show(told);
    this.element.dataset.shows = shows(told.rendition);
    this.#explain(this.element.dataset.state);
  }

  /** Whether it is this one who speaks. */
  speaking(on) {
    this.element.toggleAttribute("data-speaks", on);
    this.element.setAttribute("aria-label", on ? `${this.name}, speaking` : this.name);
  }

  #showBadge() {
    const [tone, text] = this.outage ? ["bad", `NO SIGNAL since ${format.moment(this.outage)}`] : STATES[this.element.dataset.state];
    this.badge.dataset.tone = tone;
    setText(this.badge, text);
  }

  figures({ width, height, fps, bitrate, rtt }) {
    const texts = [format.resolution(width, height), format.rate(fps), format.bitrate(bitrate), format.roundTrip(rtt)];
    this.values.querySelectorAll("dd").forEach((dd, n) => setText(dd, texts[n]));
  }

  level(loudness) {
    this.meter.style.transform = `scaleX(${Math.min(1, Math.sqrt(loudness) * 1.4)})`;
  }

  #explain(state) {
    const live = state === "live";
    const instead = INSTEAD[this.told ? shows(this.told.rendition) : ""] ?? (live && !this.hasPicture ? INSTEAD.sound : null);
    this.wait.hidden = state === "stalled" || (live && !instead);
    const [picture, text] = (live && instead) || ["camera", "Waiting for the first picture…"];
    const why = live && instead && this.told ? this.told.message : "";
    if (this.wait.dataset.text === text + why) return;
    this.wait.dataset.text = text + why;
    this.wait.replaceChildren(icon(picture), text, why ? el("small", {}, why) : "");
  }

  #listen() {
    this.sound.addEventListener("click", () => (this.video.muted = !this.video.muted));
    this.video.addEventListener("volumechange", () => this.#soundFace());
    this.full.addEventListener("click", () => this.#toggleFull());
    this.video.addEventListener("dblclick", () => this.#toggleFull());
  }

  #soundFace() {
    const muted = this.video.muted;
    face(this.sound, muted ? "mute" : "sound", muted ? `Turn on the sound of ${this.name}` : `Turn off the sound of ${this.name}`);
    this.sound.setAttribute("aria-pressed", String(!muted));
  }

  #toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (this.element.requestFullscreen) this.element.requestFullscreen().catch(() => {});
    else this.video.webkitEnterFullscreen?.(); // iPhones give it to the video alone
  }
}
