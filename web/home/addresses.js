// Addresses for programs: WHIP, WHEP, RTSP.

import { copy } from "../lib/copy.js";
import { el, icon, part } from "../lib/dom.js";

/** `rtspPort`: `null` while it is not known or RTSP is off. */
export function showAddresses(rtspPort) {
  const { origin, hostname } = location;
  const all = [["WHIP", origin, "/whip/ROOM"], ["WHEP", origin, "/whep/ROOM"]];
  if (rtspPort) all.push(["RTSP", `rtsp://${hostname}:${rtspPort}`, "/ROOM/FEED"]);
  part("addresses").replaceChildren(...all.map(([name, server, path]) => el("div", {},
    el("dt", {}, name), el("dd", {}, el("code", { "data-testid": `address-${name.toLowerCase()}` }, server, el("wbr"), path)),
    el("button", { class: "quiet", "aria-label": `Copy the ${name} address`, title: "Copy", onclick: () => copy(server + path, part(`address-${name.toLowerCase()}`), `The ${name} address`) }, icon("copy")))));
}
