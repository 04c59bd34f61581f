// The conference protocol's socket: requests that are answered, and what others do (docs/CONFERENCE.md).
// Lasts for one stay in a room; who comes back makes another.

import { refusedWith, refusedWords } from "../lib/refusal.js";

const ANSWER_MS = 15_000;

/** An error of the server's, with its stable `code`. */
export class Refused extends Error {
  constructor({ code = "internal", message }) {
    super(message);
    this.code = code;
  }
}

export class Socket {
  #socket = null;
  #waiting = new Map();
  #next = 1;
  /** Whether it has ended, or never came about. */
  over = false;

  /** `on` has `message(type, data)` and `lost()`, which only an open socket's end is told to. */
  constructor(token, on) {
    Object.assign(this, { token, on });
  }

  /** Resolves when it is open; else an error with the HTTP `status`, if there was an answer. */
  open() {
    const path = `/ws/conference${this.token ? `?token=${encodeURIComponent(this.token)}` : ""}`;
    return new Promise((resolve, reject) => {
      const socket = (this.#socket = new WebSocket(location.origin.replace(/^http/, "ws") + path));
      socket.onopen = () => {
        socket.onclose = () => this.#end();
        resolve();
      };
      socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
      socket.onclose = async () => {
        const status = this.over ? undefined : await refusedWith(path);
        this.over = true;
        reject(Object.assign(new Error(refusedWords(status)), { status }));
      };
    });
  }

  /** Sends a message; its answer's data, or an error. */
  request(type, data = {}, limitMs = ANSWER_MS) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      if (this.#socket?.readyState !== WebSocket.OPEN) return reject(new Error("The connection to the server is lost."));
      const timer = setTimeout(() => this.#settle(id, "reject", new Error("The server did not answer in time.")), limitMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ type, data, id }));
    });
  }

  close() {
    this.on = { message() {}, lost() {} };
    this.#socket?.close();
    this.#end();
  }

  #receive({ type, data, id }) {
    if (!this.#waiting.has(id)) return this.on.message(type, data);
    if (type === "error") this.#settle(id, "reject", new Refused(data));
    else this.#settle(id, "resolve", data);
  }

  #settle(id, how, value) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting[how](value);
  }

  #end() {
    if (this.over) return;
    this.over = true;
    for (const id of [...this.#waiting.keys()]) this.#settle(id, "reject", new Error("The connection to the server is lost."));
    this.on.lost();
  }
}
