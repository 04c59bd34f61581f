// The conference protocol's socket: requests that are answered, and what others do (docs/CONFERENCE.md).
// Lasts for one stay in a room; who comes back makes another.

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
  /** Why it ended, once it has. */
  over = null;

  /** `on` has `message(type, data)` and `lost()`. */
  constructor(token, on) {
    Object.assign(this, { token, on });
  }

  /** Resolves when it is open. */
  open() {
    const query = this.token ? `?token=${encodeURIComponent(this.token)}` : "";
    const address = `${location.origin.replace(/^http/, "ws")}/ws/conference${query}`;
    return new Promise((resolve, reject) => {
      const socket = (this.#socket = new WebSocket(address));
      let opened = false;
      socket.onopen = () => {
        opened = true;
        resolve();
      };
      socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
      socket.onclose = async () => {
        if (!opened) reject(await refusal(this.token));
        this.#end();
      };
    });
  }

  /** Sends a message; its answer's data, or an error. */
  request(type, data = {}) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      if (this.#socket?.readyState !== WebSocket.OPEN) return reject(new Error("The connection to the server is lost."));
      const timer = setTimeout(() => this.#settle(id, "reject", new Error("The server did not answer in time.")), ANSWER_MS);
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

// A browser does not tell why an upgrade failed: ask the same address plainly.
async function refusal(token) {
  const query = token ? `?token=${encodeURIComponent(token)}` : "";
  const answer = await fetch(`/ws/conference${query}`).catch(() => null);
  const error = new Error(answer ? "The server did not let this page in." : "The server cannot be reached.");
  return Object.assign(error, { status: answer?.status });
}
