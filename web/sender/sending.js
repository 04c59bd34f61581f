// Sending to whoever watches: an offer whenever one is asked for, and again when the connection was lost.
// Decides when to offer; leaves camera, socket and page to others.

import { iceServers } from "../lib/ice.js";
import { Peer } from "../pair/peer.js";

const AGAIN_MS = [500, 1000, 2000, 4000, 8000];

export class Sending {
  peer = null;
  #tries = 0;
  #timer = 0;
  #turn = 0;

  /** `socket()`, `media`, `token`; `changed(state)`: `connecting`, `connected`, `interrupted`. */
  constructor(options) {
    Object.assign(this, options);
  }

  /** A viewer is there, or wants to begin anew. */
  async offer() {
    this.close();
    const turn = this.#turn;
    this.changed("connecting");
    const servers = await iceServers(this.token);
    if (turn !== this.#turn) return; // asked for again, or ended, meanwhile
    const peer = new Peer(servers, {
      send: (message) => peer === this.peer && this.socket().send(message),
      connected: () => peer === this.peer && this.#connected(),
      lost: () => peer === this.peer && this.#again(),
    });
    this.peer = peer;
    const { stream } = this.media;
    for (const track of stream.getTracks()) peer.pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    await peer.pc.setLocalDescription();
    if (peer === this.peer) this.socket().send({ type: "offer", sdp: peer.pc.localDescription.toJSON() });
  }

  /** An answer that crossed with a newer offer fits nothing: then both begin anew. */
  async answer(description) {
    const { peer } = this;
    await peer?.take(description).catch(() => peer === this.peer && this.#again());
  }

  candidate = (candidate) => this.peer?.candidate(candidate);

  /** A track changed: replaced in place; a kind that was not sent before needs another offer. */
  async update(kind, track) {
    if (!this.peer) return;
    const { pc } = this.peer;
    const transceiver = pc.getTransceivers().find((one) => one.receiver.track.kind === kind);
    if (transceiver) return transceiver.sender.replaceTrack(track);
    if (track) await this.offer();
  }

  close() {
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.peer?.close();
    this.peer = null;
  }

  #connected() {
    this.#tries = 0;
    this.changed("connected");
  }

  #again() {
    this.close();
    this.changed("interrupted");
    const wait = AGAIN_MS[Math.min(this.#tries++, AGAIN_MS.length - 1)];
    this.#timer = setTimeout(() => this.offer().catch(() => this.#again()), wait);
  }
}
