// Copying for the visitor. Browsers give the clipboard to HTTPS pages only; elsewhere an older way mostly helps.

import { tell } from "./notify.js";

/** Copies `text`, which `place` (a field, or an element with this text) shows, and says so; else it is left selected. */
export async function copy(text, place, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    select(place);
    if (!document.execCommand("copy")) return tell(`${what} is selected: copy it by hand.`, "warn");
  }
  tell(`${what} is copied.`);
}

function select(place) {
  place.hidden = false;
  place.focus?.({ preventScroll: true });
  if (place.select) place.select();
  else getSelection().selectAllChildren(place);
}
