// One track of the presentation: follows its playlist and feeds a SourceBuffer, part by part.

import { answered } from "../lib/api.js";
import { readMedia, start } from "./playlist.js";

const KEEP_S = 20;
const RETRIES = 5;

export class Track {
  /** The wall clock, in ms, at time zero of the media; known with the first segment. */
  zero = null;
  #init = null;
  #next = null;

  /** `signal` ends it. */
  constructor({ address, codec }, kind, media, signal) {
    Object.assign(this, { address, media, signal });
    this.buffer = media.addSourceBuffer(`${kind}/mp4; codecs="${codec}"`);
  }

  /** Plays until the feed ends (then it returns) or something fails for good (then it throws). */
  async run(onList) {
    let list = await this.#read();
    this.#next = start(list);
    while (!this.signal.aborted) {
      await this.#append(list);
      onList?.(list);
      if (list.ended) return;
      list = await this.#read(list.next);
    }
  }

  // A server that is busy or restarts is asked again, a little later each time.
  async #read(after) {
    const address = new URL(this.address);
    if (after) {
      address.searchParams.set("_HLS_msn", after.msn);
      address.searchParams.set("_HLS_part", after.part);
    }
    return readMedia(await this.#fetch(address, (response) => response.text()), address);
  }

  async #fetch(address, body) {
    for (let tried = 0; ; tried += 1) {
      try {
        return await body(await answered(address, { signal: this.signal, cache: "no-store" }));
      } catch (error) {
        const final = error.status === 404 || error.status === 401 || error.status === 403;
        if (this.signal.aborted || final || tried >= RETRIES) throw error;
        await new Promise((done) => setTimeout(done, 300 * 2 ** tried));
      }
    }
  }

  /** All that is new in the list. */
  async #append(list) {
    const first = list.segments[0]?.msn ?? 0;
    if (this.#next.msn < first) this.#next = start(list); // it was away too long: on from near the end
    for (const segment of list.segments) {
      if (segment.msn < this.#next.msn) continue;
      for (const address of this.#wanted(segment)) await this.#take(segment, address);
      this.#next = segment.address ? { msn: segment.msn + 1, part: 0 } : { msn: segment.msn, part: segment.parts.length };
    }
    await this.#forget();
  }

  #wanted(segment) {
    const from = segment.msn === this.#next.msn ? this.#next.part : 0;
    if (segment.parts.length) return segment.parts.slice(from).map((one) => one.address);
    return segment.address ? [segment.address] : [];
  }

  async #take(segment, address) {
    const bytes = (from) => this.#fetch(from, (response) => response.arrayBuffer());
    if (this.#init !== segment.init) {
      await this.#put(await bytes(segment.init));
      this.#init = segment.init;
    }
    const media = await bytes(address);
    const before = this.end;
    await this.#put(media);
    if (this.zero === null && Number.isFinite(segment.at)) this.#align(segment, before);
  }

  // The first thing appended begins at a time of the media; the playlist says when that was.
  #align(segment, before) {
    if (before !== null || !this.buffer.buffered.length) return;
    const skipped = segment.parts.slice(0, this.#next.msn === segment.msn ? this.#next.part : 0).reduce((sum, one) => sum + one.duration, 0);
    this.zero = segment.at + skipped * 1000 - this.buffer.buffered.start(0) * 1000;
  }

  #put(bytes) {
    return this.#busy(() => this.buffer.appendBuffer(bytes));
  }

  #busy(task) {
    return new Promise((done, failed) => {
      this.buffer.onupdateend = done;
      this.buffer.onerror = () => failed(new Error("The browser cannot decode this."));
      try {
        task();
      } catch (error) {
        failed(error);
      }
    });
  }

  /** What has long been seen is let go. */
  async #forget() {
    const { buffered } = this.buffer;
    const end = this.end - KEEP_S;
    if (buffered.length && end > buffered.start(0) + KEEP_S) await this.#busy(() => this.buffer.remove(0, end));
  }

  /** Seconds of the media that are there. */
  get end() {
    const { buffered } = this.buffer;
    return buffered.length ? buffered.end(buffered.length - 1) : null;
  }
}
