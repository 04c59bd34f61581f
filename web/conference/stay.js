// Being in a meeting: coming in, coming back by itself, and leaving. There is one way in at a time, and whoever left meanwhile is
// not in. Leaves what is shown and sent to the page.

import { Session } from "./session.js";
import { NO_WAY, awayWords, finalRefusal, isNetwork, putOutWords } from "./words.js";

const WAITS_MS = [1000, 2000, 4000, 8000];
const NETWORK_TRIES = 2;

export class Stay {
  /** The session, while one is in. */
  session = null;
  /** As who one is in, or wants to be. */
  name = null;
  #coming = null; // the one way in that counts: `{session, taken}`, its newest, and whether that one found the name taken
  #cut = 0; // how often in a row the network carried no media

  /** `on`: what a session tells besides `lost` and `out`; `state(state, words)`, `joined(joined)`, then `ready()` when something can be
   * sent, and `out({words, askToken})` when one is put out or let in no more. */
  constructor(room, token, on) {
    Object.assign(this, { room, token, on });
  }

  /** Comes in; false if one has left meanwhile. */
  async come(name) {
    this.leave();
    this.name = name;
    this.#cut = 0;
    const mine = (this.#coming = {});
    try {
      return await this.#enter(mine);
    } catch (error) {
      if (mine !== this.#coming) return false;
      this.leave();
      throw error;
    }
  }

  leave() {
    this.name = null;
    this.rest();
  }

  /** Is away until `back()`. */
  rest() {
    const open = [this.session, this.#coming?.session];
    this.session = this.#coming = null;
    for (const session of open) session?.close();
  }

  /** Comes back, if one has not left. */
  back() {
    if (this.name && !this.session && !this.#coming) this.#lost(new Error("The page was asleep."));
  }

  async #enter(mine) {
    const session = (mine.session = this.#newSession());
    try {
      const joined = await session.join(this.room, this.name);
      if (mine !== this.#coming) return false; // closed by who took the way away
      this.session = session;
      this.#coming = null;
      this.on.joined(joined);
    } catch (error) {
      session.close();
      throw error;
    }
    session.begin();
    if (session === this.session) this.on.ready();
    return true;
  }

  #newSession() {
    const ears = ["message", "track", "gone", "missing", "ended"].map((what) => [what, (...told) => session === this.session && this.on[what](...told)]);
    const session = new Session(this.token, {
      ...Object.fromEntries(ears),
      state: (state) => session === this.session && this.#state(state),
      lost: (error) => session === this.session && this.#lost(error),
      out: (reason) => session === this.session && this.#out({ words: putOutWords(reason), askToken: false }),
    });
    return session;
  }

  #state(state) {
    if (state === "connected") this.#cut = 0;
    this.on.state(state === "connected" ? "joined" : state);
  }

  #lost(error) {
    console.warn(`The meeting was lost: ${error.message}`);
    this.#cut = isNetwork(error) ? this.#cut + 1 : 0;
    if (this.#cut >= NETWORK_TRIES) return this.#out({ words: NO_WAY, askToken: false });
    this.session = null;
    this.on.state("away", awayWords(error));
    this.#comeBack((this.#coming = {}));
  }

  // Under the same name, with what was sent before.
  async #comeBack(mine) {
    for (let n = 0; mine === this.#coming; n++) {
      await pause(WAITS_MS[Math.min(n, WAITS_MS.length - 1)]);
      if (mine !== this.#coming) return;
      try {
        return await this.#enter(mine);
      } catch (error) {
        if (mine === this.#coming) this.#refused(error, mine);
      }
    }
  }

  // A socket of our own that has not quite ended may hold the name for a moment.
  #refused(error, mine) {
    console.warn(`Not yet: ${error.message}`);
    const doubtful = error.code === "name_taken" && !mine.taken;
    mine.taken = doubtful;
    const final = finalRefusal(error, this.token);
    if (final && !doubtful) this.#out(final);
    else this.on.state("away", awayWords(error));
  }

  #out(why) {
    this.leave();
    this.on.out(why);
  }
}

// Not all pages at once; and a network that is back ends it.
function pause(ms) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms * (0.75 + Math.random() / 2));
    addEventListener("online", done);
  });
}
