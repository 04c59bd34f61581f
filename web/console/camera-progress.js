// What becomes of a camera that was just added: how it connects, until its first picture, or why there is none.

import { part, setText } from "../lib/dom.js";
import { explain, streamWords, troubleWords } from "../lib/camera-words.js";
import { LivePicture } from "./live-picture.js";

const WIDTH = 640;

export class CameraProgress {
  #name = null;
  #picture = null;

  constructor(api) {
    this.api = api;
  }

  /** Follows the camera of this name, until `stop()`. */
  begin(room, camera) {
    this.#name = camera.name;
    this.#picture = new LivePicture(this.api, room, "camera-first", WIDTH);
    part("camera-picture").replaceChildren(this.#picture.element);
    this.show([camera]);
  }

  stop() {
    this.#name = null;
    this.#picture?.stop();
    this.#picture = null;
    part("camera-picture").replaceChildren();
  }

  get name() {
    return this.#name;
  }

  /** Called with every reading of the room's cameras. */
  show(cameras) {
    const camera = cameras.find((one) => one.name === this.#name);
    if (!camera) return;
    const { status, feed } = camera;
    part("camera-progress").dataset.state = status.state;
    this.#picture.show(status.state === "live" ? feed : null);
    const { text, todo } = words(camera.name, status);
    setText(part("camera-progress-text"), text);
    setText(part("camera-progress-todo"), todo);
    part("camera-change").hidden = !["waiting", "ended"].includes(status.state);
  }
}

function words(name, status) {
  const { state, tracks, trouble, warnings } = status;
  if (state === "live") return { text: `${name} is live: ${streamWords(tracks)}`, todo: warnings.join(" ") };
  if (state === "idle") return { text: `${name} works: ${streamWords(tracks)}`, todo: explain(status) };
  if (state === "connecting" && !trouble) return { text: `${name} is being opened…`, todo: "" };
  if (!trouble) return { text: `${name}: ${explain(status)}`, todo: "" };
  const { what, todo } = troubleWords(trouble);
  return { text: `No picture from ${name}. ${what}.`, todo: `${todo} The server keeps trying.`.trim() };
}
