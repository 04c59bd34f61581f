// What was found, in words: each check's tone, what it means and what to do. Pure: nothing is tried here.
// Tones: `good`, `warn` (works, but), `bad` (does not work), `none` (not there, or left out).

const say = (tone) => (words, todo = "") => ({ tone, words, todo });
const [good, warn, bad, none] = ["good", "warn", "bad", "none"].map(say);
const NO_TOKEN = "This needs a token, and the page has none.";
const ASK_TOKEN = "Ask the operator for a token (millrace token --role admin) and enter it above.";
const SKIPPED = {
  server: "Left out: the server cannot be reached.",
  browser: "Left out: this browser cannot connect.",
  relay: "Left out: no TURN server gave a relay.",
  media: "Left out: no media got through.",
};

/** `{tone, words, todo}` of the check `id`. */
export function judge(id, found) {
  if (found.skipped) return none(SKIPPED[found.skipped]);
  if (found.needsToken) return none(NO_TOKEN, id === "socket" ? ASK_TOKEN : ""); // said once
  if (found.broken) return bad(`The check itself failed: ${found.broken}`, "Reload the page and try again; if it stays so, send the text below to support.");
  return JUDGES[id](found);
}

function browser({ secure, rtc, devices }) {
  if (!rtc) return bad("This browser has no WebRTC, or it is switched off.", "Use a current Chrome, Edge, Firefox or Safari, and switch off add-ons that block WebRTC.");
  if (!secure) return bad("This page was not opened by HTTPS: browsers then give away neither camera nor microphone.", "Open this page by its https:// address.");
  return devices ? good("It can send and receive live video.") : bad("This browser gives no access to cameras and microphones.", "Use a current Chrome, Edge, Firefox or Safari.");
}

const DEVICE = { camera: ["The camera", "seen"], microphone: ["The microphone", "heard"] };

// Errors of getUserMedia, by the names that the standard gives them.
function refusedDevice(id, { error, detail }) {
  const [name, met] = DEVICE[id];
  switch (error) {
    case "NotAllowedError":
      return bad(`${name} is blocked for this page.`, "Press the symbol beside the page's address and allow it. If it stays blocked: allow browsers to use it in the system's privacy settings.");
    case "NotFoundError":
      return warn(`No ${id} was found: you can watch, but you will not be ${met}.`, `Plug a ${id} in, or switch it on, and check again.`);
    case "NotReadableError":
      return bad(`${name} is in use by another program, or switched off by a key or cover.`, "Close other programs that use it and try again.");
    case "unavailable":
      return none("Left out: this browser gives no access to it here.");
    case "timeout":
      return warn("Nobody answered the browser's question whether the page may use it.", "Check again and answer the browser's question with “Allow”.");
    default:
      return bad(`${name} cannot be opened: ${detail || error}.`, "Plug it in again or restart the browser.");
  }
}

function camera(found) {
  if (found.error) return refusedDevice("camera", found);
  if (!found.width) return warn(`${found.label} is open but sends no picture.`, "Open its cover, or choose another camera in the browser's settings.");
  return good(`${found.label} sends ${found.width}×${found.height}.`);
}

function microphone(found) {
  if (found.error) return refusedDevice("microphone", found);
  if (found.peak < 0.003) return warn(`${found.label} is open but silent.`, "Say something while the check runs. If it stays silent, unmute it or choose another one in the system's sound settings.");
  return good(`${found.label} hears something.`);
}

function http({ ms, secure, local, error, status }) {
  const answers = `The server answers within ${ms} ms`;
  if (error === "unreachable") return bad("The server does not answer.", "Check the network and the address. If other pages open, the server is down: tell its operator.");
  if (error) return bad(`The server answers with an error (${status}).`, "It may be starting or stopping: try again in a minute, else tell its operator.");
  if (!secure && !local) return warn(`${answers}, but by HTTP: no camera, and whoever is on the way can listen to the signaling.`, "Open this page by its https:// address.");
  if (ms > 1000) return warn(`${answers}: that is slow.`, "Come closer to the Wi-Fi, or end large downloads.");
  return good(`${answers}${secure ? ", encrypted (HTTPS)" : ", on this machine"}.`);
}

function socket({ ms, refused, error, status }) {
  if (refused === 401) return bad("The server does not accept this token: it is wrong or expired.", ASK_TOKEN);
  if (refused) return warn("The token is not for this: WebSocket was not tried.", ASK_TOKEN);
  if (error === "silent") return bad("The WebSocket opens, but nothing comes back.", "A proxy, firewall or virus scanner on the way holds it up: try another network, or ask the network's administrator to allow WebSockets.");
  if (error) return bad(`No WebSocket can be opened${status ? ` (the server said ${status})` : ""}.`, "A proxy or firewall on the way may block it: try another network, or ask the network's administrator to allow WebSockets.");
  return ms > 500 ? warn(`It works, with a round trip of ${ms} ms: that is slow.`, "Come closer to the Wi-Fi, or end large downloads.") : good(`It works, with a round trip of ${ms} ms.`);
}

function stun({ configured, addresses, hosts, complete, errors }) {
  if (!configured) return none("No STUN server is set up here. Connections to this server do without.");
  if (addresses.length) return good(`Seen from outside, your address is ${addresses.join(" and ")}.`);
  if (complete && hosts && !errors.length) return good("It answers; no router changes your address on the way.");
  return warn(`The STUN server does not answer${codes(errors)}: calls from browser to browser may fail.`, "The network probably blocks UDP. Ask its administrator to allow it, or use a TURN server.");
}

const codes = (errors) => (errors.length ? ` (${[...new Set(errors.map(({ code }) => code))].join(", ")})` : "");

const TURN = { turnUdp: "UDP", turnTcp: "TCP", turnTls: "TLS" };

