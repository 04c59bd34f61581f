// One camera in the list: small picture, state, what its stream is, what is wrong with it, and its menu.
// Keeps its elements, so that a press that has begun and an open menu survive the next reading.

import { PtzPad, roomControl } from "../cameras/ptz.js";
import { el, icon, setText } from "../lib/dom.js";
import { explain, stateWords, streamWords, troubleWords } from "../lib/camera-words.js";
import * as format from "../lib/format.js";
import { tellError } from "../lib/notify.js";
import { popup } from "../lib/popup.js";
import { LivePicture } from "./live-picture.js";
import { linkList } from "./share.js";

const line = (name, more = "") => el("p", { class: `small ${more}`, "data-testid": name, hidden: true });

export class CameraRow {
  /** `actions` has `restart(name)` and `remove(name)`; `room` is the room's id. */
  constructor({ name }, api, room, actions) {
    this.name = name;
    this.picture = new LivePicture(api, room, "camera");
    this.badge = el("span", { class: "badge", "data-testid": "camera-state" });
    this.stream = line("camera-stream", "muted number");
    this.why = line("camera-why");
    this.todo = line("camera-todo", "muted");
    this.warnings = el("ul", { class: "warnings small", "data-testid": "camera-warnings", hidden: true });
    this.past = line("camera-past", "muted number");
    const more = el("button", { class: "quiet square", "data-testid": "camera-menu", "aria-label": `More about ${name}`, title: `More about ${name}` }, icon("more"));
    const panel = popup(more, { name: "camera-popup", label: name, fill: (close) => [...this.#pad(api, room), ...menu(name, room, actions, close)] });
    this.element = el("li", { "data-testid": "camera", "data-name": name },
      el("div", { class: "camera-head" }, this.picture.element, el("strong", { class: "name", "data-testid": "camera-row-name" }, name), this.badge, more, panel),
      this.stream, this.why, this.todo, this.warnings, this.past);
  }

  update(camera) {
    const { status, feed } = camera;
    this.camera = camera;
    this.element.dataset.state = status.state;
    const [tone, text] = stateWords(status.state);
    this.badge.dataset.tone = tone;
    setText(this.badge, text);
    show(this.stream, streamWords(status.tracks));
    show(this.past, pastWords(status));
    this.#warn(status.warnings);
    this.picture.show(status.state === "live" ? feed : null);
    this.tick();
  }

  /** The countdown runs here. */
  tick() {
    const { status } = this.camera;
    show(this.why, explain(status));
    show(this.todo, status.state === "waiting" && status.trouble ? troubleWords(status.trouble).todo : "");
  }

  // One for as long as the row is there: it listens to the window.
  #pad(api, room) {
    if (!this.camera.source.onvif) return [];
    this.pad ??= new PtzPad(roomControl(api, room, this.name), tellError);
    this.pad.load().catch(() => {}); // a camera without kept positions can still be moved
    return [this.pad.element];
  }

  #warn(warnings) {
    this.warnings.hidden = warnings.length === 0;
    if (this.warnings.textContent === warnings.join("")) return;
    this.warnings.replaceChildren(...warnings.map((text) => el("li", {}, text)));
  }
}

function show(element, text) {
  element.hidden = !text;
  setText(element, text);
}

// Users, reconnects, and the last trouble of one that is well again.
function pastWords({ state, users, reconnects, trouble }) {
  const count = (number, one, many) => (number ? `${number} ${number === 1 ? one : many}` : null);
  const last = trouble && `last error ${format.moment(trouble.at)}${state === "waiting" ? "" : `: ${troubleWords(trouble).what.toLowerCase()}`}`;
  return [count(users, "user", "users"), count(reconnects, "reconnect", "reconnects"), last].filter(Boolean).join(" · ");
}

function menu(name, room, { restart, remove }, close) {
  const item = (testid, picture, text, task, look = "") => el("button", { class: `quiet item ${look}`, "data-testid": testid, onclick: () => { close(); task(); } }, icon(picture), text);
  const links = el("details", { class: "links-fold" }, el("summary", { "data-testid": "camera-links" }, icon("link"), "Links"), linkList(room, name));
  return [item("camera-restart", "restart", "Restart", () => restart(name)), links, item("camera-remove", "trash", "Remove…", () => remove(name), "bad")];
}
