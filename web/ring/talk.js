// The call that follows an accepted ring. `openCall` is the one place that knows how it is carried: a room that
// the server names for this call alone, in which each side publishes by WHIP and watches the other by WHEP.

import { iceServers } from "../lib/ice.js";
import { token } from "../lib/identity.js";
import { watchPeer } from "../lib/peer.js";

const FIND_MS = 20_000;
const RETRY_MS = 300;
const OTHER = { caller: "callee", callee: "caller" };

/**
 * Opens a call. `place` is its `{room, token}`, `side` is `caller` or `callee`, `stream` what is sent. `shown(stream)` is given
 * the other side's media, `lost(error)` is called once when it cannot go on. The result's `end()` ends it.
 */
export async function openCall(place, side, stream, shown, lost) {
  const call = new Call(place, side, stream, shown, lost);
  await call.publish();
  call.watch(); // goes on by itself
  return call;
}

class Call {
  #sessions = [];
  #ended = false;
  #sending = null;

  constructor({ room, token: pass }, side, stream, shown, lost) {
    Object.assign(this, { room, pass, side, stream, shown, lost });
  }

  async publish() {
    const pc = (this.#sending = await this.#peer());
    for (const track of this.stream.getTracks()) pc.addTransceiver(track, { direction: "sendonly", streams: [this.stream] });
    await this.#open(pc, `/whip/${this.room}?name=${this.side}`);
    watchPeer(pc, () => this.#lose(new Error("Your connection to the server was lost.")));
  }

  /** Another track of this kind; null for none. */
  async send(kind, track) {
    const way = this.#sending?.getTransceivers().find(({ receiver }) => receiver.track.kind === kind);
    await way?.sender.replaceTrack(track);
  }

  /** Until the other side's media flows; once more when it stops (the other side may have come back), for a while. */
  async watch() {
    const end = performance.now() + FIND_MS;
    let why = new Error("The other side did not connect.");
    while (!this.#ended && performance.now() < end) {
      try {
        return await this.#watchOnce();
      } catch (error) {
        if (error.status !== 404) why = error;
        if ([401, 403].includes(error.status)) break;
      }
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
    this.#lose(why);
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
    const session = { pc, headers: { Authorization: `Bearer ${this.pass ?? "ring"}` } };
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
  if (status === 401 || status === 403) return "The server does not let this call go on: it was opened too long ago. Ring again.";
  try {
    const { detail, title } = JSON.parse(body);
    return `The call could not be opened: ${detail ?? title}`;
  } catch {
    return `The call could not be opened: the server answered ${status}.`;
  }
}
