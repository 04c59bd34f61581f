// Who is in the meeting and what each shows. Pure: what the server told → what there is to see.

export class People {
  /** By id: `{id, name, hand, media: Map(producerId → {kind, source, paused})}`. */
  all = new Map();
  speaker = null;
  #paused = new Set(); // producers, shown or not yet

  /** From the answer to join-room. */
  static of(joined) {
    const people = new People();
    for (const peer of joined.peers ?? []) people.came(peer.id, peer.username, peer.hand === true);
    return people;
  }

  /** What others do; words about it, if it is to be said. */
  told(type, data) {
    if (type === "user-joined") {
      this.came(data.id, data.user);
      return `${data.user} has come in.`;
    }
    if (type === "user-left") {
      this.went(data.id);
      return `${data.user} has left.`;
    }
    if (type === "producer-paused") this.paused(data.producerId, true);
    if (type === "producer-resumed" || type === "producer-closed") this.paused(data.producerId, false);
    if (type === "active-speaker") this.speaker = data.peerId;
    if (type === "hand-raised" && this.hand(data.peerId, data.raised)) return `${data.user} raises a hand.`;
    return null;
  }

  came(id, name, hand = false) {
    if (!this.all.has(id)) this.all.set(id, { id, name, hand, media: new Map() });
    return this.all.get(id);
  }

  went(id) {
    this.all.delete(id);
    if (this.speaker === id) this.speaker = null;
  }

  /** Whether it is up, and whose it is is known. */
  hand(id, up) {
    const person = this.all.get(id);
    if (person) person.hand = up;
    return Boolean(person && up);
  }

  shows({ peerId, user, producerId, kind, source }) {
    this.came(peerId, user).media.set(producerId, { kind, source, paused: this.#paused.has(producerId) });
  }

  hides(producerId) {
    this.owner(producerId)?.media.delete(producerId);
  }

  /** It may be told before the producer is shown. */
  paused(producerId, paused) {
    if (paused) this.#paused.add(producerId);
    else this.#paused.delete(producerId);
    const media = this.owner(producerId)?.media.get(producerId);
    if (media) media.paused = paused;
  }

  owner = (producerId) => [...this.all.values()].find((person) => person.media.has(producerId));
}
