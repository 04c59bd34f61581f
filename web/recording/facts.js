// What was measured, in words that people understand: one column of the table for each file.

import { el, part } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { codecWords, fileOwner } from "../lib/recording-words.js";
import { gapWords } from "./people.js";

const HARDLY_SEEN_MS = 40;
const SEEN_BY_ALL_MS = 125;
const HARDLY_DRIFT_PPM = 100;

const ROWS = [
  ["Length", (file) => format.clock(file.duration_ms)],
  ["Size", (file) => format.bytes(file.bytes)],
  ["Began", (file) => (file.started_at ? new Date(file.started_at).toLocaleTimeString([], { timeStyle: "medium" }) : "–")],
  ["Codecs", (file) => file.codecs.map(codecWords).join(" + ") || "–"],
  ["Picture", (file) => format.resolution(file.width, file.height)],
  ["Pictures a second", (file, { framerate }) => (framerate > 0 ? framerate.toFixed(1) : "–")],
  ["Bit rate", (file, { bitrate }) => format.bitrate(bitrate || average(file))],
  ["Sound and picture, start", (file, { offset_start_ms }) => offsetWords(offset_start_ms)],
  ["Sound and picture, end", (file, { offset_end_ms }) => offsetWords(offset_end_ms)],
  ["Clocks", (file, { drift_ppm }) => driftWords(drift_ppm)],
  ["Missing", (file, facts) => (isMeasured(facts) ? missingWords(facts.gaps) : "–")],
  ["Lost on the way", (file, facts) => (isMeasured(facts) ? lostWords(facts.packets_lost) : "–")],
  ["Spoke", (file, { speech = [] }) => (speech.length ? format.clock(speech.reduce((sum, [from, to]) => sum + to - from, 0)) : "–")],
];

/** Shows the table. */
export function showFacts(recording) {
  const { files } = recording;
  const head = el("tr", {}, el("td", {}), ...files.map((file) => el("th", { scope: "col" }, fileOwner(file), file.segment > 1 ? `, part ${file.segment}` : "")));
  const rows = ROWS.map(([name, value]) => el("tr", { "data-testid": "fact", "data-fact": name },
    el("th", { scope: "row" }, name), ...files.map((file) => el("td", { class: "number" }, value(file, file.facts ?? {})))));
  part("facts").replaceChildren(files.length
    ? el("table", {}, el("caption", { class: "visually-hidden" }, "What was measured in each file"), el("thead", {}, head), el("tbody", {}, ...rows))
    : el("p", { class: "empty" }, "No file has been written."));
}

// Nothing is claimed of a file that still runs, or that an older server wrote.
const isMeasured = ({ bitrate, pictures, gaps }) => bitrate > 0 || pictures > 0 || gaps?.length > 0;
const lostWords = (packets) => (packets === 1 ? "1 packet" : packets ? `${packets} packets` : "nothing");
const average = (file) => (file.duration_ms > 0 && file.bytes > 0 ? (file.bytes * 8000) / file.duration_ms : null);

/** `in step (sound 12 ms late)`. */
export function offsetWords(ms) {
  if (ms == null) return "–";
  const size = Math.abs(Math.round(ms));
  const how = size === 0 ? "exactly" : `sound ${size} ms ${ms > 0 ? "late" : "early"}`;
  if (size <= HARDLY_SEEN_MS) return `in step (${how})`;
  return size <= SEEN_BY_ALL_MS ? `slightly off (${how})` : `out of step (${how})`;
}

function driftWords(ppm) {
  if (ppm == null) return "–";
  const perHour = Math.round(Math.abs(ppm) * 3.6);
  return Math.abs(ppm) < HARDLY_DRIFT_PPM ? `agree (${perHour} ms an hour apart)` : `drift ${perHour} ms an hour apart`;
}

function missingWords(gaps) {
  const lost = gaps.filter((gap) => gap.why !== "paused");
  const pausedMs = gaps.reduce((sum, gap) => sum + (gap.why === "paused" ? gap.length_ms : 0), 0);
  const words = lost.slice(0, 5).map((gap) => `${seconds(gap.length_ms)} ${gap.at_ms ? `at ${format.clock(gap.at_ms)}` : "before it"} (${gapWords(gap.why)})`);
  if (lost.length > 5) words.push(`${lost.length - 5} more`);
  if (pausedMs) words.push(`paused for ${seconds(pausedMs)}`);
  return words.join("; ") || "nothing";
}

const seconds = (ms) => (ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : format.clock(ms));