// `icecandidateerror`: STUN's own codes, and 701 where the server was not reached.
const turn = (id) => ({ configured, relays, errors, withheld }) => {
  const over = TURN[id];
  const has = (...wanted) => errors.some(({ code }) => wanted.includes(code));
  if (withheld) return none("TURN servers are told only to who has a token.");
  if (!configured) return none(`No TURN server over ${over} is set up here.`);
  if (relays.length) return good(`It relays by ${relays.join(" and ")}.`);
  if (has(401)) return bad("The TURN server refuses the credentials of this page.", "Tell the operator: turn.secret must be the same here and at the TURN server, and both clocks right.");
  if (has(486, 508)) return warn("The TURN server has no relay left.", "Try again later, or tell the operator: turn.max_allocations or turn.ports may be too small.");
  if (has(403)) return bad("The TURN server forbids this.", "Tell the operator: the TURN server does not relay for this network.");
  const tls = over === "TLS" ? ", or its certificate is not valid for its name" : "";
  return bad(`The TURN server cannot be reached over ${over}${codes(errors)}.`, `Your network blocks it, or the server does not run${tls}. Ask the network's administrator to allow it.`);
};

const WAYS = {
  udp: { over: "directly over UDP", good: "This is the best way: little delay." },
  tcp: { over: "over TCP", good: "It is there for networks that block UDP." },
  relay: { over: "by the TURN server", good: "It is there for networks that block all else." },
};

const way = (id) => (found) => {
  const { over, good: praise } = WAYS[id];
  if (!found.configured) return none(id === "relay" ? "There is no TURN server to relay by." : `The server offers no media ${over}.`);
  if (!found.error) return good(`Picture and sound went to the server and came back ${over}. ${praise}`);
  return refusedWay(found) ?? lostWay(id, found);
};

function refusedWay({ error, status, detail }) {
  if (status === 401) return bad("The server does not accept this token: it is wrong or expired.", ASK_TOKEN);
  if (status === 403) return warn(`The token allows only part of this: ${detail}.`, "For this check it must be good for sending and watching in any room (millrace token --role admin).");
  if (status === 429) return warn(`The server takes no more: ${detail}.`, "Try again later.");
  if (error === "refused") return bad(`The server refuses (${status}): ${detail}.`, "Send the text below to support.");
  return error === "unreachable" ? bad("The server did not answer any more.", "Check the network and try again; if other pages open, the server is down.") : null;
}

function lostWay(id, { error, port, host }) {
  const { over } = WAYS[id];
  if (error === "sent") return bad(`The picture went out ${over}, but none came back.`, "Send the text below to support.");
  const open = id === "relay" ? "Tell the operator: the TURN server must be allowed to relay to this server's media port." : openPort(id, port, host);
  return (id === "udp" ? bad : warn)(`No media connection comes about ${over}.`, open);
}

const openPort = (protocol, port, host) => `Ask the network's administrator to open ${protocol.toUpperCase()} port ${port} to ${host}.`;
const mbit = (bits) => (bits < 1e6 ? `${Math.round(bits / 1e4) * 10} kbit/s` : `${(bits / 1e6).toFixed(1)} Mbit/s`);

function upward(up, top, rising, limited) {
  if (up >= top * 0.85) return `at least ${mbit(up)} (the test sends no more)`;
  if (limited === "cpu") return `at least ${mbit(up)} (this device computes no faster)`;
  return rising ? `at least ${mbit(up)} (still rising when the test ended)` : `about ${mbit(up)}`;
}

function speed({ up, down, top, rising, limited, hidden, error }) {
  if (error) return bad("The connection broke while it was measured.", "Try again; a line that breaks often is not fit for live video.");
  const words = `Up: ${upward(up, top, rising, limited)}. Down: ${down >= up * 0.85 ? `at least ${mbit(down)} (no more was sent)` : `about ${mbit(down)}`}.`;
  if (hidden) return warn(`${words} The page was in the background meanwhile: this says little.`, "Check again and keep this page in front.");
  if (Math.min(up, down) < 300e3) return bad(`${words} That is too little for a picture.`, "Come closer to the Wi-Fi, use a cable, or end other downloads.");
  if (Math.min(up, down) < 1e6) return warn(`${words} That is enough for a small picture.`, "Come closer to the Wi-Fi, use a cable, or end other downloads.");
  return good(words);
}

function line({ rtt, lossUp, lossDown, jitter, codecs, over, frames, error }) {
  if (error) return none("Not measured: the connection broke.");
  const percent = (part) => `${(part * 100).toFixed(part && part < 0.1 ? 1 : 0)} %`;
  const words = `Round trip ${Math.round(rtt * 1000)} ms, loss ${percent(lossUp)} up and ${percent(lossDown)} down, jitter ${Math.round(jitter * 1000)} ms; ${codecs.join(" and ")} over ${over}, ${frames} pictures decoded.`;
  const todo = "Come closer to the Wi-Fi or use a cable; end other downloads.";
  if (Math.max(lossUp, lossDown) > 0.05) return bad(`${words} So much loss makes pictures stop and sound break up.`, todo);
  if (Math.max(lossUp, lossDown) > 0.01) return warn(`${words} Some packets are lost.`, todo);
  if (rtt > 0.3) return warn(`${words} The delay is felt in conversations.`, "The server is far away or the line is busy; a cable instead of Wi-Fi may help.");
  return jitter > 0.05 ? warn(`${words} The delay varies much.`, todo) : good(words);
}

const JUDGES = {
  browser, camera, microphone, http, socket, stun, speed, line,
  turnUdp: turn("turnUdp"), turnTcp: turn("turnTcp"), turnTls: turn("turnTls"),
  udp: way("udp"), tcp: way("tcp"), relay: way("relay"),
};
