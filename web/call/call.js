// One call, from dialling to its end: asks the line how it stands, and does what is due. A call is used once.
//
// States: `waiting` for the other side, `connecting`, `talking`, `over`. Once the two are connected the line is not asked
// any more; where the server is between it still is, for what the other side says, but the call does not depend on it.

import { iceServers } from "../lib/ice.js";
import { Line } from "./line.js";
import { Peer } from "./peer.js";

const POLL_MS = 1000;
const LATER_MS = 3000; // who has waited for a minute, and calls through the server
const PATIENT_MS = 60_000;
const UNREACHED_MS = 9000; // the server forgets a silent side after 10 s
const CONNECT_MS = 25_000;
const STILL_MS = 2500;
const LAST_WORD_MS = 300;
const HUNG_UP = "The other side has hung up.";
const NO_WAY = "No connection came about between the two of you. Try again with “Through the server” switched on.";

export class Call {
  state = "new";
  recorded = false;
  relayed = false;
  /** What the other side says of its own devices. */
  muted = { audio: false, video: false };
  since = 0;
  #begun = performance.now();
  #peer = null;
  #timer = 0;
  #asked = 0; // when the line has answered last

  /** `on` has `changed()`, `media(stream)`, `over(words, error)`; the words are null for one's own doing. */
  constructor(media, token, on) {
    Object.assign(this, { media, on, line: new Line(token) });
  }

  async start(code, wish) {
    try {
      await this.line.dial(code, wish);
    } catch (error) {
      return this.#end(error.message, error);
    }
    if (this.state === "over") return this.line.disconnect();
    this.#become("waiting");
    await this.#poll();
  }

  /** One's own end of it. */
  hangUp() {
    this.#tell({ code: "reject" });
    this.#end(null);
  }

  /** The same when the page goes: nothing happens later. */
  leave() {
    this.hangUp();
    this.#peer?.close();
    this.line.disconnect();
  }

  /** Tells the other side which of one's own devices are off. */
  tellMutes() {
    for (const kind of ["audio", "video"]) this.#tell({ code: `mute_${kind}`, value: this.media.track(kind)?.enabled !== true });
  }

  /** Another camera or microphone; null for none. */
  send = (kind, track) => this.#peer?.send(kind, track);

  async #poll() {
    this.#asked = performance.now();
    while (this.line.isOpen && this.state !== "over") {
      try {
        await this.#follow(await this.line.status());
        this.#asked = performance.now();
      } catch (error) {
        if (error.status) return this.#lineGone(error);
        if (error.name !== "Error") return this.#end(`The call could not be set up: ${error.message}`, error);
        if (performance.now() - this.#asked > UNREACHED_MS && this.state !== "talking") return this.#end(error.message, error);
      }
      if (this.state === "talking" && !this.relayed) return;
      await new Promise((done) => setTimeout(done, this.#pause()));
    }
  }

  #pause() {
    const long = this.state === "waiting" && performance.now() - this.#begun > PATIENT_MS;
    return long || this.state === "talking" ? LATER_MS : POLL_MS;
  }

  async #follow(status) {
    if (this.state === "over") return;
    this.#note(status);
    if (status.code === "need_init") {
      await this.#makePeer();
      await this.line.offer(await this.#peer.offer(!this.relayed));
    } else if (status.code === "offered" && !this.#peer) {
      await this.#makePeer();
      await this.line.answer(await this.#peer.answer(status.offer));
    } else if (status.code === "answered") await this.#peer.answered(status.answer);
    else if (status.code === "connected") await Promise.all(status.new_ice_routes.map((ice) => this.#peer?.route(ice)));
  }

  // What older servers do not say: whether the server is between, and records.
  #note({ relayed, recorded, said = [] }) {
    if (relayed !== undefined && (relayed !== this.relayed || recorded !== this.recorded)) {
      Object.assign(this, { relayed, recorded });
      this.on.changed();
    }
    said.forEach((message) => this.#told(message));
  }

  async #makePeer() {
    this.#become("connecting");
    this.#timer = setTimeout(() => this.#end(NO_WAY, new Error(NO_WAY)), CONNECT_MS);
    const servers = await iceServers(this.line.token);
    this.#peer = new Peer(servers, this.media, {
      candidate: (ice) => this.line.ice(ice).catch(() => {}), // a line that is gone is found by asking it
      connected: () => this.#connected(),
      lost: () => this.#end(this.state === "talking" ? "The connection to the other side was lost." : NO_WAY, new Error(NO_WAY)),
      told: (message) => this.#told(message),
      media: () => this.on.media(this.#peer.remote),
      channel: () => this.tellMutes(),
    });
  }

  #connected() {
    clearTimeout(this.#timer);
    if (this.state !== "connecting") return;
    this.since = performance.now();
    this.#become("talking");
    if (this.relayed) this.tellMutes();
  }

  #told(message) {
    const code = message?.code === "mute_microphone" ? "mute_audio" : message?.code;
    if (code === "reject") this.#end(HUNG_UP);
    else if (code === "mute_audio" || code === "mute_video") {
      this.muted[code.slice(5)] = message.value === true;
      this.on.changed();
    }
  }

  #tell(message) {
    if (this.#peer?.tell(message)) return;
    if (this.relayed && this.line.isOpen) this.line.say(message).catch(() => {});
  }

  // The line may go before the call does: from now on, what comes tells whether the other side is still there.
  async #lineGone(error) {
    if (this.state !== "talking") return this.#end(this.state === "waiting" ? error.message : HUNG_UP, error);
    let before = -1;
    for (let now = 0; this.state === "talking" && now !== before; ) {
      before = now;
      await new Promise((done) => setTimeout(done, STILL_MS));
      now = await this.#peer.received();
    }
    if (this.state === "talking") this.#end(HUNG_UP);
  }

  #become(state) {
    if (this.state === "over") return;
    this.state = state;
    this.on.changed();
  }

  #end(words, error) {
    if (this.state === "over") return;
    clearTimeout(this.#timer);
    const gone = words === HUNG_UP || performance.now() - this.#asked > UNREACHED_MS;
    this.state = "over";
    // A last word needs a moment to leave.
    const last = () => {
      this.#peer?.close();
      if (gone) this.line.forget();
      else this.line.disconnect();
    };
    if (words === null && this.#peer) setTimeout(last, LAST_WORD_MS);
    else last();
    this.on.over(words, error);
  }
}
