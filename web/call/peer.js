// The peer connection of a call: tracks both ways, and the data channel in which the two say what a page cannot see.
// Both kinds are negotiated whether there is a camera or not, so that one can be chosen during the call.

import { watchPeer } from "../lib/peer.js";

const KINDS = ["audio", "video"];
const CHANNEL = "special_datachannel";

export class Peer {
  /** What comes from the other side. */
  remote = new MediaStream();
  #pc;
  #channel = null;

  /** `on` has `candidate(json)`, `connected()`, `lost()`, `told(message)`, `media()`, `channel()`. */
  constructor(iceServers, media, on) {
    Object.assign(this, { media, on });
    const pc = (this.#pc = new RTCPeerConnection({ iceServers }));
    pc.addEventListener("icecandidate", ({ candidate }) => candidate?.candidate && on.candidate(candidate.toJSON()));
    pc.addEventListener("track", ({ track }) => {
      this.remote.addTrack(track);
      for (const change of ["mute", "unmute"]) track.addEventListener(change, on.media);
      on.media();
    });
    pc.addEventListener("datachannel", ({ channel }) => this.#take(channel));
    pc.addEventListener("connectionstatechange", () => pc.connectionState === "connected" && on.connected());
    watchPeer(pc, on.lost);
  }

  get isConnected() {
    return this.#pc.connectionState === "connected";
  }

  /** The initiator's description. `channel`: whether the two talk to each other directly. */
  async offer(channel) {
    if (channel) this.#take(this.#pc.createDataChannel(CHANNEL));
    for (const kind of KINDS) {
      this.#pc.addTransceiver(this.media.track(kind) ?? kind, { direction: "sendrecv", streams: [this.media.stream] });
    }
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    return this.#pc.localDescription.toJSON();
  }

  /** The subscriber's. */
  async answer(offer) {
    await this.#pc.setRemoteDescription(offer);
    for (const one of this.#pc.getTransceivers()) {
      one.direction = "sendrecv";
      one.sender.setStreams?.(this.media.stream);
      await one.sender.replaceTrack(this.media.track(one.receiver.track.kind));
    }
    await this.#pc.setLocalDescription(await this.#pc.createAnswer());
    return this.#pc.localDescription.toJSON();
  }

  answered = (answer) => this.#pc.setRemoteDescription(answer);

  /** A candidate that cannot be used is one way less, no more. */
  route = (ice) => this.#pc.addIceCandidate(ice).catch(() => {});

  /** Another camera or microphone. */
  async send(kind, track) {
    const way = this.#pc.getTransceivers().find((one) => one.receiver.track.kind === kind);
    await way?.sender.replaceTrack(track);
  }

  /** False where there is no channel (yet). */
  tell(message) {
    const open = this.#channel?.readyState === "open";
    if (open) this.#channel.send(JSON.stringify(message));
    return open;
  }

  /** Bytes that came so far, reports of what we send among them. */
  async received() {
    const reports = [...(await this.#pc.getStats()).values()];
    return reports.filter((one) => one.type === "transport").reduce((sum, one) => sum + one.bytesReceived, 0);
  }

  close = () => this.#pc.close();

  #take(channel) {
    this.#channel = channel;
    channel.addEventListener("open", this.on.channel);
    if (channel.readyState === "open") this.on.channel();
    channel.addEventListener("message", ({ data }) => {
      try {
        this.on.told(JSON.parse(data));
      } catch {
        // Nothing of ours.
      }
    });
  }
}
