// The server's side of presence and ringing: its Socket.IO events and its requests. Knows nothing of the page.
// `io` is the unmodified socket.io-client of web/vendor.

import { token } from "../lib/identity.js";

const given = token("");
const PATIENCE_MS = 10_000;

export class Hall {
  /** Logins of all others who are online, with whether they are busy. */
  people = new Map();
  #socket = null;
  #late = null; // news while the list is asked for

  /** `on` has `state(word)`, `people()`, `seen(login, status)`, `calling(login)` and `declined(login)`. */
  constructor(on) {
    this.on = on;
  }

  /** Goes online; stays so through lost connections. `why` is told when the server does not let us in. */
  enter(login, why) {
    this.login = login;
    // WebSocket alone is served; the token is for servers that ask for one.
    const socket = window.io({ transports: ["websocket"], query: given ? { token: given } : {} });
    this.#socket = socket;
    socket.on("connect", () => this.#begin(why));
    socket.on("connect_error", (error) => {
      this.on.state("waiting");
      // A refusal has words and is final; a server that is away has not, and is tried again.
      if (!socket.active) why(error.message);
    });
    socket.on("disconnect", () => {
      this.people.clear();
      this.on.people();
      this.on.state("waiting");
      // Nothing is tried again by itself after the server has closed the socket on purpose.
      if (!socket.active) setTimeout(() => socket.connect(), 1000);
    });
    socket.on("online", ({ login: who, status }) => this.#seen(who, status));
    socket.on("calling", ({ login: who }) => this.on.calling(who));
    socket.on("declined", ({ login: who }) => this.on.declined(who));
  }

  leave() {
    this.#socket?.disconnect();
    this.#socket = null;
  }

  call = (login) => this.#ask("/call", { login });
  decline = (login) => this.#ask("/decline", { reciever_login: login });
  setBusy = (busy) => this.#ask("/status", { status: busy ? "beasy" : "free" });

  async #begin(why) {
    try {
      const answer = await this.#socket.timeout(PATIENCE_MS).emitWithAck("login", { login: this.login });
      if (answer.status !== 0) return why(answer.message);
      await this.#list();
      this.on.state("online");
    } catch {
      this.#socket?.disconnect().connect();
    }
  }

  /** Those who came before us. News may overtake this answer, and then count. */
  async #list() {
    this.#late = [];
    const headers = given ? { Authorization: `Bearer ${given}` } : {};
    const { payload = [], busy = [] } = await (await fetch("/online", { headers, cache: "no-store" })).json();
    this.people = new Map(payload.filter((who) => who !== this.login).map((who) => [who, busy.includes(who)]));
    const late = this.#late;
    this.#late = null;
    for (const [who, status] of late) this.#seen(who, status);
    this.on.people();
  }

  #seen(who, status) {
    if (who === this.login) return;
    this.#late?.push([who, status]);
    if (status === "offline") this.people.delete(who);
    else this.people.set(who, status === "busy");
    this.on.people();
    this.on.seen(who, status);
  }

  /** The server's refusals are errors with its words. */
  async #ask(path, wish) {
    const body = JSON.stringify({ sid: this.#socket?.id ?? null, ...wish });
    const headers = { "content-type": "application/json" };
    const response = await fetch(path, { method: "POST", headers, body }).catch(() => {
      throw new Error("The server cannot be reached.");
    });
    const answer = await response.json().catch(() => ({ message: `The server answered ${response.status}.` }));
    if (answer.status !== 0) throw new Error(sentence(answer.message));
    return answer.message;
  }
}

const sentence = (words = "") => `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?…]$/.test(words) ? "" : "."}`;
