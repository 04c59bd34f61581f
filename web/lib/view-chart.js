// Geometry of the chart of a subscription: estimate and sent bit rate as lines, renditions as bands below. Pure: samples
// → places in pixels and words. What it looks like is the drawing's business.

import { kbpsWords, renditionWords, spanWords } from "./view-words.js";

const SPAN_MS = 120_000;
/** A line is broken where samples are missing for longer. */
const HOLE_MS = 3500;
const MARGIN = { left: 46, right: 8, top: 20, bottom: 62 };
const BAND = { height: 20, gap: 10 };
const TIMES = [120, 90, 60, 30, 0];

/** Samples as `{at, estimate, sent, rendition}`, `at` in milliseconds before the newest (0 or less). */
export function readings(samples) {
  const newest = samples.length ? new Date(samples.at(-1).at).getTime() : 0;
  const all = samples.map((one) => ({ at: new Date(one.at).getTime() - newest, estimate: one.estimate_kbps, sent: one.sent_kbps, rendition: one.rendition }));
  return all.filter((one) => one.at >= -SPAN_MS);
}

/** Top of the axis. An estimate far above what is sent says “plenty”, and must not press what is sent to the ground. */
export function topOf(all) {
  const sent = Math.max(0, ...all.map((one) => one.sent));
  const estimate = Math.max(0, ...all.map((one) => one.estimate ?? 0));
  return nice(Math.max(100, sent * 1.1, Math.min(estimate * 1.05, sent * 3)));
}

/** The next round number, whose half is round as well. */
export function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.5, 2, 3, 4, 5, 6, 8].find((step) => step * power >= value - 1e-9) ?? 10) * power;
}

/** Runs of the same rendition: `[{name, from, to}]`, in milliseconds as `readings`. */
export function runs(all) {
  const found = [];
  for (const { at, rendition } of all) {
    const last = found.at(-1);
    if (last?.name === rendition && at - last.to <= HOLE_MS) last.to = at;
    else {
      // A second belongs to the rendition that it began with.
      if (last && at - last.to <= HOLE_MS) last.to = at;
      found.push({ name: rendition, from: at, to: at });
    }
  }
  return found;
}

/** All places, in pixels of a drawing of this size. `ranks` are the renditions' names, best first. */
export function geometry(samples, ranks, { width, height }) {
  const all = readings(samples);
  const top = topOf(all);
  const [left, right, ground] = [MARGIN.left, width - MARGIN.right, height - MARGIN.bottom];
  const x = (at) => round(right + (at / SPAN_MS) * (right - left));
  const y = (kbps) => round(ground - (Math.min(kbps, top) / top) * (ground - MARGIN.top));
  const bandTop = ground + BAND.gap;
  return {
    left, right, ground, top,
    steps: [0, 0.5, 1].map((part) => ({ y: y(top * part), label: String(Math.round(top * part)) })),
    times: TIMES.map((seconds) => ({ x: x(-seconds * 1000), label: timeLabel(seconds), y: bandTop + BAND.height + 18 })),
    estimate: line(all, (one) => one.estimate, x, y),
    sent: line(all, (one) => one.sent, x, y),
    above: all.some((one) => (one.estimate ?? 0) > top),
    bands: runs(all).map((run) => ({ ...band(run, ranks, x), y: bandTop, height: BAND.height })),
  };
}

const timeLabel = (seconds) => (seconds === 0 ? "now" : `${seconds} s`);
const round = (value) => Math.round(value * 10) / 10;

function band({ name, from, to }, ranks, x) {
  const width = Math.max(2, x(to) - x(from));
  const words = renditionWords(name);
  // Text stands in a band only if it fits: about 7 pixels a letter.
  return { x: x(from), width, name, rank: rankOf(name, ranks), label: width > words.length * 7 + 8 ? words : "" };
}

/** Which colour: `sound`, `nothing`, or the place among the pictures, 0 the best, at most 3. */
export function rankOf(name, ranks) {
  if (name === "sound" || name === "nothing") return name;
  const place = ranks.indexOf(name);
  return String(Math.min(3, place < 0 ? 3 : place));
}

// An SVG path; broken where nothing is known.
function line(all, value, x, y) {
  let path = "";
  let before = null;
  for (const one of all) {
    const kbps = value(one);
    if (kbps == null) {
      before = null;
      continue;
    }
    path += `${before !== null && one.at - before <= HOLE_MS ? "L" : "M"}${x(one.at)} ${y(kbps)}`;
    before = one.at;
  }
  return path;
}

/** The chart in words, for who does not see it. */
export function chartWords(samples) {
  const all = readings(samples);
  if (all.length < 2) return "There are no figures yet; they come second by second.";
  const sent = all.map((one) => one.sent);
  const estimates = all.map((one) => one.estimate).filter((one) => one != null);
  const lengths = runs(all).map(({ name, from, to }) => `${renditionWords(name)} for ${spanWords(to - from)}`);
  const line = estimates.length ? `The line was estimated at ${range(estimates)}, now ${kbpsWords(estimates.at(-1))}.` : "The line was not measured.";
  return `In the last ${spanWords(-all[0].at)}: ${lengths.join(", then ")}. ${line} Sent were ${range(sent)}, now ${kbpsWords(sent.at(-1))}.`;
}

function range(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return kbpsWords(low) === kbpsWords(high) ? kbpsWords(low) : `${kbpsWords(low)} to ${kbpsWords(high)}`;
}
