// Saves what the server makes on demand (a snapshot, a clip), or says in its words why it cannot be had.

import { answered } from "./api.js";
import { el } from "./dom.js";

const KEPT_MS = 60_000;
const ENDINGS = { "image/jpeg": "jpg", "video/webm": "webm", "audio/webm": "webm", "video/mp4": "mp4", "audio/mp4": "m4a",
  "video/x-matroska": "mkv", "audio/x-matroska": "mka", "audio/ogg": "ogg" };

/** Fetches `address` and hands it to the visitor under `stem` and the ending that its type has. Returns its size. */
export async function save(address, stem) {
  const response = await answered(address);
  const type = (response.headers.get("content-type") ?? "").split(";")[0];
  const blob = await response.blob();
  const url = URL.createObjectURL(blob);
  const ending = ENDINGS[type] ?? "bin";
  el("a", { href: url, download: `${stem.replace(/[^\w.-]+/g, "_")}.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
  return blob.size;
}

/** A moment in a file's name: `2026-11-21_10-45-07`. */
export function stamp(at = new Date()) {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace("T", "_").replaceAll(":", "-");
}
