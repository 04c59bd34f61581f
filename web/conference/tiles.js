// The tiles: one for each person, one for each shared screen. Shows what `people.js` knows; keeps video elements while
// they play.

import { el, icon, part, setText } from "../lib/dom.js";

const SELF = "self";

export class Tiles {
  #grid = part("grid");
  #tiles = new Map();
  #streams = new Map(); // by producer
  #blocked;

  /** `blocked()`: the browser plays no sound before a press. */
  constructor(blocked) {
    this.#blocked = blocked;
  }

  /** A track that came. */
  play(producerId, track) {
    this.#streams.set(producerId, new MediaStream([track]));
  }

  /** A producer that is gone. */
  drop(producerId) {
    this.#streams.delete(producerId);
  }

  /** Nobody is left. */
  clear() {
    this.#streams.clear();
    for (const key of [...this.#tiles.keys()]) this.#remove(key);
  }

  /** After a press. */
  unblock() {
    for (const video of this.#grid.querySelectorAll("video, audio")) video.play().catch(() => {});
  }

  /** How things stand. `own`: `{name, stream, screen, muted, dark, hand}`. */
  show(people, own, follow) {
    const tiles = [...this.#own(own), ...[...people.all.values()].flatMap((person) => this.#of(person))];
    const keys = new Set(tiles.map(({ key }) => key));
    for (const key of [...this.#tiles.keys()]) if (!keys.has(key)) this.#remove(key);
    const large = follow ? this.#large(tiles, people) : null;
    for (const tile of tiles) this.#show(tile, tile.key === large, people.speaker);
    this.#grid.dataset.layout = large ? "speaker" : "grid";
    this.#grid.style.setProperty("--columns", columns(tiles.length));
  }

  // A shared screen before who speaks, who speaks before who came first.
  #large(tiles, people) {
    const others = tiles.filter((tile) => !tile.self);
    const found = others.find((tile) => tile.screen) ?? others.find((tile) => tile.person === people.speaker) ?? others.find((tile) => this.#tiles.get(tile.key)?.root.dataset.large === "true") ?? others[0];
    return found?.key ?? null;
  }

  #own({ name, stream, screen, muted, dark, hand }) {
    const face = { key: SELF, self: true, name: `${name} (you)`, video: dark ? null : stream, muted, dark, hand };
    return screen ? [face, { key: `${SELF}-screen`, self: true, screen: true, name: "Your screen", video: screen }] : [face];
  }

  #of(person) {
    const media = [...person.media].map(([id, one]) => ({ id, ...one }));
    const face = media.filter(({ source }) => source === "camera");
    const stream = ({ kind }) => this.#streams.get(face.find((one) => one.kind === kind && !one.paused)?.id);
    const audio = face.find(({ kind }) => kind === "audio");
    const further = media.filter(({ source, kind }) => source !== "camera" && kind === "video");
    const tile = {
      key: person.id, person: person.id, name: person.name, hand: person.hand,
      video: stream({ kind: "video" }) ?? null, audio: stream({ kind: "audio" }) ?? null, muted: !audio || audio.paused,
      dark: !stream({ kind: "video" }),
    };
    const screens = further.map(({ id, source }) => {
      const sound = media.find((one) => one.source === source && one.kind === "audio");
      const name = source.startsWith("screen") ? `${person.name}’s screen` : `${person.name} (${source})`;
      return { key: id, screen: source.startsWith("screen"), name, video: this.#streams.get(id) ?? null, audio: this.#streams.get(sound?.id) ?? null };
    });
    return [tile, ...screens];
  }

  #show(tile, large, speaker) {
    const known = this.#tiles.get(tile.key) ?? this.#make(tile);
    const { root, video, audio } = known;
    root.dataset.large = String(large);
    root.dataset.speaking = String(tile.person != null && tile.person === speaker);
    setText(part("tile-name", root), tile.name);
    part("tile-muted", root).hidden = !tile.muted;
    part("tile-hand", root).hidden = !tile.hand;
    part("tile-dark", root).hidden = Boolean(tile.video);
    setText(part("tile-dark", root), initials(tile.name));
    this.#play(video, tile.video);
    this.#play(audio, tile.audio ?? null);
  }

  #play(element, stream) {
    if (element.srcObject === stream) return;
    element.srcObject = stream;
    element.hidden = element.tagName === "AUDIO" || !stream;
    if (stream) element.play().catch((error) => error.name === "NotAllowedError" && this.#blocked());
  }

  #make(tile) {
    const video = el("video", { autoplay: true, playsinline: true, muted: true, "aria-label": tile.name });
    video.muted = true;
    const audio = el("audio", { autoplay: true, hidden: true });
    const bars = el("span", { class: "bars", "data-testid": "tile-quality", hidden: true }, el("i"), el("i"), el("i"));
    const root = el("li", { class: "tile", "data-testid": "tile", "data-self": String(tile.self === true), "data-screen": String(tile.screen === true) },
      video, audio, el("p", { class: "face", "data-testid": "tile-dark", "aria-hidden": "true" }),
      el("p", { class: "plate" }, bars, el("span", { "data-testid": "tile-name" }),
        el("span", { class: "mark", "data-testid": "tile-muted", title: "The microphone is off", hidden: true }, icon("mic-off"), el("span", { class: "visually-hidden" }, "Microphone off"))),
      el("p", { class: "raised", "data-testid": "tile-hand", hidden: true }, icon("hand"), el("span", { class: "visually-hidden" }, "Hand raised")));
    this.#grid.append(root);
    const made = { root, video, audio };
    this.#tiles.set(tile.key, made);
    return made;
  }

  #remove(key) {
    const { root, video, audio } = this.#tiles.get(key);
    video.srcObject = audio.srcObject = null;
    root.remove();
    this.#tiles.delete(key);
  }

  /** Marks how well a tile's picture comes: 1 to 3; words for who points at it. */
  quality(key, bars, words) {
    const root = this.#tiles.get(key)?.root;
    if (!root) return;
    const shown = part("tile-quality", root);
    shown.hidden = bars === null;
    shown.dataset.bars = bars;
    shown.title = words;
  }
}

const columns = (count) => Math.ceil(Math.sqrt(count));

function initials(name) {
  const words = name.replace(/\(.*\)/, "").trim().split(/\s+/);
  return words.slice(0, 2).map((word) => [...word][0]?.toUpperCase() ?? "").join("");
}
