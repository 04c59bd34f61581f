// Who was there, who sent, who spoke, from a recording's events and files. Pure: intervals on the axis, in milliseconds.

import { pauses } from "../lib/axis.js";
import { layoutWords, shortName } from "../lib/recording-words.js";

const GAPS = {
  paused: "paused", lost: "nothing arrived", reconnect: "the connection was lost", disk: "the disk refused",
  muted: "muted", codec_changed: "the codec changed",
};

/** Why seconds are missing. */
export const gapWords = (why) => GAPS[why] ?? String(why).replaceAll("_", " ");

/** Files by who sent them, each with its segments in order: `[{key, name, segments}]`; a mix first. */
export function tracksOf(recording) {
  const tracks = new Map();
  for (const file of recording.files) {
    const key = file.feed == null ? "mix" : `by ${file.publisher}`;
    if (!tracks.has(key)) tracks.set(key, { key, name: file.feed == null ? "Everyone, mixed" : shortName(file.publisher), segments: [] });
    tracks.get(key).segments.push(file);
  }
  for (const track of tracks.values()) track.segments.sort((a, b) => String(a.started_at ?? "9").localeCompare(String(b.started_at ?? "9")));
  return [...tracks.values()].sort((a, b) => (b.key === "mix") - (a.key === "mix"));
}

/** Lanes: one for what befell the recording itself, one for each who sent, one for those who only watched. */
export function lanesOf(recording, axis) {
  const people = new People(recording, axis);
  people.follow();
  people.addFiles();
  const all = people.list();
  const sent = all.filter((one) => one.sent.length || one.spoke.length);
  return { whole: wholeOf(recording, axis), senders: sent, watchers: all.filter((one) => !sent.includes(one)) };
}

function wholeOf(recording, axis) {
  const onAxis = (ms) => Math.min(axis.length, Math.max(0, ms - axis.start));
  return {
    paused: pauses(recording, axis.now).map(([from, to]) => [onAxis(from), onAxis(to)]).filter(([from, to]) => to > from),
    layouts: recording.events.filter((event) => event.what === "layout_changed").map((event) => ({ at: axis.of(event.at), name: layoutWords(event.layout) })),
    mixSpoke: recording.files.filter((file) => file.feed == null && file.started_at).flatMap((file) => speech(file, axis)),
  };
}

const speech = (file, axis) => (file.facts?.speech ?? []).map(([from, to]) => [axis.place(file, from), axis.place(file, to)]);

class People {
  #all = new Map(); // by participant
  #feeds = new Map(); // feed → participant
  #open = new Map(); // what has begun and not ended: key → [list, from]

  constructor(recording, axis) {
    Object.assign(this, { recording, axis });
  }

  /** Reads the events; what never ended lasts to the end of the axis. */
  follow() {
    for (const event of this.recording.events) this.#take(event, this.axis.of(event.at));
    for (const key of [...this.#open.keys()]) this.#end(key, this.axis.length);
  }

  /** A file is what was really received: it stands for what its sender published. */
  addFiles() {
    const files = this.recording.files.filter((file) => file.feed != null && file.started_at);
    const told = new Set();
    for (const file of files) {
      const person = this.#ofFile(file);
      if (!told.has(person)) person.sent = [];
      told.add(person);
      person.sent.push(this.axis.span(file));
      person.spoke.push(...speech(file, this.axis));
      person.gaps.push(...(file.facts?.gaps ?? []).map((gap) => this.#gap(file, gap)));
    }
  }

  list() {
    return [...this.#all.values()];
  }

  #take(event, at) {
    const { what, participant, name, feed } = event;
    if (what === "joined") this.#begin(`in ${participant}`, this.#person(participant, name).there, at);
    if (what === "left") this.#end(`in ${participant}`, at);
    if (what === "published") {
      this.#feeds.set(String(feed), participant);
      this.#begin(`feed ${feed}`, this.#person(participant, name).sent, at);
    }
    if (what === "unpublished") this.#end(`feed ${feed}`, at);
  }

  #person(id, name) {
    if (!this.#all.has(id)) this.#all.set(id, { name: shortName(name ?? id), there: [], sent: [], spoke: [], gaps: [] });
    return this.#all.get(id);
  }

  #ofFile(file) {
    const known = this.#feeds.get(String(file.feed));
    const named = [...this.#all].find(([id, one]) => id === file.publisher || one.name === shortName(file.publisher));
    return this.#person(known ?? named?.[0] ?? file.publisher, known || named ? undefined : file.publisher);
  }

  // What is missing at the very start of a file is missing before it: the segment before ended too early.
  #gap(file, { at_ms, length_ms, why }) {
    const at = this.axis.place(file, at_ms);
    const from = at_ms === 0 && why !== "paused" ? Math.max(0, at - length_ms) : at;
    return { from, to: from + length_ms, why };
  }

  #begin(key, list, at) {
    if (!this.#open.has(key)) this.#open.set(key, [list, at]);
  }

  #end(key, at) {
    const [list, from] = this.#open.get(key) ?? [];
    if (list && at >= from) list.push([from, at]);
    this.#open.delete(key);
  }
}
