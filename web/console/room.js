// The console's place in a room: joining, inviting, and one subscription per live feed.
// Decides what follows from which event; leaves the page to main.js and the media to subscription.js.

import { log, tell, tellError } from "../lib/notify.js";
import { isCamera, shortName } from "../lib/recording-words.js";
import { reasonWords } from "../lib/words.js";
import { every } from "../lib/dom.js";
import { MixView } from "./mix-view.js";
import { Subscription } from "./subscription.js";
import { Tile } from "./tile.js";

// A server forgets a console that was away for longer; its subscriptions are then made anew.
const GRACE_MS = 8000;

export class Room {
  id = null;
  #feeds = new Map();
  #speaker = null;
  #awaySince = 0;
  #resumed = false;

  /**
   * `changed()` is called whenever the room or its feeds changed; `tools(feed, name, address)` makes a tile's further
   * buttons, `address` being what the feed is called in links.
   */
  constructor(signaling, clientId, grid, changed, tools) {
    Object.assign(this, { signaling, clientId, grid, changed, tools });
    this.mix = new MixView(this);
    signaling
      .on("start_listening", (data) => this.#listen(data))
      .on("stop_listening", (data) => this.#unlisten(data))
      .on("offer_to_subscriber", ({ feed, sdp }) => (this.#feeds.get(String(feed)) ?? this.mix.shown)?.accept(sdp, feed).catch(tellError))
      .on("rendition", (told) => this.subscription(told.feed)?.rendition(told))
      .on("active_speaker", ({ feed }) => this.#speaks(feed))
      .on("state", (state) => this.#connection(state));
    setInterval(() => this.#each((one) => one.measure()), 1000);
    every(150, () => this.#each((one) => one.measureLevel()));
  }

  get feeds() {
    return this.#feeds.size;
  }

  /** What is shown, `[{feed, name}]`. */
  get shown() {
    return [...this.#feeds].map(([feed, { tile }]) => ({ feed, name: tile.name }));
  }

  /** What watches this feed, if anything does. */
  subscription(feed) {
    return this.#feeds.get(String(feed)) ?? this.mix.of(feed);
  }

  /** All but the mix. */
  get subscriptions() {
    return [...this.#feeds.values()];
  }

  /** Tells the tiles of cameras how these are. */
  cameras(all) {
    for (const camera of all) this.#feeds.get(String(camera.feed))?.tile.camera(camera);
  }

  async create() {
    const { room_id } = await this.signaling.request("create_room", {}, "room_created");
    await this.enter(room_id);
  }

  async enter(id) {
    const room_id = /^\d+$/.test(id) ? Number(id) : id;
    this.id = room_id; // before the answer: feeds may be announced right behind it
    try {
      await this.signaling.request("join_as_publisher", { room_id, inviter: this.clientId }, "joined_as_publisher");
    } catch (error) {
      if (error.code !== "offline") this.#forget();
      throw error;
    }
    log(`In room ${id}`);
    this.changed();
  }

  invite() {
    if (!this.signaling.send("invite_devices", { room_id: this.id })) tell("Not connected: try again in a moment.", "warn");
    else log("Available devices are invited");
  }

  leave() {
    this.signaling.send("leave");
    log(`Left room ${this.id}`);
    this.#forget();
  }

  #listen({ feed, room_id, publisher }) {
    if (this.id === null || (room_id != null && String(room_id) !== String(this.id))) return;
    const key = String(feed);
    const known = this.#feeds.get(key);
    if (known) return this.#resumed && known.healthy ? undefined : known.start();
    const name = publisher ? shortName(publisher) : `Stream ${key}`;
    const tile = new Tile(key, name, this.tools(key, name, isCamera(publisher) ? name : key));
    const subscription = new Subscription(this.signaling, this.id, feed, tile);
    this.#feeds.set(key, subscription);
    tile.speaking(key === this.#speaker);
    this.mix.added(subscription);
    this.grid.append(tile.element);
    log(`${tile.name} is live`);
    subscription.start();
    this.changed();
  }

  #unlisten({ feed, reason }) {
    if (this.mix.of(feed)) return this.mix.stop();
    const subscription = this.#feeds.get(String(feed));
    if (!subscription) return;
    this.#remove(String(feed), subscription);
    tell(`${subscription.tile.name} ended: ${reasonWords(reason)}.`);
    this.changed();
  }

  // `null`: nobody.
  #speaks(feed) {
    this.#speaker = feed == null ? null : String(feed);
    for (const [key, { tile }] of this.#feeds) tile.speaking(key === this.#speaker);
  }

  #connection(state) {
    if (state === "waiting" && !this.#awaySince) this.#awaySince = performance.now();
    if (state === "open" && this.id !== null) this.#comeBack();
  }

  // While resuming, feeds are announced again although their peers still run.
  async #comeBack() {
    this.#resumed = performance.now() - this.#awaySince < GRACE_MS;
    this.#awaySince = 0;
    setTimeout(() => (this.#resumed = false), 2000);
    const again = !(this.#resumed && this.mix.shown?.healthy);
    await this.enter(this.id).catch(tellError);
    if (again) this.mix.shown?.start();
  }

  #remove(key, subscription) {
    subscription.stop();
    subscription.tile.element.remove();
    this.#feeds.delete(key);
  }

  #forget() {
    this.id = this.#speaker = null;
    this.mix.forget();
    for (const [key, subscription] of [...this.#feeds]) this.#remove(key, subscription);
    this.changed();
  }

  #each(task) {
    for (const subscription of this.#feeds.values()) task(subscription);
    if (this.mix.shown) task(this.mix.shown);
  }
}
