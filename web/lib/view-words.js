// What a viewer gets, why nothing better, and since when, in words. Pure tables and sentences, no page.

import { codecWords } from "./recording-words.js";

// As the tail of “It does not get this one: …”.
const WHY = {
  best: "it is the best there is",
  starting: "the line is still being measured",
  line: "the line carries too little",
  decoder: "this browser cannot decode it",
  own_limit: "your own limit",
  source: "the sender does not send it just now",
  budget: "the server has no computing power left for it",
  turn: "other streams come first on this line",
};
const NAMES = { source: "source", sound: "sound only", nothing: "paused" };
const ORIGIN = { source: "as the sender sends it", layer: "a smaller copy that the sender sends as well", transcode: "made smaller by the server" };

/** A rendition's name on a badge: `360p`, `sound only`. */
export const renditionWords = (name) => NAMES[name] ?? String(name);

/** Why a viewer does not get a rendition. */
export const whyWords = (why) => WHY[why] ?? String(why).replaceAll("_", " ");

/** What of a feed still comes: `picture` (with its sound), `sound` or `nothing`. */
export const shows = (name) => (name === "sound" || name === "nothing" ? name : "picture");

/** How good it is, as the colour of a badge. What the visitor asked for is no trouble. */
export function renditionTone(name, why) {
  if (why === "best") return "good";
  if (why === "own_limit") return "chosen";
  return shows(name) === "picture" ? "wait" : "bad";
}

/** `640×360, 15 pictures/s, VP8, 380 kbit/s`. */
export function renditionFacts({ width, height, framerate, codec, kbps, kind }) {
  if (kind === "sound" || kind === "nothing") return "";
  const size = width && height ? `${width}×${height}` : height ? `${height} lines` : null;
  const rate = framerate ? `${Math.round(framerate)} pictures/s` : null;
  return [size, rate, codec ? codecWords(codec) : null, kbps ? kbpsWords(kbps) : null].filter(Boolean).join(", ");
}

/** Where a rendition comes from. */
export const originWords = (kind) => ORIGIN[kind] ?? "";

/** `380 kbit/s`, `1.2 Mbit/s`. */
export const kbpsWords = (kbps) => (kbps >= 1000 ? `${(kbps / 1000).toFixed(kbps >= 10_000 ? 0 : 1)} Mbit/s` : `${Math.round(kbps)} kbit/s`);

/** A length of time as it is spoken: `12 seconds`, `95 seconds`, `3 minutes`, `2 hours`. */
export function spanWords(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return count(seconds, "second");
  return seconds < 3600 ? count(Math.floor(seconds / 60), "minute") : count(Math.floor(seconds / 3600), "hour");
}

/** `just now`, `12 seconds ago`. */
export const agoWords = (iso, now) => (now - new Date(iso) < 1500 ? "just now" : `${spanWords(now - new Date(iso))} ago`);

const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
