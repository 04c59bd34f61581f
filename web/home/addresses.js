// Addresses for programs: WHIP, WHEP, RTSP.

import { el, icon, part } from "../lib/dom.js";
import { tell } from "../lib/notify.js";

/** `rtspPort`: `null` while it is not known or RTSP is off. */
export function showAddresses(rtspPort) {
  const { origin, hostname } = location;
  const all = [["WHIP", origin, "/whip/ROOM"], ["WHEP", origin, "/whep/ROOM"]];
  if (rtspPort) all.push(["RTSP", `rtsp://${hostname}:${rtspPort}`, "/ROOM/FEED"]);
  part("addresses").replaceChildren(...all.map(([name, server, path]) => el("div", {},
    el("dt", {}, name), el("dd", {}, el("code", { "data-testid": `address-${name.toLowerCase()}` }, server, el("wbr"), path)),
    el("button", { class: "quiet", "aria-label": `Copy the ${name} address`, title: "Copy", onclick: () => copy(server + path) }, icon("copy")))));
}

async function copy(address) {
  await navigator.clipboard.writeText(address).then(() => tell("Address copied."), () => tell(`Copy this address: ${address}`));
}
