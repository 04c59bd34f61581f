// One way to the server and back: publishes by WHIP, watches by WHEP, until a picture was decoded.
// Decides when a way has failed; leaves the words to `judge.js`.

import { Refusal, endSession, openSession } from "./session.js";

const CONNECT_MS = 9000;
const PICTURES_MS = 9000;
const FEED_MS = 6000;
const ENOUGH_FRAMES = 5;
/** What is sent at first: three ways are tried at the same time. */
const QUIET = { maxBitrate: 150e3, scaleResolutionDownBy: 2 };

/** Ways: which of the server's candidates are used, and whether through a TURN server. */
export const WAYS = { udp: { protocol: "udp" }, tcp: { protocol: "tcp" }, relay: { protocol: "udp", relayed: true } };

export class Loop {
  up = null;
  down = null;
  offered = {}; // ports by protocol, from the server's answer
  #sessions = [];

  /** `name` is what it publishes as, `picture` the stream to send. */
  constructor(way, name, { room, token, picture, iceServers }) {
    Object.assign(this, { way, name, room, token, picture, iceServers });
  }

  /** `{frames}` once pictures come back, else `{error, …}`. The connections stay open until `close`. */
  async open() {
    try {
      await this.#publish();
      await connected(this.up);
      await this.#watch();
      await connected(this.down);
      return { frames: await pictures(this.down) };
    } catch (error) {
      if (error instanceof Refusal) return { error: error.error, status: error.status, detail: error.detail };
      throw error;
    }
  }

  async close() {
    // Who watches goes before what he watches: no session is gone by itself when it is ended.
    for (const address of this.#sessions.splice(0).reverse()) await endSession(address);
    this.up?.close();
    this.down?.close();
  }

  #peer() {
    const { relayed } = WAYS[this.way];
    return new RTCPeerConnection({ bundlePolicy: "max-bundle", ...(relayed && { iceServers: this.iceServers, iceTransportPolicy: "relay" }) });
  }

  async #publish() {
    this.up = this.#peer();
    const how = { direction: "sendonly", streams: [this.picture] };
    this.up.addTransceiver(this.picture.getAudioTracks()[0], how);
    this.up.addTransceiver(this.picture.getVideoTracks()[0], { ...how, sendEncodings: [QUIET] });
    await this.#connect(this.up, `/whip/${this.room}?name=${this.name}`);
  }

  // The feed is live a moment after its publisher is connected.
  async #watch() {
    const until = performance.now() + FEED_MS;
    for (;;) {
      this.down?.close();
      this.down = this.#peer();
      for (const kind of ["audio", "video"]) this.down.addTransceiver(kind, { direction: "recvonly" });
      try {
        return await this.#connect(this.down, `/whep/${this.room}/${this.name}`);
      } catch (error) {
        const soon = error.status === 404 || error.status === 409;
        if (!soon || performance.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    }
  }

  async #connect(pc, path) {
    await pc.setLocalDescription(await pc.createOffer());
    const { address, sdp } = await openSession(path, this.token, pc.localDescription.sdp);
    this.#sessions.push(address);
    Object.assign(this.offered, portsIn(sdp));
    await pc.setRemoteDescription({ type: "answer", sdp: only(sdp, WAYS[this.way].protocol) });
  }
}

/** An answer with the candidates of one protocol. */
export const only = (sdp, protocol) =>
  sdp.replace(/^a=candidate:\S+ \d+ (\S+) .*\r?\n/gim, (line, used) => (used.toLowerCase() === protocol ? line : ""));

/** The ports of its candidates: `{udp: 5004, tcp: 5004}`. */
export function portsIn(sdp) {
  const found = [...sdp.matchAll(/^a=candidate:\S+ \d+ (\S+) \d+ \S+ (\d+)/gim)];
  return Object.fromEntries(found.map(([, protocol, port]) => [protocol.toLowerCase(), Number(port)]));
}

function connected(pc) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Refusal("blocked")), CONNECT_MS);
    const look = () => {
      if (pc.connectionState === "connected") resolve(clearTimeout(late));
      if (pc.connectionState === "failed") reject(new Refusal("blocked"));
    };
    pc.addEventListener("connectionstatechange", look);
    look();
  });
}

async function pictures(pc) {
  const until = performance.now() + PICTURES_MS;
  for (;;) {
    const frames = [...(await pc.getStats()).values()].find(({ type, kind }) => type === "inbound-rtp" && kind === "video")?.framesDecoded ?? 0;
    if (frames >= ENOUGH_FRAMES) return frames;
    if (performance.now() > until) throw new Refusal("sent");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
