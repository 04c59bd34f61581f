// The device protocol's socket: messages both ways, and a connection that comes back by itself.
// Decides when to connect again; leaves what the messages mean to the pages.

import { refusedWith } from "./refusal.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const ANSWER_MS = 10_000;

/** An error with the protocol's stable code. */
export class ProtocolError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** States: `connecting`, `open`, `waiting`, `replaced`, `refused`, `closed`. */
export class Signaling {
  #handlers = new Map();
  #waiters = [];
  #socket = null;
  #attempts = 0;
  #timer = 0;
  state = "closed";

  constructor(role, id, token) {
    this.path = `/ws/connect/${role}/${encodeURIComponent(id)}/${encodeURIComponent(token)}`;
    addEventListener("online", this.#hurry);
  }

  /** `state` (new state), `message` (event, data) or any event of the protocol (its data). */
  on(name, handler) {
    this.#handlers.set(name, [...(this.#handlers.get(name) ?? []), handler]);
    return this;
  }

  open() {
    this.#drop();
    this.#change("connecting");
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + this.path);
    this.#socket = socket;
    socket.onopen = () => {
      this.#attempts = 0;
      this.#change("open");
    };
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => this.#lost();
  }

  close() {
    removeEventListener("online", this.#hurry);
    this.#drop();
    this.#change("closed");
  }

  /** Sends a message; false when there is no connection. */
  send(event, data = {}) {
    if (this.state !== "open") return false;
    this.#socket.send(JSON.stringify({ event, data }));
    return true;
  }

  /** Sends a message and waits for the event that answers it; an `error` in between is taken for the answer. */
  request(event, data, answer) {
    return new Promise((resolve, reject) => {
      if (!this.send(event, data)) return reject(new ProtocolError("offline", "waiting for the connection"));
      const waiter = { answer, resolve, reject };
      waiter.timer = setTimeout(() => this.#settle(waiter, "reject", new ProtocolError("timeout", event)), ANSWER_MS);
      this.#waiters.push(waiter);
    });
  }

  #receive({ event, data = {} }) {
    if (event === "error") {
      if (data.code === "replaced") return this.#end("replaced");
      const error = new ProtocolError(String(data.code), data.message);
      if (this.#waiters.length) return this.#settle(this.#waiters[0], "reject", error);
      return this.#emit("error", error);
    }
    const waiter = this.#waiters.find((one) => one.answer === event);
    if (waiter) this.#settle(waiter, "resolve", data);
    this.#emit(event, data);
  }

  #settle(waiter, how, value) {
    clearTimeout(waiter.timer);
    this.#waiters = this.#waiters.filter((one) => one !== waiter);
    waiter[how](value);
  }

  async #lost() {
    const wasOpen = this.state === "open";
    this.#drop();
    if (!wasOpen && (await this.#isRefused())) return this.#end("refused");
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempts++);
    this.#timer = setTimeout(() => this.open(), wait * (0.75 + Math.random() / 2));
    this.#change("waiting");
  }

  async #isRefused() {
    return [401, 403].includes(await refusedWith(this.path));
  }

  #hurry = () => this.state === "waiting" && this.open();

  #end(state) {
    this.#drop();
    this.#change(state);
  }

  #drop() {
    clearTimeout(this.#timer);
    if (this.#socket) {
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close();
      this.#socket = null;
    }
    for (const waiter of [...this.#waiters]) {
      this.#settle(waiter, "reject", new ProtocolError("offline", "the connection was lost"));
    }
  }

  #change(state) {
    this.state = state;
    this.#emit("state", state);
  }

  #emit(name, value) {
    for (const handler of this.#handlers.get(name) ?? []) handler(value);
  }
}
