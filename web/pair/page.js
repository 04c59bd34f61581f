// What the sender's and the viewer's page share: where they are, and how a state looks. Decides nothing.

import { part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { log } from "../lib/notify.js";

const TONES = { INIT: "wait", WAITING: "wait", ACTIVE: "live", ERROR: "bad" };

/** The room of this page's address. */
export const room = decodeURIComponent(location.pathname.split("/")[2] ?? "");

/** `server` when the room's media goes through it. */
export const via = () => (new URL(location.href).searchParams.get("via") === "server" ? "server" : null);

/** The address of the viewer's page. Its token is the viewer's own: none goes with the link. */
export const viewerLink = () => `${location.origin}/viewer/${encodeURIComponent(room)}${via() ? "?via=server" : ""}`;

/** Shows a state with its words. */
export function showState(state, headline, detail) {
  part("lens").dataset.state = state;
  part("badge").dataset.tone = TONES[state];
  setText(part("badge"), state);
  setText(part("headline"), headline);
  setText(part("detail"), detail);
  part("retry").hidden = state !== "ERROR";
  part("figures").hidden = state !== "ACTIVE";
  document.title = `${state === "ACTIVE" ? "● " : ""}${headline} · Millrace`;
  log(detail ? `${headline}: ${detail}` : headline, state === "ERROR" ? "error" : "info");
}

/** Shows what a peer carries; nothing without one. */
export async function showFigures(meter) {
  const { bitrate, width, height, fps, rtt } = (await meter?.read()) ?? {};
  setText(part("bitrate"), format.bitrate(bitrate));
  setText(part("resolution"), format.resolution(width, height));
  setText(part("fps"), format.rate(fps));
  setText(part("rtt"), format.roundTrip(rtt));
}

/** The form for a token, when the server asks for one. */
export function askForToken(status) {
  part("token-form").hidden = status !== 401;
}

/** Runs what is asked one after the other: an answer never overtakes its offer. */
export function inTurn(failed) {
  let last = Promise.resolve();
  return (task) => (last = last.then(task).catch(failed));
}
