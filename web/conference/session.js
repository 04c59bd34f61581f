// One stay in a room: joins, and makes the two ways of media when they are needed. What is sent is `sending`, what others send
// `taking`; mediasoup-client makes the peer connections. Leaves what is shown to the page.

import { Device } from "/web/vendor/mediasoup-client.js";
import { Sending } from "./sending.js";
import { Refused, Socket } from "./socket.js";
import { Taking } from "./taking.js";
import { Way } from "./way.js";
import { isPutOut } from "./words.js";

const SIGN_MS = 20_000;
const SIGN_LIMIT_MS = 10_000;
const DEAF = { message() {}, track() {}, gone() {}, missing() {}, ended() {}, state() {}, out() {}, lost() {} };

export class Session {
  you = null;
  #device = new Device();
  #ice = [];
  #sign = 0;
  /** What came before the page was ready for it. */
  #held = [];

  /** `on` has `message(type, data)`, `track(producer, consumer)`, `gone(producerId)`, `missing(producer, error)`, `ended(name, again, reason)`
   * of what one sends oneself, `state("connected" or "interrupted")`, `out(reason)` and `lost(error)`. It hears nothing before `begin`. */
  constructor(token, on) {
    this.on = on;
    this.socket = new Socket(token, { message: (type, data) => this.#told(type, data), lost: () => this.#lost() });
    const [device, socket] = [this.#device, this.socket];
    const ears = { changed: (state) => this.#changed(state), lost: (error) => this.#lost(error) };
    this.ways = ["send", "recv"].map((direction) => new Way(direction, { device, socket, ice: () => this.#ice, on: ears }));
    this.sending = new Sending(this.ways[0], socket);
    const heard = { track: (...told) => this.on.track(...told), gone: (id) => this.on.gone(id), missing: (...told) => this.on.missing(...told) };
    this.taking = new Taking(this.ways[1], { device, socket, on: heard });
  }

  /** Comes in; what the server tells of the room. */
  async join(roomId, username) {
    await this.socket.open();
    const joined = await this.socket.request("join-room", { roomId, username });
    this.you = joined.you;
    this.#ice = joined.iceServers ?? [];
    await this.#device.load({ routerRtpCapabilities: joined.routerRtpCapabilities });
    // Only who waits here hears of a loss until now.
    if (this.socket.over) throw new Error("The connection to the server is lost.");
    return joined;
  }

  /** From now on the page hears what the others do; what has happened since it came in first. */
  begin() {
    const held = this.#held;
    this.#held = null;
    for (const [type, data] of held) this.#told(type, data);
    this.#sign = setInterval(() => this.#live(), SIGN_MS);
  }

  /** Sends a track as `audio`, `video` or `screen`, in place of the one before; `null` for none. */
  send = (name, track) => this.sending.set(name, track);
  say = (text) => this.socket.request("chat-message", { from: this.you.username, text, timestamp: new Date().toISOString() });
  hand = (raised) => this.socket.request("raise-hand", { raised });

  /** Leaves. */
  close() {
    this.on = DEAF;
    clearInterval(this.#sign);
    this.taking.close();
    for (const way of this.ways) way.close();
    this.socket.close();
  }

  #told(type, data) {
    if (this.#held) return this.#held.push([type, data]);
    if (type === "transport-closed") return this.#cut(data);
    if (type === "user-left" && data.id === this.you.id) return this.#cut(data);
    if (type === "new-producer") return this.taking.take(data);
    if (type === "consumer-closed") return this.taking.ended(data.producerId, new Error(data.reason));
    if (type === "producer-closed") this.#closed(data);
    this.on.message(type, data);
  }

  #closed({ producerId, reason }) {
    const own = this.sending.ended(producerId);
    if (own) this.on.ended(own.name, own.again && !isPutOut(reason), reason);
    else this.taking.drop(producerId);
  }

  // By somebody's will, or by an accident.
  #cut({ reason, message }) {
    const { on } = this;
    if (!isPutOut(reason)) return this.#lost(Object.assign(new Error(message || reason), { reason }));
    this.close();
    on.out(reason);
  }

  #changed(state) {
    if (this.ways.some(({ broken }) => broken)) this.on.state("interrupted");
    else if (state === "connected") this.on.state("connected");
  }

  // Of a network that is gone a socket hears nothing for minutes.
  async #live() {
    try {
      await this.socket.request("get-router-rtp-capabilities", {}, SIGN_LIMIT_MS);
    } catch (error) {
      if (!(error instanceof Refused)) this.#lost(error);
    }
  }

  #lost(error = new Error("The connection to the server is lost.")) {
    const { on } = this;
    const joining = this.#held !== null;
    this.close();
    if (!joining) on.lost(error);
  }
}

/** What is sent and taken, for the list of figures. */
export async function figures({ sending, taking }) {
  const all = [...sending.producers.values(), ...taking.consumers.values()];
  const reports = await Promise.all(all.map((one) => one.getStats().catch(() => new Map())));
  return all.map((one, n) => ({ one, reports: [...reports[n].values()] }));
}
