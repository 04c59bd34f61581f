// One feed being watched: asks for an offer, answers it, and replaces its peer without a gap (make before break).
// Decides when a peer is good and when to ask again; leaves the picture to the tile.

import { makePeer, watchPeer } from "../lib/peer.js";
import { Meter } from "../lib/stats.js";
import { shows } from "../lib/view-words.js";

const RETRY_MS = [500, 2000, 5000, 10_000];
const STALLED_READINGS = 5;

export class Subscription {
  #current = null; // the peer that is shown
  #coming = null; // the peer being made
  #stalled = 0;
  #tries = 0;
  #timer = 0;
  #limits = {}; // what was asked for here; a server that has forgotten us is asked again
  #shows = "picture"; // by the server's last word
  /** What is watched, by the server's offer: a mix has no number before. */
  offered = null;
  /** How many peers were made so far. */
  made = 0;

  /** `tile` has `show(stream)`, `state(name)`, `figures(reading)` and `level(0…1)`. */
  constructor(signaling, room, feed, tile) {
    Object.assign(this, { signaling, room, feed, tile });
  }

  /** Whether media comes in and nothing need be done. */
  get healthy() {
    return this.#current?.pc.connectionState === "connected" && this.#stalled === 0;
  }

  /** Asks for an offer; what is on show stays until the new peer has a picture. */
  start() {
    clearTimeout(this.#timer);
    this.#discard(this.#coming);
    this.#coming = null;
    this.offered = null;
    if (!this.#current) this.tile.state("connecting");
    this.signaling.send("join_as_subscriber", { room_id: this.room, feed: this.feed });
    // An offer that never comes, or leads nowhere, is asked for again.
    this.#timer = setTimeout(() => this.start(), 10_000);
  }

  async accept(sdp, feed = this.feed) {
    this.#discard(this.#coming);
    const pc = makePeer(this.signaling, "sub");
    const peer = { pc, meter: new Meter(pc), stream: null };
    this.#coming = peer;
    this.offered = feed;
    this.made += 1;
    pc.addEventListener("track", (event) => (peer.stream = event.streams[0] ?? new MediaStream([event.track])));
    watchPeer(pc, () => this.#lost(peer));
    await pc.setRemoteDescription({ type: "offer", sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    this.signaling.send("start_receiving", { sdp: pc.localDescription.sdp, feed });
    if (Object.keys(this.#limits).length) this.limit(this.#limits);
    this.#promoteWhenFlowing(peer);
  }

  /** What is wanted at most: `max_width`, `max_kbps`, `paused`, `audio_only`, `pinned`; what is left out stays. */
  limit(change) {
    Object.assign(this.#limits, change);
    if (this.offered !== null) this.signaling.send("limit", { feed: this.offered, ...change });
  }

  /** Whether a pause was asked for here. */
  get paused() {
    return this.#limits.paused === true;
  }

  /** The server's word on what is shown from now on. */
  rendition(told) {
    this.#shows = shows(told.rendition);
    this.#stalled = 0;
    this.tile.rendition(told);
  }

  /** Called every second: figures, and a peer that brings nothing any more is replaced. */
  async measure() {
    const peer = this.#current;
    if (!peer) return;
    const reading = await peer.meter.read();
    if (peer !== this.#current) return;
    this.tile.figures(reading);
    // A pause is silence that was meant.
    const flows = reading.bitrate > 0 || reading.bitrate === null || this.#shows === "nothing";
    this.#stalled = flows ? 0 : this.#stalled + 1;
    this.tile.state(this.#stalled > 1 ? "stalled" : "live");
    if (this.#stalled === STALLED_READINGS) this.#again();
  }

  /** Loudness now, cheap enough for several times a second. */
  measureLevel() {
    const receivers = this.#current?.pc.getReceivers() ?? [];
    const source = receivers.find((one) => one.track.kind === "audio")?.getSynchronizationSources()[0];
    this.tile.level(source?.audioLevel ?? 0);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#discard(this.#current);
    this.#discard(this.#coming);
    this.#current = this.#coming = null;
  }

  // The element shows the newest stream only once that has brought something to decode.
  async #promoteWhenFlowing(peer) {
    while (peer === this.#coming && peer.pc.signalingState !== "closed") {
      const { bytes, frames } = await peer.meter.read();
      if (peer === this.#coming && this.#flows(peer, bytes, frames)) return this.#promote(peer);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  // What is not sent need not be waited for.
  #flows(peer, bytes, frames) {
    if (this.#shows === "nothing") return peer.pc.connectionState === "connected";
    const picture = this.#shows === "picture" && peer.stream?.getVideoTracks().length > 0;
    return bytes > 0 && (frames > 0 || !picture);
  }

  #promote(peer) {
    clearTimeout(this.#timer);
    const old = this.#current;
    this.#current = peer;
    this.#coming = null;
    this.#stalled = this.#tries = 0;
    this.tile.show(peer.stream);
    this.tile.state("live");
    this.#discard(old);
  }

  #lost(peer) {
    if (peer !== this.#current && peer !== this.#coming) return;
    if (peer === this.#current) this.tile.state("stalled");
    if (peer === this.#coming || !this.#coming) this.#again();
  }

  #again() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)]);
  }

  #discard(peer) {
    peer?.pc.close();
  }
}
