// The one sentence at the top, from all that was found and judged. Pure.

/** `{tone, words}`. `all` has `{found, tone, todo}` for each check. */
export function summary(all) {
  const tone = (id) => all[id]?.tone;
  if (tone("http") === "bad") return result("bad", `The server cannot be used: ${all.http.todo}`);
  if (tone("browser") === "bad") return result("bad", `Live video does not work in this browser here. ${all.browser.todo}`);
  if (all.udp?.found.needsToken) return withoutToken(all);
  const way = ["udp", "tcp", "relay"].find((id) => tone(id) === "good");
  if (!way) return nothingThrough(all);
  return way === "udp" ? withRemarks(all) : result(worse("warn", devices(all).tone), `${DETOUR[way](all)}${also(all)}`);
}

const result = (tone, words) => ({ tone, words });
const worse = (one, other) => (one === "bad" || other === "bad" ? "bad" : one);

function withoutToken(all) {
  const rest = ["camera", "microphone"].filter((id) => all[id].tone !== "good");
  const lead = rest.length ? `There is trouble with the ${rest.join(" and the ")}` : "Browser, camera and microphone work and the server answers";
  return result(devices(all).tone === "bad" ? "bad" : "warn", `${lead}; whether media gets through was not tried: that needs a token. Enter one above and check again.`);
}

const DETOUR = {
  tcp: ({ udp }) => `Media gets through, but only over TCP: your network blocks UDP to this server. Calls will have more delay.${ask(udp)}`,
  relay: ({ udp }) => `Media gets through, but only by the TURN server: your network blocks the way to this server's media port. Calls will have more delay.${ask(udp)}`,
};

const ask = ({ found }) => (found.port ? ` Ask the network's administrator to open UDP port ${found.port} to ${found.host}.` : "");

// Refusals are the server's; else the network's.
function nothingThrough(all) {
  const { udp, tcp, relay } = all;
  const refused = [udp, tcp, relay].find(({ found }) => found.status || found.error === "unreachable" || found.broken);
  if (refused) return result("bad", `Media could not be tried to the end. ${refused.words} ${refused.todo}`);
  const ports = [udp.found.port && `UDP port ${udp.found.port}`, tcp.found.port && `TCP port ${tcp.found.port}`].filter(Boolean);
  const open = ports.length ? ` Ask the network's administrator to open ${ports.join(" or ")} to ${udp.found.host}.` : "";
  return result("bad", `Media does not get through, neither directly nor by a detour.${open}${also(all)}`);
}

function devices(all) {
  const failed = ["camera", "microphone"].filter((id) => all[id].tone === "bad" || all[id].tone === "warn");
  return { failed, tone: failed.some((id) => all[id].tone === "bad") ? "bad" : "warn" };
}

function also(all) {
  const { failed } = devices(all);
  return failed.length ? ` There is trouble with the ${failed.join(" and the ")} too: see below.` : "";
}

const NAMES = { socket: "the WebSocket", stun: "STUN", turnUdp: "TURN over UDP", turnTcp: "TURN over TCP", turnTls: "TURN over TLS", tcp: "media over TCP", relay: "media by TURN", speed: "the bandwidth", line: "the line's quality", http: "the way to the server" };

// Media flows over UDP; what else is amiss is named.
function withRemarks(all) {
  const { failed, tone } = devices(all);
  if (failed.length) {
    return result(tone, `The connection works, but there is trouble with the ${failed.join(" and the ")}. ${all[failed[0]].todo}`);
  }
  const amiss = Object.keys(NAMES).filter((id) => ["bad", "warn"].includes(all[id]?.tone));
  if (!amiss.length) return result("good", "Everything works: camera, microphone, and media in both directions.");
  const heavy = ["socket", "speed", "line"].some((id) => all[id]?.tone === "bad");
  return result(heavy ? "bad" : "warn", `Media gets through in both directions; see below about ${amiss.map((id) => NAMES[id]).join(", ")}.`);
}
