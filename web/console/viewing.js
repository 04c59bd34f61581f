// From a tile's badge to “Why this quality?”: finds the subscription that the server knows, and asks it for the reasons.

import { shortName } from "../lib/recording-words.js";
import { QualityDialog } from "./quality-dialog.js";

export class Viewing {
  constructor(api, room, grid) {
    Object.assign(this, { api, room, dialog: new QualityDialog() });
    grid.addEventListener("click", ({ target }) => {
      const badge = target.closest?.("[data-testid=quality]");
      if (badge) this.#open(badge.closest("[data-feed]").dataset.feed);
    });
  }

  #open(feed) {
    const subscription = feed === "mix" ? this.room.mix.shown : this.room.subscription(feed);
    if (!subscription) return;
    const peer = new Peer(this.api, this.room, subscription);
    this.dialog.open({
      name: subscription.tile.name,
      read: () => peer.explain(),
      limit: (change) => subscription.limit(change),
      told: () => subscription.tile.told,
      live: () => subscription.tile.element.isConnected,
    });
  }
}

// The server's number of a subscription: the newest of ours to this feed, looked up again when there is another.
class Peer {
  #peer = null;
  #made = -1;

  constructor(api, room, subscription) {
    Object.assign(this, { api, room, subscription });
  }

  async explain() {
    const { made, offered } = this.subscription;
    if (made !== this.#made || this.#peer === null) this.#peer = await this.#find(offered);
    this.#made = made;
    if (this.#peer === null) return null;
    return this.api.explain(this.room.id, this.#peer).catch(() => (this.#peer = null));
  }

  async #find(feed) {
    const all = await this.api.subscriptions(this.room.id);
    const mine = all.filter((one) => shortName(one.participant) === this.room.clientId && String(one.feed) === String(feed));
    return mine.at(-1)?.peer ?? null;
  }
}
