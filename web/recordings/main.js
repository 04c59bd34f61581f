// The page of all recordings: filters, and for each a way to its page, into the bin and out of it.

import { Api } from "../lib/api.js";
import { el, icon, onPress, part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { Fresh } from "../lib/fresh.js";
import { token } from "../lib/identity.js";
import { showList } from "../lib/list.js";
import { tellError } from "../lib/notify.js";
import { isOver, KINDS, kindOf, totalBytes } from "../lib/recording-words.js";
import { deleteWithUndo, purge, restore } from "./bin.js";
import { entry, latePoster } from "./entry.js";

const api = new Api(token("console"));
const filters = part("filters").elements;
let all = [];
let shown = "";

const deleted = () => filters.state.value === "deleted";
const refresh = () => fresh.now();

const STATES = {
  all: () => true,
  running: (one) => !isOver(one),
  ready: (one) => one.state === "ready",
  failed: (one) => one.state === "failed",
  deleted: () => true,
};

async function read() {
  const found = await api.recordings({ deleted: deleted() || undefined }).catch((error) => fail(error));
  if (!found) return;
  part("trouble").hidden = true;
  all = found;
  show();
}

function fail(error) {
  setText(part("trouble"), `${error.message}${error.status === 401 || error.status === 403 ? " Open the console to enter an access token." : ""}`);
  part("trouble").hidden = false;
}

// A server that does not know the bin answers with all recordings: only what says that it is deleted belongs there.
function wanted(one) {
  const room = filters.room.value;
  const kind = filters.kind.value;
  return Boolean(one.deleted_at) === deleted() && STATES[filters.state.value](one)
    && (!room || String(one.room) === room) && (!kind || kindOf(one) === kind);
}

function show() {
  offerRooms();
  const some = all.filter(wanted);
  if (shown === JSON.stringify(some)) return;
  shown = JSON.stringify(some);
  showList(part("recordings"), some, (one) => one.id, (one) => entry(api, one, { buttons: buttons(one) }), latePoster(api));
  setText(part("recording-count"), counted(some));
  part("recordings-empty").hidden = some.length > 0;
  setText(part("recordings-empty"), emptyWords());
}

function counted(some) {
  const size = format.bytes(some.reduce((sum, one) => sum + totalBytes(one), 0));
  return some.length === 1 ? `1 recording, ${size}` : `${some.length} recordings, ${size}`;
}

function emptyWords() {
  if (deleted()) return "The bin is empty.";
  return all.length ? "No recording is like that. Choose other filters." : "Nothing recorded yet. Press Record in a room of the console.";
}

function buttons(one) {
  if (one.deleted_at) {
    return [button("restore", "undo", "Restore", () => restore(api, one, refresh)), button("purge", "trash", "Delete for good", () => purge(api, one, refresh))];
  }
  return isOver(one) ? [button("delete", "trash", null, () => deleteWithUndo(api, one, refresh), "Delete this recording")] : [];
}

function button(name, picture, text, task, label) {
  const made = el("button", { class: text ? "" : "quiet square", "data-testid": name, "aria-label": label, title: label }, icon(picture), text);
  onPress(made, task, tellError);
  return made;
}

function offerRooms() {
  const rooms = [...new Set(all.map((one) => String(one.room)))].sort();
  const chosen = filters.room.value;
  if (chosen && !rooms.includes(chosen)) rooms.push(chosen);
  if (filters.room.options.length === rooms.length + 1) return;
  filters.room.replaceChildren(el("option", { value: "" }, "All rooms"), ...rooms.map((room) => el("option", { value: room, selected: room === chosen }, room)));
}

// Filters stand in the address: a list can be linked to.
function keepFilters() {
  const address = new URL(location.href);
  for (const name of ["room", "kind", "state"]) {
    if (filters[name].value && filters[name].value !== "all") address.searchParams.set(name, filters[name].value);
    else address.searchParams.delete(name);
  }
  history.replaceState(null, "", address);
}

function takeFilters() {
  const given = new URL(location.href).searchParams;
  filters.kind.append(...Object.entries(KINDS).map(([kind, [name]]) => el("option", { value: kind }, name)));
  if (given.get("room")) filters.room.append(el("option", { value: given.get("room") }, given.get("room")));
  for (const name of ["room", "kind", "state"]) {
    const value = given.get(name);
    if (value && [...filters[name].options].some((one) => one.value === value)) filters[name].value = value;
  }
}

takeFilters();
const fresh = new Fresh(api, { read, busy: () => all.some((one) => !isOver(one)) });
part("filters").addEventListener("change", () => {
  keepFilters();
  show();
  refresh();
});
