// What the room sends to other servers: a strip for each, read every 2 s while there are any; tells when one ends.

import { part } from "../lib/dom.js";
import { Fresh } from "../lib/fresh.js";
import { tell } from "../lib/notify.js";
import { streamAt } from "../lib/stream.js";
import { reasonWords } from "../lib/words.js";
import { BroadcastStrip } from "./broadcast-strip.js";

export class Broadcasts {
  #room = null;
  #strips = new Map();

  /** `nameOf(feed)` is the name of a feed's sender. */
  constructor(api, nameOf) {
    Object.assign(this, { api, nameOf });
    this.fresh = new Fresh(api, { read: () => this.#read(), busy: () => this.#strips.size > 0, events: ["broadcast_changed"] });
    streamAt(api.eventsUrl()).on(["broadcast_changed"], ({ room, data }) => String(room) === String(this.#room) && ended(data.broadcast));
    setInterval(() => this.#strips.forEach((strip) => strip.tick()), 1000);
  }

  refresh = () => this.fresh.now();

  /** Another room has other broadcasts. */
  roomChanged(room) {
    if (room === this.#room) return;
    this.#room = room;
    this.#show([]);
    this.refresh();
  }

  async #read() {
    const room = this.#room;
    if (room === null) return;
    const all = await this.api.broadcasts(room).catch((error) => (error.status === 404 ? [] : null));
    if (all && room === this.#room) this.#show(all.filter(({ status }) => status.state !== "ended"));
  }

  #show(all) {
    for (const [id, strip] of this.#strips) if (!all.some((one) => one.id === id)) this.#drop(id, strip);
    for (const broadcast of all) this.#strip(broadcast).update(broadcast);
    part("broadcasts").hidden = all.length === 0;
  }

  #strip(broadcast) {
    const known = this.#strips.get(broadcast.id);
    if (known) return known;
    const strip = new BroadcastStrip(broadcast, { stop: (one) => this.#stop(one), nameOf: this.nameOf });
    this.#strips.set(broadcast.id, strip);
    part("broadcasts").append(strip.element);
    return strip;
  }

  #drop(id, strip) {
    strip.element.remove();
    this.#strips.delete(id);
  }

  async #stop({ id }) {
    await this.api.stopBroadcast(this.#room, id);
    await this.refresh();
  }
}

// Its strip goes; why it ended must not go with it.
function ended({ status, wish }) {
  if (status.state !== "ended") return;
  if (status.reason === "requested") return tell(`The broadcast to ${wish.to} was stopped.`);
  tell(`The broadcast to ${wish.to} ended: ${status.trouble ?? `${reasonWords(status.reason)}.`}`, "warn");
}
