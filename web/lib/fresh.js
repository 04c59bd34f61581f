// Keeps what a page shows of recordings fresh: read again whenever the server's event stream tells of a change.
// Sizes of running recordings are told by nobody, so while `busy()` it is read every 2 s, and also when the stream is down.

import { every } from "./dom.js";

const BUSY_MS = 2000;
const IDLE_READINGS = 8; // what no event tells of (a deletion elsewhere) is seen within 16 s
const RECONNECT_MS = 10_000;
const TOGETHER_MS = 60;

export class Fresh {
  #source = null;
  #soon = 0;
  #reading = null;
  #again = false;
  #idle = 0;

  /** `read()` reads and shows, and keeps its failures to itself; `room` narrows the stream. */
  constructor(api, { room, read, busy = () => false }) {
    Object.assign(this, { api, room, read, busy });
    this.#listen();
    // A page that the browser keeps for “back” would keep its connection too, and there are only six.
    addEventListener("pagehide", () => this.#source.close());
    addEventListener("pageshow", ({ persisted }) => persisted && this.#listen());
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
    const streaming = this.#source?.readyState === EventSource.OPEN;
    this.#idle = streaming && !this.busy() ? this.#idle + 1 : IDLE_READINGS;
    if (this.#idle < IDLE_READINGS) return;
    this.#idle = 0;
    if (!this.#reading) this.now();
  }

  #listen() {
    const source = new EventSource(this.api.eventsUrl(this.room));
    this.#source = source;
    for (const event of ["recording_changed", "recording_deleted", "recording_restored", "skipped", "open"]) {
      source.addEventListener(event, () => this.#hear());
    }
    // The browser reconnects by itself, except after a refusal.
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.#listen(), RECONNECT_MS);
    });
  }

  // Several changes at once are one reading.
  #hear() {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.now(), TOGETHER_MS);
  }
}
