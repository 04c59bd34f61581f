// Lists of devices to choose from, and the buttons that turn a device off and on.

import { el, face, part } from "./dom.js";

/** Fills one of the lists of devices. */
export async function showOptions(media, name, kind) {
  const options = await media.options(kind);
  const current = media.track(kind)?.getSettings().deviceId ?? media.choice(kind);
  part(name).replaceChildren(...options.map(({ value, text }) => el("option", { value, selected: value === current }, text)));
}

/** A button as its track stands; `words` and `icon` are the device's. */
export function showToggle(name, track, words, icon) {
  const off = track?.enabled !== true;
  part(name).disabled = !track;
  part(name).setAttribute("aria-pressed", String(off));
  face(part(name), off ? `${icon}-off` : icon, track ? `Turn the ${words} ${off ? "on" : "off"}` : `No ${words}`);
}
