// Recordings in words: states, kinds, layouts, codecs, endings. Tables and sentences, no page.

import * as format from "./format.js";
import { reasonWords } from "./words.js";

const STATES = {
  starting: ["wait", "waiting for picture or sound"],
  recording: ["live", "recording"],
  paused: ["wait", "paused"],
  finishing: ["wait", "finishing"],
  ready: ["good", "ready"],
  failed: ["bad", "ended early"],
};

export const KINDS = {
  individual: ["Each sender by itself", "A file for each, exactly as sent. Costs little."],
  composed: ["One picture of all", "All pictures and voices in one file."],
  audio: ["Sound only", "All voices in one file."],
};

const CODECS = { vp8: "VP8", vp9: "VP9", av1: "AV1", h264: "H.264", h265: "H.265", opus: "Opus", aac: "AAC" };

/** Tone and text of a state. */
export const stateWords = (state) => STATES[state] ?? ["wait", String(state)];
export const isOver = ({ state }) => state === "ready" || state === "failed";
export const isRunning = (one) => !isOver(one) && one.state !== "finishing";

export const kindOf = (recording) => recording.wish?.kind ?? "individual";
export const kindWords = (recording) => KINDS[kindOf(recording)]?.[0] ?? kindOf(recording);

/** A layout's name for people. */
export const layoutWords = (layout) => (typeof layout === "string" ? capital(layout.replaceAll("-", " ")) : "Own layout");

export const codecWords = (codec) => CODECS[String(codec).toLowerCase()] ?? String(codec).toUpperCase();

/** A participant's name without the role in front of it. */
export const shortName = (name) => String(name ?? "").replace(/^(DEVICE|WEB|CAMERA):/, "");

/** Whether a participant is a camera or another source that is opened by the server. */
export const isCamera = (name) => String(name ?? "").startsWith("CAMERA:");

/** Whose file it is. */
export const fileOwner = (file) => (file.feed == null ? "Everyone, mixed" : shortName(file.publisher));

export const totalBytes = (recording) => recording.files.reduce((sum, file) => sum + file.bytes, 0);
export const longest = (recording) => recording.files.reduce((most, file) => Math.max(most, file.duration_ms), 0);

/** Why it ended early and what is kept of it; null when all is well. */
export function endWords(recording) {
  if (recording.state !== "failed") return null;
  const why = recording.detail ? `${capital(recording.detail).replace(/\.$/, "")}.` : `It ended because ${reasonWords(recording.reason)}.`;
  const kept = recording.files.filter((file) => file.bytes > 0 && file.duration_ms > 0);
  if (!kept.length) return `${why} Nothing was written.`;
  const files = kept.length === 1 ? "one file" : `${kept.length} files`;
  return `${why} Kept: ${files}, ${format.clock(longest(recording))} long, ${format.bytes(totalBytes(recording))}.`;
}

/** The same of one file. */
export function fileEndWords(file) {
  if (file.state !== "failed") return null;
  return file.detail ? `${capital(file.detail).replace(/\.$/, "")}.` : `Ended because ${reasonWords(file.reason)}.`;
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
