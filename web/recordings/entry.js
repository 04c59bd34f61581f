// One recording in a list: poster, room, when, state, how long and large. Used by the console and by the list page.

import { el, icon } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { endWords, fileOwner, isOver, kindOf, kindWords, longest, stateWords, totalBytes } from "../lib/recording-words.js";

const KIND_ICONS = { individual: "camera", composed: "film", audio: "sound" };

export const pageOf = (recording) => `/recordings/${encodeURIComponent(recording.id)}`;

/** `buttons` are put beside the state, `more` below; `target` is where links open (a console must stay in its room). */
export function entry(api, recording, { buttons = [], more = [], target } = {}) {
  const failed = endWords(recording);
  return el("li", { "data-testid": "recording", "data-recording": recording.id, "data-state": recording.state },
    el("div", { class: "recording-head" },
      el("a", { class: "poster", href: pageOf(recording), target, tabindex: "-1", "aria-hidden": "true", "data-poster": posterOf(recording) }, picture(api, recording)),
      el("div", { class: "when" },
        el("a", { class: "title", href: pageOf(recording), target, "data-testid": "open-recording" }, `Room ${recording.room}`),
        el("div", { class: "muted small" }, format.moment(recording.started_at)),
        el("div", { class: "muted small number" }, summary(recording)),
        badge(recording)),
      ...buttons),
    failed && el("p", { class: "small", "data-testid": "why" }, failed),
    ...more);
}

const posterOf = ({ thumbnails }) => thumbnails?.poster ?? "";

/** The poster comes seconds after the rest, perhaps while somebody presses a button: it alone is put in (`showList`). */
export const latePoster = (api) => ({
  without: ({ thumbnails, ...rest }) => rest,
  update(element, recording) {
    const link = element.querySelector(".poster");
    if (link.dataset.poster === posterOf(recording)) return;
    link.dataset.poster = posterOf(recording);
    link.replaceChildren(picture(api, recording));
  },
});

/** A state as a badge. */
export function badge(recording) {
  const [tone, text] = stateWords(recording.state);
  return el("span", { class: "badge", "data-tone": tone, "data-testid": "state" }, text);
}

function picture(api, recording) {
  const { thumbnails } = recording;
  if (!thumbnails) return icon(KIND_ICONS[kindOf(recording)] ?? "film");
  const image = el("img", { src: api.fileUrl(recording.id, thumbnails.poster), alt: "", loading: "lazy" });
  image.addEventListener("error", () => image.replaceWith(icon("film")));
  return image;
}

/** `Each sender by itself · 3 files · 5:00 · 12.3 MB`. */
export function summary(recording) {
  const { files } = recording;
  const count = files.length === 1 ? fileOwner(files[0]) : `${files.length} files`;
  const facts = [kindWords(recording), files.length ? count : null, isOver(recording) ? format.clock(longest(recording)) : null,
    files.length ? format.bytes(totalBytes(recording)).replace(" ", "\u00a0") : null];
  return facts.filter(Boolean).join("\u00a0· ");
}
