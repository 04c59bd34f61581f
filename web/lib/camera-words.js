// Cameras and other sources in words: states, what the stream is, why it does not come and what to do. Tables, no page.

import * as format from "./format.js";
import { capital } from "./recording-words.js";

const STATES = {
  connecting: ["wait", "connecting"],
  live: ["live", "live"],
  waiting: ["bad", "no signal"],
  idle: ["", "idle"],
  ended: ["", "ended"],
};

// What happened, and what a person can do about it.
const REASONS = {
  unreachable: ["does not answer", "Check the address and the port, and that the camera is on and in the same network."],
  forbidden: ["may not be opened", "The server's settings do not allow this address ([reach] in millrace.toml)."],
  credentials: ["refuses user or password", "Enter the user and password that the camera asks for."],
  not_found: ["has no such stream", "Check what follows the host in the address: the camera's manual names its streams."],
  certificate: ["has a certificate that is not trusted", "Enter the fingerprint of its certificate, or give it one that the server trusts."],
  silent: ["sends nothing any more", "Check the camera and its network."],
  closed: ["closed the connection", "It may serve a limited number of viewers, or be starting anew."],
  unsupported: ["sends nothing that can be used", "Set the camera to H.264, and its sound to AAC or G.711."],
  failed: ["failed", "See the server's log for details."],
};

const CODECS = { H264: "H264", H265: "H265", JPEG: "MJPEG", OPUS: "Opus" };
const codec = (encoding) => CODECS[encoding] ?? encoding;

/** A text of the server as a sentence. */
export const sentence = (text) => `${capital(String(text).trim().replace(/[.\s]+$/, ""))}.`;

/** Tone and text of a state. */
export const stateWords = (state) => STATES[state] ?? ["wait", String(state)];

/** What a stream is: `H264 1920×1080, 25 fps, 4.10 Mbit/s, keyframe every 2 s · PCMA → Opus: …`. */
export const streamWords = (tracks) => [...tracks].sort((a, b) => hasPicture(b) - hasPicture(a)).map(trackWords).join(" · ");

const hasPicture = ({ width }) => (width ? 1 : 0);

function trackWords({ encoding, passthrough, why, width, height, framerate, bitrate, keyframe_interval_ms: keyframes }) {
  const size = width && height ? ` ${format.resolution(width, height)}` : "";
  const figures = [framerate >= 0.5 ? format.rate(framerate) : null, bitrate ? format.bitrate(bitrate) : null,
    keyframes ? `keyframe every ${seconds(keyframes)}` : null];
  const changed = passthrough ? "" : why ? ` (${why})` : " (transcoded)";
  return [`${codec(encoding)}${size}`, ...figures].filter(Boolean).join(", ") + changed;
}

const seconds = (ms) => `${Math.round(ms / 100) / 10} s`;

/** Why the pictures are not forwarded as they come; null when they are. */
export function transcodeWords(tracks) {
  const changed = tracks.find((one) => !one.passthrough && one.width);
  return changed ? changed.why ?? `${codec(changed.encoding)} is transcoded` : null;
}

/** What went wrong, `{what, todo}`: the server's own words say most about this one. */
export function troubleWords({ reason, detail }) {
  const [what, todo] = REASONS[reason] ?? [String(reason).replaceAll("_", " "), ""];
  return { what: `It ${what}`, todo: detail ? sentence(detail) : todo };
}

/** The line under a camera that is not live; empty when there is nothing to explain. */
export function explain({ state, trouble, next_try_at: next }, now = Date.now()) {
  if (state === "idle") return "Opens for the first viewer.";
  if (state === "ended") return "It came to its end.";
  if (state === "connecting") return trouble ? "Trying again…" : "Being opened…";
  if (state !== "waiting") return "";
  return `${trouble ? troubleWords(trouble).what : "Nothing comes from it"}. ${tryWords(next, now)}`.trim();
}

/** When it is tried again, in words. */
export function tryWords(next, now = Date.now()) {
  if (!next) return "";
  const left = Math.ceil((new Date(next) - now) / 1000);
  return left > 0 ? `Next try in ${left} s.` : "Trying again…";
}
