// The rooms, each with what is in it and ways to it.

import { el, part, setText } from "../lib/dom.js";
import { showList } from "../lib/list.js";
import { plural } from "./words.js";

/** All rooms, as the API lists them: those with live streams first. */
export function showRooms(rooms) {
  const entries = rooms.map(entry).sort((a, b) => b.live - a.live || b.people - a.people);
  showList(part("rooms"), entries, ({ id }) => id, render);
  part("room-count").hidden = false;
  setText(part("room-count"), String(entries.length));
  part("rooms-empty").hidden = entries.length > 0;
  setText(part("rooms-empty"), "No room is open. One is made as soon as somebody calls, sends or presses “Create room” in the console.");
}

/** Where they may not be seen: their number alone. */
export function hideRooms(count) {
  showList(part("rooms"), [], String, render);
  part("room-count").hidden = part("rooms-empty").hidden = false;
  setText(part("room-count"), String(count));
  setText(part("rooms-empty"), count ? `${plural(count, "room is", "rooms are")} open. Which ones, only a token shows.` : "No room is open.");
}

const entry = ({ id, participants, feeds, recordings }) => ({
  id: String(id),
  people: participants.length,
  live: feeds.filter(({ live }) => live).length,
  recorded: recordings.length > 0,
});

function render({ id, people, live, recorded }) {
  const facts = [plural(people, "participant"), live ? `${plural(live, "stream")} live` : "nothing live"];
  const path = encodeURIComponent(id);
  return el("li", { "data-testid": "room" },
    el("div", { class: "who" }, el("strong", {}, `Room ${id}`), el("span", { class: "muted small" }, facts.join(", "))),
    recorded ? el("span", { class: "badge", "data-tone": "live" }, "Recording") : null,
    live ? el("a", { class: "button", href: `/watch/${path}`, "aria-label": `Watch room ${id}` }, "Watch") : null,
    el("a", { class: "button", href: `/console?room=${path}`, "aria-label": `Open room ${id} in the console` }, "Open"));
}
