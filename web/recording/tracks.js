// The list of tracks: who can be played, what each file is, downloads, and where its copies are.

import { el, icon, part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { showList } from "../lib/list.js";
import { codecWords, fileEndWords, isOver } from "../lib/recording-words.js";
import { playable } from "./session.js";

const UPLOADS = { waiting: ["wait", "waits"], sending: ["wait", "being sent"], done: ["good", "verified"], failed: ["bad", "failed"] };

/** Shows the tracks; `choose(track, file)` plays one. */
export function showTracks(api, recording, tracks, choose) {
  setText(part("track-count"), String(tracks.length));
  showList(part("tracks"), tracks, (track) => track.key, (track) => row(api, recording, track, choose));
}

/** Marks the one that plays. */
export function markTrack(track, file) {
  for (const button of part("tracks").querySelectorAll("[data-testid=track]")) {
    button.setAttribute("aria-pressed", String(button.dataset.track === track?.key));
  }
  for (const one of part("tracks").querySelectorAll("[data-testid=file]")) one.toggleAttribute("data-playing", one.dataset.file === file?.name);
}

function row(api, recording, track, choose) {
  const can = track.segments.some(playable);
  const button = el("button", { class: "track", "data-testid": "track", "data-track": track.key, "aria-pressed": "false", disabled: !can,
    onclick: () => choose(track) }, icon(can ? "play" : "close"), el("span", {}, track.name));
  const parts = track.segments.length > 1 ? el("span", { class: "muted small" }, `${track.segments.length} parts`) : null;
  return el("li", { "data-testid": "track-row" }, el("div", { class: "track-head" }, button, parts),
    ...track.segments.map((file) => segment(api, recording, track, file, choose)));
}

function segment(api, recording, track, file, choose) {
  const failed = fileEndWords(file);
  const several = track.segments.length > 1;
  return el("div", { class: "file", "data-testid": "file", "data-file": file.name, "data-state": file.state },
    el("div", { class: "file-line" },
      several ? el("button", { class: "quiet small-button", disabled: !playable(file), "data-testid": "play-segment",
        "aria-label": `Play part ${file.segment} of ${track.name}`, onclick: () => choose(track, file) }, `Part ${file.segment}`) : null,
      el("span", { class: "muted small number" }, facts(file)), download(api, recording, file)),
    failed && el("p", { class: "small" }, failed),
    ...(file.uploads ?? []).map(upload));
}

function facts(file) {
  const size = format.bytes(file.bytes);
  if (!isOver(file)) return `being written… ${size}`;
  return [format.clock(file.duration_ms), size, file.codecs.map(codecWords).join(" + ")].filter(Boolean).join(" · ");
}

function download(api, recording, file) {
  if (!isOver(file) || !file.bytes) return null;
  const label = `Download ${file.name}`;
  return el("a", { class: "button quiet square", "data-testid": "download", href: api.fileUrl(recording.id, file.name, { download: 1 }),
    download: `${recording.id}-${file.name}`, "aria-label": label, title: label }, icon("download"));
}

function upload(one) {
  const [tone, text] = UPLOADS[one.state] ?? ["wait", one.state];
  const where = one.destination === "backup" ? "Backup" : "Copy";
  const state = one.state === "sending" ? `${text}, ${format.bytes(one.sent_bytes)} so far` : text;
  return el("p", { class: "upload small", "data-testid": "upload", "data-state": one.state },
    icon("cloud"), el("span", { title: one.url }, `${where}: `), el("span", { class: "badge", "data-tone": tone }, state),
    one.error ? el("span", { class: "muted" }, ` ${one.error}${one.attempts > 1 ? ` (${one.attempts} attempts)` : ""}`) : null,
    one.local_removed ? el("span", { class: "muted" }, " The local file was removed.") : null);
}
