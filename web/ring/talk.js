// The call that follows an accepted ring. `openCall` is the one place that knows how it is carried: a room named after
// the callee, in which each side publishes by WHIP and watches the other by WHEP.

import { iceServers } from "../lib/ice.js";
import { token } from "../lib/identity.js";
import { watchPeer } from "../lib/peer.js";

const FIND_MS = 20_000;
const RETRY_MS = 300;
const OTHER = { caller: "callee", callee: "caller" };

/**
 * Opens a call. `side` is `caller` or `callee`, `stream` what is sent. `shown(stream)` is given the other side's media,
 * `lost(words)` is called once when it cannot go on. The result's `end()` ends it.
 */
export async function openCall(callee, side, stream, shown, lost) {
  const room = await roomOf(callee);
  const call = new Call(room, side, stream, shown, lost);
  await call.publish();
  call.watch(); // goes on by itself
  return call;
}

/** A room may have 64 letters, digits, `_` and `-`; another name stands for itself by its digest. */
async function roomOf(login) {
  if (/^[A-Za-z0-9_-]{1,59}$/.test(login)) return `ring-${login}`;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(login)));
  return `ring-${[...digest.slice(0, 12)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

class Call {
  #sessions = [];
  #ended = false;

  constructor(room, side, stream, shown, lost) {
    Object.assign(this, { room, side, stream, shown, lost });
  }

  async publish() {
    const pc = await this.#peer();
    for (const track of this.stream.getTracks()) pc.addTransceiver(track, { direction: "sendonly", streams: [this.stream] });
    await this.#open(pc, `/whip/${this.room}?name=${this.side}`);
    watchPeer(pc, () => this.#lose("Your connection to the server was lost."));
  }

  /** Until the other side's media flows; once more when it stops (the other side may have come back), for a while. */
  async watch() {
    const end = performance.now() + FIND_MS;
    let words = "The other side did not connect.";
    while (!this.#ended && performance.now() < end) {
      try {
        return await this.#watchOnce();
      } catch (error) {
        if (error.status !== 404) words = error.message;
        if ([401, 403].includes(error.status)) break;
      }
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
    this.#lose(words);
  }

  async #watchOnce() {
    const pc = await this.#peer();
    for (const kind of ["audio", "video"]) pc.addTransceiver(kind, { direction: "recvonly" });
    pc.addEventListener("track", ({ streams }) => this.shown(streams[0]));
    await this.#open(pc, `/whep/${this.room}/${OTHER[this.side]}`);
    watchPeer(pc, () => {
      pc.close();
      if (!this.#ended) this.watch();
    });
  }

  end() {
    this.#ended = true;
    for (const { pc, address, headers } of this.#sessions) {
      pc.close();
      if (address) fetch(address, { method: "DELETE", headers, keepalive: true }).catch(() => {});
    }
    this.#sessions = [];
  }

  async #peer() {
    const own = token(null);
    return new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: await iceServers(own) });
  }

  async #open(pc, path) {
    const session = { pc, headers: { Authorization: `Bearer ${token("ring")}` } };
    this.#sessions.push(session);
    try {
      await pc.setLocalDescription();
      const headers = { ...session.headers, "Content-Type": "application/sdp" };
      const made = await fetch(path, { method: "POST", headers, body: pc.localDescription.sdp });
      const answer = await made.text();
      if (made.status !== 201) throw Object.assign(new Error(words(made.status, answer)), { status: made.status });
      session.address = made.headers.get("Location");
      if (this.#ended) return this.end();
      await pc.setRemoteDescription({ type: "answer", sdp: answer });
    } catch (error) {
      pc.close();
      this.#sessions = this.#sessions.filter((one) => one !== session);
      throw error;
    }
  }

  #lose(reason) {
    if (this.#ended) return;
    this.end();
    this.lost(reason);
  }
}

/** What a person can do about a refusal (RFC 9457). */
function words(status, body) {
  if (status === 401 || status === 403) return "The server asks for a token to open calls: open this page with ?token=… in its address.";
  try {
    const { detail, title } = JSON.parse(body);
    return `The call could not be opened: ${detail ?? title}`;
  } catch {
    return `The call could not be opened: the server answered ${status}.`;
  }
}
