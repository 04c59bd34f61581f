// Draws the lanes under the timeline: a row for each who sent. What is drawn is also said, for those who do not see it.

import { el, part } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { gapWords, lanesOf } from "./people.js";
import { percent } from "./timeline.js";

const LEGEND = { there: "in the room", sent: "recorded", spoke: "spoke", gap: "missing", paused: "paused" };

/** Draws the lanes; a press on one goes there by `seek(place)`. */
export function drawLanes(recording, axis, seek) {
  const { whole, senders, watchers } = lanesOf(recording, axis);
  const lanes = senders.map((one) => lane(one.name, axis, marksOf(one), words(one), seek));
  if (watchers.length) lanes.push(watching(watchers, axis, seek));
  if (whole.paused.length || whole.layouts.length || whole.mixSpoke.length) lanes.unshift(recordingLane(whole, axis, seek));
  part("lanes").replaceChildren(...lanes);
  const used = Object.entries(LEGEND).filter(([kind]) => part("lanes").querySelector(`.mark.${kind}`));
  part("legend").replaceChildren(...used.map(([kind, text]) => el("li", {}, el("i", { class: `mark ${kind}` }), text)));
}

const marks = (kind, spans) => spans.map(([from, to]) => ({ kind, from, to }));

const marksOf = (one) => [...marks("there", one.there), ...marks("sent", one.sent), ...marks("spoke", one.spoke),
  ...one.gaps.map((gap) => ({ kind: gap.why === "paused" ? "paused" : "gap", ...gap, title: `Missing: ${format.clock(gap.to - gap.from)}, ${gapWords(gap.why)}` }))];

function recordingLane({ paused, layouts, mixSpoke }, axis, seek) {
  const all = [...marks("spoke", mixSpoke), ...marks("paused", paused),
    ...layouts.map(({ at, name }) => ({ kind: "point", from: at, to: at, title: `Layout: ${name}` }))];
  const said = [...paused.map(([from, to]) => `paused ${range(from, to)}`), ...layouts.map(({ at, name }) => `layout ${name} from ${format.clock(at)}`),
    mixSpoke.length ? `somebody spoke for ${format.clock(total(mixSpoke))}` : null];
  return lane("Recording", axis, all, said.filter(Boolean).join("; "), seek);
}

function watching(people, axis, seek) {
  const name = people.length === 1 ? "1 watching" : `${people.length} watching`;
  const said = people.map((one) => `${one.name}: ${words(one)}`).join(". ");
  return lane(name, axis, people.flatMap((one) => marks("there", one.there)), said, seek);
}

function lane(name, axis, all, said, seek) {
  const track = el("div", { class: "lane-track", "aria-hidden": "true", title: said }, ...all.map((mark) => drawn(mark, axis.length)));
  track.addEventListener("click", ({ clientX }) => {
    const { left, width } = track.getBoundingClientRect();
    seek(((clientX - left) / width) * axis.length);
  });
  return el("div", { class: "lane", role: "listitem", "data-testid": "lane", "data-name": name },
    el("span", { class: "lane-name", title: name }, name), track, el("span", { class: "visually-hidden" }, `: ${said}`));
}

function drawn({ kind, from, to, title }, length) {
  return el("i", { class: `mark ${kind}`, title, style: `left:${percent(from, length)};width:${percent(Math.max(0, to - from), length)}` });
}

const total = (spans) => spans.reduce((sum, [from, to]) => sum + to - from, 0);
const range = (from, to) => `${format.clock(from)} to ${format.clock(to)}`;
const ranges = (spans) => spans.map(([from, to]) => range(from, to)).join(", ");

function words({ there, sent, spoke, gaps }) {
  const said = [there.length ? `in the room ${ranges(there)}` : null, sent.length ? `recorded ${ranges(sent)}` : null,
    spoke.length ? `spoke for ${format.clock(total(spoke))}` : null,
    ...gaps.map((gap) => `missing ${range(gap.from, gap.to)}: ${gapWords(gap.why)}`)];
  return said.filter(Boolean).join("; ");
}
