// The sender's page: wires camera, socket and peer, and says in words where things stand.

import { Media } from "../device/media.js";
import { keepAwake } from "../lib/awake.js";
import { copy } from "../lib/copy.js";
import { showOptions } from "../lib/devices.js";
import { onPress, part } from "../lib/dom.js";
import { keepToken, token } from "../lib/identity.js";
import { tell, tellError } from "../lib/notify.js";
import { offerHttps } from "../lib/secure.js";
import { askForToken, inTurn, room, showFigures, showState, via, viewerLink } from "../pair/page.js";
import { PairSocket } from "../pair/socket.js";
import { Sending } from "./sending.js";

const WATCHED = {
  connecting: ["WAITING", "Connecting…", "The picture goes out in a moment."],
  connected: ["ACTIVE", "You are live"],
  interrupted: ["WAITING", "Connection interrupted", "It comes back by itself; nothing need be done."],
};

const given = token(null);
const media = new Media();
const inOrder = inTurn(tellError);
const SWITCH_REFUSED = "Somebody still watches the old way, so nothing was switched. They must close their page first; then switch, and give them the new link.";
let socket = null;
let switched = false; // by the visitor, and not yet joined the new way
let stage = null; // how the sending stands, while there is a viewer
const sending = new Sending({ socket: () => socket, media, token: given, changed: (state) => showSending((stage = state)) });

const problems = () => [...new Set(Object.values(media.problems).filter(Boolean))];
const nothing = () => problems().join(" ") || "Camera and microphone are switched off below.";

/** One's state with a viewer: live is who sends something. */
function showSending(state) {
  if (!media.stream.getTracks().length) return showState("WAITING", "Nothing is sent", nothing());
  if (state !== "connected") return showState(...WATCHED[state]);
  const seen = via() ? "The server takes what you send and shows it to everybody who watches." : "The viewer sees and hears this device.";
  showState("ACTIVE", WATCHED.connected[1], [...problems(), seen].join(" "));
}

const waiting = () => showState("WAITING", "Waiting for the viewer", "Give the link below to whoever is to watch. Keep this page open.");

function close() {
  stage = null;
  sending.close();
}

const HEARD = {
  "viewer-ready": () => sending.offer(),
  "viewer-left": () => (close(), waiting()),
  answer: ({ sdp }) => sending.answer(sdp),
  "ice-candidate": ({ candidate }) => sending.candidate(candidate),
  error: ({ message }) => tell(message, "error"),
};

function changed(state, words, why) {
  close();
  const back = switched && why === "way";
  if (state === "joined" || state === "failed") switched = false;
  if (back) return switchBack();
  askForToken(why);
  if (state === "joined") return waiting();
  if (state === "connecting") showState("INIT", "Connecting to the server", "");
  else if (state === "waiting") showState("WAITING", "Connecting again", words);
  else showState("ERROR", "Not sending", words);
}

/** Camera first: without anything to send there is nothing to join for. */
async function start() {
  showState("INIT", "Opening the camera", "Allow it when the browser asks.");
  await media.open();
  await showMedia();
  if (!media.stream.getTracks().length) {
    return showState("ERROR", "Nothing to send", nothing());
  }
  for (const problem of problems()) tell(problem, "warn");
  if (!socket?.isJoined) join(); // a choice below may have been quicker
}

function join() {
  socket?.leave();
  const mine = new PairSocket({
    role: "sender", room, via: via(), token: given,
    changed: (...news) => mine === socket && changed(...news),
    heard: (message) => inOrder(() => mine === socket && HEARD[message.type]?.(message)),
  });
  socket = mine;
  socket.retry();
}

async function showMedia() {
  part("preview").srcObject = media.stream;
  part("no-picture").hidden = Boolean(media.track("video"));
  part("no-picture-text").textContent = media.problems.video ?? "The camera is off.";
  await Promise.all([showOptions(media, "camera", "video"), showOptions(media, "microphone", "audio")]);
}

async function choose(kind, value) {
  const track = await media.choose(kind, value);
  if (media.problems[kind]) tell(media.problems[kind], "error");
  await showMedia();
  if (track && !socket) return join();
  if (!socket && !media.stream.getTracks().length) return showState("ERROR", "Nothing to send", nothing());
  await sending.update(kind, track);
  if (stage) showSending(stage);
}

// The viewer's page goes on with what is left.
async function ended(kind) {
  tell(media.problems[kind], "error");
  await showMedia();
  await sending.update(kind, null);
  if (stage) showSending(stage);
}

// The way is part of the address: a reload, and whoever is given the link, keep it.
function setVia(server) {
  const address = new URL(location.href);
  if (server) address.searchParams.set("via", "server");
  else address.searchParams.delete("via");
  history.replaceState(null, "", address);
  showLink();
}

function toggleVia({ target }) {
  switched = Boolean(socket?.isJoined);
  setVia(target.checked);
  socket?.take(via());
}

// A room's way is that of who is in it: as long as a viewer is, it stays.
function switchBack() {
  setVia(!via());
  tell(SWITCH_REFUSED, "warn");
  socket.take(via());
}

function showLink() {
  part("viewer-link").value = viewerLink();
  part("open-viewer").href = viewerLink();
  part("via-server").checked = via() === "server";
}

part("room").textContent = `Room ${room}`;
showLink();
part("via-server").addEventListener("change", toggleVia);
onPress(part("copy-link"), () => copy(viewerLink(), part("viewer-link"), "The link"), tellError);
part("camera").addEventListener("change", ({ target }) => choose("video", target.value).catch(tellError));
part("microphone").addEventListener("change", ({ target }) => choose("audio", target.value).catch(tellError));
part("retry").addEventListener("click", () => (media.stream.getTracks().length ? join() : start().catch(tellError)));
part("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(part("token").value.trim());
  location.reload();
});
navigator.mediaDevices?.addEventListener("devicechange", () => showMedia().catch(tellError));
setInterval(() => showFigures(sending.peer?.meter).catch(() => {}), 1000);
media.changed = (kind) => ended(kind).catch(tellError);
offerHttps();
keepAwake();
await start();
