// Publishing into a room: join, offer, answer, and again whenever the connection is lost.
// Decides when to publish anew; leaves camera and page to others. The session survives a reload of the page.

import { iceServersSoon } from "../lib/ice.js";
import { makePeer, watchPeer } from "../lib/peer.js";
import { Meter } from "../lib/stats.js";
import { Layers, addTrack, isWorth, refused } from "./layers.js";

const KEPT = "millrace.session";
const RETRY_MS = [300, 1000, 3000, 8000];
const OVER = ["room_not_found", "kicked", "room_closed", "forbidden"];

export class Publisher {
  session = JSON.parse(sessionStorage.getItem(KEPT)); // {room_id, inviter}
  pc = null;
  meter = null;
  layers = null;
  #plain = false; // whether the server takes no copies
  #fresh = !this.session; // whether the server cannot have an older peer of ours
  #tries = 0;
  #timer = 0;
  #busy = Promise.resolve();

  /** `changed(state)`: `waiting`, `connecting`, `live`, `interrupted`; `failed(error)`. */
  constructor(signaling, media, changed, failed) {
    Object.assign(this, { signaling, media, changed, failed });
    signaling.on("start_streaming", (session) => this.#invited(session));
    signaling.on("layers", ({ rids }) => this.layers?.use(rids));
    signaling.on("state", (state) => state === "open" && this.session && this.#resume());
    // Leaving the page is leaving the room: viewers need not wait for a time limit. A reload joins again.
    addEventListener("pagehide", () => this.session && signaling.send("leave"));
  }

  /** Unpublishes and leaves; ready for the next invitation. */
  stop() {
    this.signaling.send("unpublish");
    this.signaling.send("leave");
    this.#end();
  }

  /** A track changed: replaced in place where possible, else offered again. */
  async update(kind, track) {
    if (!this.pc) return;
    const sender = this.pc.getTransceivers().find((one) => one.receiver.track.kind === kind)?.sender;
    if (sender) return sender.replaceTrack(track);
    if (!track) return;
    this.pc.addTrack(track, this.media.stream);
    await this.#offer(this.pc);
  }

  /** Begins anew, where what is sent cannot be changed in place: another content, copies or none. */
  again() {
    if (this.session) this.#publish();
  }

  #invited(session) {
    if (!this.media.stream.getTracks().length) {
      return this.failed(new Error("Invited, but there is neither a camera nor a microphone to send."));
    }
    this.#keep(session);
    this.#tries = 0;
    this.#fresh = true;
    this.#publish();
  }

  // The socket is back. Our peer may still run: then only the seat in the room is taken again.
  #resume() {
    if (this.pc?.connectionState !== "connected") return this.#publish();
    this.#join().catch((error) => this.#refused(error));
  }

  // One attempt at a time, in the order in which they were asked for.
  #publish() {
    clearTimeout(this.#timer);
    this.#busy = this.#busy.then(() => this.session && this.#attempt().catch((error) => this.#refused(error)));
  }

  async #attempt() {
    this.changed("connecting");
    this.#dropPeer();
    await Promise.all([this.#join(), iceServersSoon()]);
    if (!this.#fresh) {
      // An older peer of ours may linger on the server: leaving ends it.
      this.signaling.send("leave");
      await this.#join();
    }
    this.#fresh = false;
    const pc = (this.pc = makePeer(this.signaling, "pub"));
    this.meter = new Meter(pc);
    this.layers = new Layers(pc, this.#plain);
    const { stream, content } = this.media;
    for (const track of stream.getTracks()) addTrack(pc, track, stream, !this.#plain && isWorth(track, content));
    pc.addEventListener("connectionstatechange", () => pc === this.pc && this.#connection(pc.connectionState));
    watchPeer(pc, () => pc === this.pc && this.#again());
    if (await this.#offer(pc)) return;
    this.#plain = true;
    if (this.session) await this.#attempt();
  }

  // False if copies were offered and none taken.
  async #offer(pc) {
    await pc.setLocalDescription(await pc.createOffer());
    const offer = { sdp: pc.localDescription.sdp, content: this.media.content };
    const answer = await this.signaling.request("offer_from_device", offer, "answer_to_client");
    if (refused(pc, answer.sdp)) return false;
    await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    if (pc === this.pc) this.layers.apply();
    return true;
  }

  #join() {
    return this.signaling.request("join_as_publisher", this.session, "joined_as_publisher");
  }

  #connection(state) {
    if (state === "connected") {
      this.#tries = 0;
      this.changed("live");
    } else if (state === "disconnected") this.changed("interrupted");
  }

  #refused(error) {
    if (!this.session) return;
    if (OVER.includes(error.code)) this.#end();
    else if (error.code !== "offline") this.#again(); // offline: the socket's return starts it again
    this.failed(error);
  }

  #again() {
    this.changed("interrupted");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.session && this.#publish(), RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)]);
  }

  #end() {
    clearTimeout(this.#timer);
    this.#keep(null);
    this.#dropPeer();
    this.changed("waiting");
  }

  #keep(session) {
    this.session = session;
    if (session) sessionStorage.setItem(KEPT, JSON.stringify(session));
    else sessionStorage.removeItem(KEPT);
  }

  #dropPeer() {
    this.pc?.close();
    this.pc = this.meter = this.layers = null;
  }
}
