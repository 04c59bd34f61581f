// What one sends: for each name (`audio`, `video`, `screen`) the track that is wanted last, and whether it is muted. Changes of one
// name are made one after the other.

// Chromium and Safari send as many of these as the way carries; viewers get the one that suits them.
const LAYERS = [
  { rid: "r0", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "r1", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "r2", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];
const SCREEN_BITS = 2_500_000;

export class Sending {
  /** Producers by name. */
  producers = new Map();
  #wanted = new Map();
  #queues = new Map();
  #muted = new Set(); // names that the server knows to be muted
  #anew = new Set(); // names that the server has ended once

  constructor(way, socket) {
    Object.assign(this, { way, socket });
  }

  /** Sends this track, in place of the one before; `null` for none. Of a track that is not enabled others are told that it is muted. */
  set(name, track) {
    this.#wanted.set(name, track);
    const before = this.#queues.get(name) ?? Promise.resolve();
    const done = before.catch(() => {}).then(() => this.#settle(name));
    this.#queues.set(name, done);
    return done;
  }

  /** The server has ended a producer: `{name, again}` if it is one of these. It may be sent anew once. */
  ended(producerId) {
    const [name, producer] = [...this.producers].find(([, one]) => one.id === producerId) ?? [];
    if (!name) return null;
    this.#forget(name);
    producer.close();
    const again = !this.#anew.has(name);
    this.#anew.add(name);
    return { name, again };
  }

  // Only the newest wish counts, however many were made meanwhile.
  async #settle(name) {
    const track = this.#wanted.get(name);
    const known = this.producers.get(name);
    if (!track || track.readyState === "ended") return known && this.#stop(name, known);
    if (!known) await this.#produce(name, track);
    else if (known.track !== track) await known.replaceTrack({ track });
    await this.#tell(name, !track.enabled);
  }

  async #produce(name, track) {
    const transport = await this.way.open();
    // Muting is the page's: its tracks are enabled or not, whatever becomes of a producer.
    const own = { stopTracks: false, disableTrackOnPause: false, appData: { source: name } };
    const producer = await transport.produce({ track, ...options(name), ...own });
    this.producers.set(name, producer);
    producer.on("transportclose", () => this.#forget(name));
  }

  async #stop(name, producer) {
    this.#forget(name);
    producer.close();
    await this.socket.request("close-producer", { producerId: producer.id }).catch(() => {});
  }

  async #tell(name, muted) {
    const producer = this.producers.get(name);
    if (!producer || this.#muted.has(name) === muted) return;
    await this.socket.request(muted ? "pause-producer" : "resume-producer", { producerId: producer.id });
    if (this.producers.get(name) !== producer) return;
    if (muted) this.#muted.add(name);
    else this.#muted.delete(name);
  }

  #forget(name) {
    this.producers.delete(name);
    this.#muted.delete(name);
  }
}

function options(name) {
  if (name === "audio") return { codecOptions: { opusStereo: false, opusDtx: true, opusFec: true } };
  if (name === "screen") return { encodings: [{ maxBitrate: SCREEN_BITS }] };
  return { encodings: LAYERS, codecOptions: { videoGoogleStartBitrate: 800 } };
}
