// How well pictures come and go: bars on the tiles, figures in the panel.

import { el, part } from "../lib/dom.js";
import { measure } from "./quality.js";

/** Measures and shows it, while one is in the meeting. */
export async function showQuality(session, people, tiles) {
  if (!session) return;
  const measured = await measure(session);
  const rows = measured.map(({ own, producerId, text }) => [own ? "You send" : people.owner(producerId)?.name ?? "–", text]);
  part("figures").replaceChildren(...rows.flatMap(([name, text]) => [el("dt", {}, name), el("dd", { class: "number" }, text)]));
  for (const one of measured) tiles.quality(keyOf(one, session, people), one.bars, `${one.words} ${one.text}`);
}

function keyOf({ own, producerId }, session, people) {
  if (own) return session.sending.producers.get("screen")?.id === producerId ? "self-screen" : "self";
  const owner = people.owner(producerId);
  return owner?.media.get(producerId)?.source === "camera" ? owner.id : producerId;
}
