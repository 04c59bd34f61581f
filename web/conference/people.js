// Who is in the meeting and what each shows. Pure: what the server told → what there is to see.

export class People {
  /** By id: `{id, name, hand, media: Map(producerId → {kind, source, paused})}`. */
  all = new Map();
  speaker = null;

  /** From the answer to join-room. */
  static of(joined) {
    const people = new People();
    for (const peer of joined.peers ?? []) people.came(peer.id, peer.username, peer.hand === true);
    return people;
  }

  came(id, name, hand = false) {
    if (!this.all.has(id)) this.all.set(id, { id, name, hand, media: new Map() });
    return this.all.get(id);
  }

  went(id) {
    this.all.delete(id);
    if (this.speaker === id) this.speaker = null;
  }

  shows({ peerId, user, producerId, kind, source }) {
    this.came(peerId, user).media.set(producerId, { kind, source, paused: false });
  }

  /** Whose it was. */
  hides(producerId) {
    const person = this.owner(producerId);
    person?.media.delete(producerId);
    return person;
  }

  paused(producerId, paused) {
    const media = this.owner(producerId)?.media.get(producerId);
    if (media) media.paused = paused;
  }

  owner = (producerId) => [...this.all.values()].find((person) => person.media.has(producerId));
}
