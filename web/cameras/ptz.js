// Buttons that move a camera: held to move, released to stop; and the positions that it keeps.
// Decides when to move and to stop; how the camera is told is its `control`'s.

import { el, icon, onPress } from "../lib/dom.js";

// The server lets a camera stop by itself after 5 s: said again while a button is held.
const AGAIN_MS = 2000;
const SPEED = 0.6;
const WAYS = [
  ["up", "Up", { y: SPEED }],
  ["left", "Left", { x: -SPEED }],
  ["right", "Right", { x: SPEED }],
  ["down", "Down", { y: -SPEED }],
  ["in", "Zoom in", { zoom: SPEED }],
  ["out", "Zoom out", { zoom: -SPEED }],
];

/** Of a camera in a room. */
export const roomControl = (api, room, ingest) => ({
  tell: (step) => api.moveIngest(room, ingest, step),
  presets: () => api.ingestPresets(room, ingest),
});

/** Of a camera that is in no room: `{address, user, password, profile}`. */
export const cameraControl = (api, camera) => ({
  tell: (step) => api.moveCamera({ ...camera, ...step }),
  presets: () => api.cameraPresets(camera),
});

export class PtzPad {
  #held = null;
  #timer = 0;
  #told = Promise.resolve();

  /** `control` is `{tell({move} | {stop} | {preset}), presets()}`; `failed(error)` says what went wrong. */
  constructor(control, failed) {
    Object.assign(this, { control, failed });
    this.presets = el("select", { "aria-label": "Kept positions", "data-testid": "ptz-presets" });
    this.go = el("button", { type: "button", "data-testid": "ptz-go" }, "Go");
    this.kept = el("div", { class: "ptz-kept", hidden: true }, this.presets, this.go);
    this.element = el("div", { class: "ptz", role: "group", "aria-label": "Move the camera", "data-testid": "ptz" },
      el("div", { class: "ptz-pad" }, ...WAYS.map((way) => this.#button(...way))), this.kept);
    onPress(this.go, () => this.#tell({ preset: this.presets.value }), failed);
    addEventListener("blur", () => this.#release());
    document.addEventListener("visibilitychange", () => this.#release());
  }

  /** Fills the list of positions; without any it stays away. */
  async load() {
    const presets = await this.control.presets();
    this.presets.replaceChildren(...presets.map(({ token, name }) => el("option", { value: token }, name)));
    this.kept.hidden = presets.length === 0;
  }

  #button(way, label, move) {
    const face = { in: "+", out: "−" }[way] ?? icon("chevron");
    const button = el("button", { type: "button", class: `square ptz-${way}`, "aria-label": label, title: label, "data-testid": `ptz-${way}` }, face);
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      this.#hold(button, move);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(end, () => this.#release(button));
    button.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!event.repeat) this.#hold(button, move);
    });
    button.addEventListener("keyup", () => this.#release(button));
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    return button;
  }

  #hold(button, move) {
    this.#release();
    this.#held = button;
    button.setAttribute("aria-pressed", "true");
    const say = () => this.#tell({ move }).catch((error) => {
      this.#release(button);
      this.failed(error);
    });
    say();
    this.#timer = setInterval(say, AGAIN_MS);
  }

  /** Stops; told of another button than the one that is held, it does nothing. */
  #release(button = this.#held) {
    if (!this.#held || button !== this.#held) return;
    this.#held.removeAttribute("aria-pressed");
    this.#held = null;
    clearInterval(this.#timer);
    this.#tell({ stop: true }).catch(this.failed);
  }

  // In order: a stop never overtakes the movement that it ends.
  #tell(step) {
    const told = this.#told.then(() => this.control.tell(step));
    this.#told = told.catch(() => {});
    return told;
  }
}
