// Keeps what a page shows fresh: read again whenever the server's event stream tells of a change.
// Sizes and figures are told by nobody, so while `busy()` it is read every 2 s, and also when the stream is down.

import { every } from "./dom.js";
import { streamAt } from "./stream.js";

const BUSY_MS = 2000;
const IDLE_READINGS = 8; // what no event tells of (a deletion elsewhere) is seen within 16 s
const TOGETHER_MS = 60;
const RECORDINGS = ["recording_changed", "recording_deleted", "recording_restored"];

export class Fresh {
  #soon = 0;
  #reading = null;
  #again = false;
  #idle = 0;

  /** `read()` reads and shows, and keeps its failures to itself; `room` narrows the stream, `events` are those that matter. */
  constructor(api, { room, read, busy = () => false, events = RECORDINGS }) {
    Object.assign(this, { read, busy, stream: streamAt(api.eventsUrl(room)) });
    this.stream.on([...events, "skipped", "open"], () => this.#hear());
    every(BUSY_MS, () => this.#tick());
  }

  /** Reads now; a reading that is under way already may be too old, so another follows it. */
  async now() {
    if (this.#reading) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#readAll();
    await this.#reading;
    this.#reading = null;
  }

  async #readAll() {
    do {
      this.#again = false;
      await this.read();
    } while (this.#again);
  }

  #tick() {
    this.#idle = this.stream.isOpen && !this.busy() ? this.#idle + 1 : IDLE_READINGS;
    if (this.#idle < IDLE_READINGS) return;
    this.#idle = 0;
    if (!this.#reading) this.now();
  }

  // Several changes at once are one reading.
  #hear() {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.now(), TOGETHER_MS);
  }
}
