// The sender/viewer protocol's socket: flat messages both ways, a seat in a room, a connection that comes back five times.
// Decides when to connect and to join again; leaves what the messages mean to the pages.

import { refusedWith, refusedWords } from "../lib/refusal.js";
import { tokenWords } from "../lib/token-words.js";
import { refusal, trouble } from "./words.js";

const WAITS_S = [1, 2, 3, 4, 5];
const SEAT_AGAIN_MS = 1500;
const SEAT_TRIES = 11; // a connection that died unseen is found out within 12 s, and some
const HELD = "The place in this room is not free yet. If it is an earlier connection of this page, the server lets go of it within some seconds.";


export class PairSocket {
  #socket = null;
  #lost = 0;
  #seatTries = 0;
  #timer = 0;
  #drops = 0;
  #trouble = "";
  isJoined = false;

  /** `role`, `room`, `via`, `token`; `changed(state, words, why)`: `connecting`, `joined`, `waiting`, `failed`, where `why` is
   * `token` if one is needed, or that of `refusal`; `heard(message)`. */
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

  /** Takes the other way: on the same connection, so that no earlier seat of our own is in the way. */
  take(via) {
    this.via = via;
    if (this.#socket?.readyState !== WebSocket.OPEN) return this.retry();
    clearTimeout(this.#timer);
    this.isJoined = false;
    this.#seatTries = 0;
    this.changed("connecting", "");
    this.#join();
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
      this.isJoined = true;
      this.#lost = this.#seatTries = 0;
      this.#trouble = "";
      return this.changed("joined", "");
    }
    if (message.type === "error") return this.#error(message);
    if (this.isJoined) this.heard(message); // else of a seat that was left
  }

  #error(error) {
    if (error.reason === "not-joined") return this.#fail(this.#trouble || "This page is no longer in the room.");
    if (!this.isJoined) return this.#refused(error);
    const words = trouble(error);
    this.#trouble = words;
    // Whoever was put out of the room hears so when it says something.
    if (error.reason === "server-error") this.send({ type: "ready" });
    this.heard({ type: "error", message: words });
  }

  // The seat may be held by an earlier connection of ours, one that died unseen or was left by a reload.
  #refused(error) {
    const { words, why } = refusal(this.role, error);
    if (why !== "taken" || this.#seatTries >= SEAT_TRIES) return this.#fail(words, why);
    if (this.#seatTries++ === 0) this.changed("waiting", HELD);
    this.#timer = setTimeout(() => this.#join(), SEAT_AGAIN_MS);
  }

  async #closed() {
    const wasJoined = this.isJoined;
    const gone = this.#drop();
    const status = wasJoined ? null : await refusedWith(this.#path());
    if (this.#drops !== gone) return; // opened anew meanwhile
    if (status === 401) return this.#fail(tokenWords(status, this.token), "token");
    const wait = WAITS_S[this.#lost++];
    if (!wait) return this.#fail(refusedWords(status));
    this.#timer = setTimeout(() => this.open(), wait * 1000);
    this.changed("waiting", `The connection to the server is lost; trying again (${this.#lost} of ${WAITS_S.length})…`);
  }

  #fail(words, why) {
    this.#drop();
    this.changed("failed", words, why);
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
