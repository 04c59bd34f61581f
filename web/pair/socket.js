// The sender/viewer protocol's socket: flat messages both ways, a seat in a room, a connection that comes back five times.
// Decides when to connect and to join again; leaves what the messages mean to the pages.

const WAITS_S = [1, 2, 3, 4, 5];
const SEAT_AGAIN_MS = 5000;
const SEAT_TRIES = 12; // a connection that died unseen is found out within a minute

const NO_TOKEN = "This room asks for a token: add it to the address, or enter it here.";
const WHY = {
  429: "Too many connections come from your address: close other pages, then try again.",
  503: "The server is being shut down: try again in a moment.",
};
const UNREACHABLE = "The server cannot be reached: check your network, then try again.";
const TAKEN = {
  sender: "Another page sends into this room already: close it, or take another room.",
  viewer: "Another page watches this room already: close it, or send through the server for many viewers.",
};

export class PairSocket {
  #socket = null;
  #lost = 0;
  #seatTries = 0;
  #timer = 0;
  #drops = 0;
  #wasJoined = false;
  #trouble = "";
  isJoined = false;

  /** `role`, `room`, `via`, `token`; `changed(state, words)`: `connecting`, `joined`, `waiting`, `failed`; `heard(message)`. */
  constructor(options) {
    Object.assign(this, options);
  }

  open() {
    this.#drop();
    this.changed("connecting", "");
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + this.#path());
    this.#socket = socket;
    socket.onopen = () => this.#join();
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => this.#closed();
  }

  /** Begins anew, with all tries. */
  retry() {
    this.#lost = this.#seatTries = 0;
    this.open();
  }

  /** Leaves the room and stays away. */
  leave() {
    this.#drop();
  }

  /** Sends a message; false when there is no connection. */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #path = () => (this.token ? `/ws?token=${encodeURIComponent(this.token)}` : "/ws");

  #join() {
    this.send({ type: "join", role: this.role, room: this.room, ...(this.via && { via: this.via }) });
  }

  #receive(message) {
    if (message.type === "joined") {
      this.isJoined = this.#wasJoined = true;
      this.#lost = this.#seatTries = 0;
      this.#trouble = "";
      return this.changed("joined", "");
    }
    if (message.type === "error") return this.#error(message);
    this.heard(message);
  }

  #error({ reason, message = reason }) {
    if (reason === `${this.role}-already-exists`) return this.#taken();
    if (reason === "not-joined") return this.#fail(this.#trouble || message);
    if (!this.isJoined) return this.#fail(message);
    this.#trouble = message;
    // Whoever was put out of the room hears so when it says something.
    if (reason === "server-error") this.send({ type: "ready" });
    this.heard({ type: "error", message });
  }

  // After a lost connection it is our own earlier one that still has the seat.
  #taken() {
    if (!this.#wasJoined || this.#seatTries++ >= SEAT_TRIES) return this.#fail(TAKEN[this.role]);
    this.changed("waiting", "The server still holds the earlier connection of this page; it lets go of it within a minute.");
    this.#timer = setTimeout(() => this.#join(), SEAT_AGAIN_MS);
  }

  async #closed() {
    const wasJoined = this.isJoined;
    const gone = this.#drop();
    const status = wasJoined ? null : await this.#status();
    if (this.#drops !== gone) return; // opened anew meanwhile
    if (status === 401) return this.#fail(NO_TOKEN, status);
    const wait = WAITS_S[this.#lost++];
    if (!wait) return this.#fail(WHY[status] ?? UNREACHABLE);
    this.#timer = setTimeout(() => this.open(), wait * 1000);
    this.changed("waiting", `The connection to the server is lost; trying again (${this.#lost} of ${WAITS_S.length})…`);
  }

  // A browser does not tell why an upgrade failed: ask the same address plainly.
  async #status() {
    return (await fetch(this.#path()).catch(() => null))?.status;
  }

  #fail(words, status) {
    this.#drop();
    this.changed("failed", words, status);
  }

  #drop() {
    clearTimeout(this.#timer);
    this.isJoined = false;
    if (this.#socket) {
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close();
      this.#socket = null;
    }
    return ++this.#drops;
  }
}
