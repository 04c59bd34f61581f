// The cameras of the room: read from the REST API every 2 s while the page is seen, and when the server tells of a change.

import { part, setText } from "../lib/dom.js";
import { Fresh } from "../lib/fresh.js";
import { tell, tellError } from "../lib/notify.js";
import { CameraRow } from "./camera-row.js";

export class Cameras {
  #room = null;
  #rows = new Map();
  all = [];

  /** `changed(cameras)` is called with every reading. */
  constructor(api, changed) {
    Object.assign(this, { api, changed });
    this.actions = { restart: (name) => this.#restart(name).catch(tellError), remove: (name) => this.#remove(name).catch(tellError) };
    this.fresh = new Fresh(api, { read: () => this.#read(), busy: () => this.#room !== null, events: ["ingest_changed", "feed_published", "participant_left"] });
    setInterval(() => this.#rows.forEach((row) => row.tick()), 1000);
  }

  refresh = () => this.fresh.now();

  /** Another room has other cameras. */
  roomChanged(room) {
    if (room === this.#room) return;
    this.#room = room;
    part("cameras-panel").hidden = room === null;
    this.#show([]);
    this.refresh();
  }

  named = (name) => this.all.find((one) => one.name === name);

  async #read() {
    const room = this.#room;
    if (room === null) return;
    const all = await this.api.ingests(room).catch((error) => (error.status === 404 ? [] : null));
    if (all && room === this.#room) this.#show(all);
  }

  #show(all) {
    this.all = all;
    for (const [name, row] of this.#rows) if (!all.some((one) => one.name === name && one.feed === row.camera.feed)) this.#drop(name, row);
    for (const camera of all) this.#row(camera).update(camera);
    part("cameras-empty").hidden = all.length > 0;
    setText(part("camera-count"), String(all.length));
    this.changed(all);
  }

  #row(camera) {
    const known = this.#rows.get(camera.name);
    if (known) return known;
    const row = new CameraRow(camera, this.api, this.#room, this.actions);
    this.#rows.set(camera.name, row);
    part("cameras").append(row.element);
    return row;
  }

  #drop(name, row) {
    row.picture.stop();
    row.element.remove();
    this.#rows.delete(name);
  }

  async #restart(name) {
    await this.api.restartIngest(this.#room, name);
    tell(`${name} is opened anew.`);
    await this.refresh();
  }

  async #remove(name) {
    if (!confirm(`Remove the camera ${name} from this room? Who watches it loses it.`)) return;
    await this.api.removeIngest(this.#room, name);
    tell(`${name} removed.`);
    await this.refresh();
  }
}
