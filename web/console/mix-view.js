// “Watch the mix”: all streams of the room in one picture, for a line that does not carry them one by one. The others
// pause meanwhile; what was paused here goes on when the mix is left. Decides that; the room knows the tiles.

import { tell } from "../lib/notify.js";
import { Subscription } from "./subscription.js";
import { Tile } from "./tile.js";

// A mix that was refused is not asked for again and again.
const REFUSED = ["feed_not_found", "no_common_codec", "bad_request", "limit", "forbidden"];

export class MixView {
  /** Its subscription, while it is watched. */
  shown = null;
  #paused = new Set();

  constructor(room) {
    this.room = room;
    room.signaling.on("error", ({ code }) => this.shown?.offered === null && REFUSED.includes(code) && this.stop());
  }

  /** Its subscription, if this is the feed that the server made for it. */
  of = (feed) => (this.shown && String(this.shown.offered) === String(feed) ? this.shown : undefined);

  toggle() {
    if (this.shown) this.stop();
    else this.#start();
  }

  /** A stream that comes while the mix is watched is in it. */
  added(subscription) {
    if (this.shown) this.#pause(subscription);
  }

  /** Back to the single streams. */
  stop() {
    if (!this.shown) return;
    for (const one of this.#paused) one.limit({ paused: false });
    this.forget();
    tell("Back to the single streams.");
    this.room.changed();
  }

  /** The room is left. */
  forget() {
    this.shown?.stop();
    this.shown?.tile.element.remove();
    this.shown = null;
    this.#paused.clear();
  }

  /** The button that watches it, or no longer. */
  showButton(button) {
    button.setAttribute("aria-pressed", String(this.shown !== null));
    button.disabled = !this.shown && this.room.feeds === 0;
  }

  #start() {
    const tile = new Tile("mix", "All in one picture");
    this.shown = new Subscription(this.room.signaling, this.room.id, "mix", tile);
    this.room.grid.prepend(tile.element);
    for (const one of this.room.subscriptions) this.#pause(one);
    this.shown.start();
    this.room.changed();
  }

  #pause(subscription) {
    if (subscription.paused) return; // it stays so afterwards
    subscription.limit({ paused: true });
    this.#paused.add(subscription);
  }
}
