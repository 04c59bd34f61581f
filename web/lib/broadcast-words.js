// Broadcasts in words: states, where to, what is sent. Tables and sentences, no page.

import { layoutWords } from "./recording-words.js";
import { sentence, tryWords } from "./camera-words.js";

const STATES = {
  connecting: ["wait", "connecting"],
  live: ["live", "on air"],
  waiting: ["bad", "interrupted"],
  ended: ["", "ended"],
};

/** Kinds of targets: what each is called, an example, what the secret is called, and what to know. */
export const TARGETS = {
  rtmp: { name: "RTMP server", example: "rtmp://live.example.org/app", key: "Stream key", hint: "What streaming sites and media servers take. rtmps:// is encrypted." },
  srt: { name: "SRT", example: "srt://live.example.org:9000", key: "Stream id", password: "Passphrase", hint: "Holds on lossy lines. Stream id and passphrase only if the receiver asks for them." },
  rtp: { name: "Plain RTP", example: "rtp://192.168.1.40:5004", hint: "Pictures to this port, sound to the port two above. The SDP for the receiver is offered once it runs." },
};

const SAME = { rtmps: "rtmp" };

/** The kind of a target; null when its scheme is none of ours. */
export function targetOf(address) {
  const scheme = /^\s*([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  const kind = SAME[scheme] ?? scheme;
  return kind in TARGETS ? kind : null;
}

/** Tone and text of a state. */
export const stateWords = (state) => STATES[state] ?? ["wait", String(state)];

/** What is sent; `name` is that of the feed. */
export const whatWords = ({ wish }, name) => (wish.layout ? `Mix, ${layoutWords(wish.layout).toLowerCase()}` : wish.feed === "mix" ? "Mix" : name);

/** What is wrong with one that is not on air; empty when nothing is. */
export function explain({ state, trouble, next_try_at: next }, now = Date.now()) {
  if (state === "waiting") return `${trouble ? sentence(trouble) : "The other side is gone."} ${tryWords(next, now)}`.trim();
  if (state !== "connecting") return "";
  return trouble ? sentence(trouble) : "The other side is being reached…";
}
