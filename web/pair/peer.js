// One peer connection of a pair: descriptions and candidates in their order, and what becomes of it.

import { watchPeer } from "../lib/peer.js";
import { Meter } from "../lib/stats.js";

const PATIENCE_MS = 4000;

export class Peer {
  #early = [];

  /** `send(message)`; `connected()`, `lost()`: once each. */
  constructor(iceServers, { send, connected, lost }) {
    this.pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.meter = new Meter(this.pc);
    this.pc.addEventListener("icecandidate", ({ candidate }) => candidate && send({ type: "ice-candidate", candidate: candidate.toJSON() }));
    this.pc.addEventListener("connectionstatechange", () => this.pc.connectionState === "connected" && connected());
    watchPeer(this.pc, lost, PATIENCE_MS);
  }

  /** The other side's description, then the candidates that came before it. */
  async take(description) {
    await this.pc.setRemoteDescription(description);
    for (const candidate of this.#early.splice(0)) await this.#add(candidate);
  }

  async candidate(candidate) {
    if (this.pc.remoteDescription) await this.#add(candidate);
    else this.#early.push(candidate);
  }

  // One of an earlier connection is of no use and no harm.
  #add = (candidate) => this.pc.addIceCandidate(candidate ?? undefined).catch(() => {});

  close() {
    this.pc.close();
  }
}
