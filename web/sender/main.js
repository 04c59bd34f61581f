// The sender's page: wires camera, socket and peer, and says in words where things stand.

import { Media } from "../device/media.js";
import { el, onPress, part } from "../lib/dom.js";
import { keepToken, token } from "../lib/identity.js";
import { tell, tellError } from "../lib/notify.js";
import { askForToken, inTurn, room, showFigures, showState, via, viewerLink } from "../pair/page.js";
import { PairSocket } from "../pair/socket.js";
import { Sending } from "./sending.js";

const WATCHED = {
  connecting: ["WAITING", "Connecting…", "The picture goes out in a moment."],
  connected: ["ACTIVE", "You are live", ""],
  interrupted: ["WAITING", "Connection interrupted", "It comes back by itself; nothing need be done."],
};

const given = token(null);
const media = new Media();
const inOrder = inTurn(tellError);
let socket = null;
const sending = new Sending({ socket: () => socket, media, token: given, changed: (state) => showState(...WATCHED[state].slice(0, 2), detail(state)) });

const detail = (state) => (state !== "connected" ? WATCHED[state][2] : via() ? "The server takes your picture and shows it to everybody who watches." : "The viewer sees this camera.");
const waiting = () => showState("WAITING", "Waiting for the viewer", "Give the link below to whoever is to watch. Keep this page open.");

const HEARD = {
  "viewer-ready": () => sending.offer(),
  "viewer-left": () => (sending.close(), waiting()),
  answer: ({ sdp }) => sending.answer(sdp),
  "ice-candidate": ({ candidate }) => sending.candidate(candidate),
  error: ({ message }) => tell(message, "error"),
};

function changed(state, words, status) {
  if (state === "joined") return waiting();
  sending.close();
  askForToken(status);
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
    const why = new Set(Object.values(media.problems).filter(Boolean));
    return showState("ERROR", "Nothing to send", [...why].join(" "));
  }
  for (const problem of Object.values(media.problems)) if (problem) tell(problem, "warn");
  join();
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
  await Promise.all([showOptions("camera", "video"), showOptions("microphone", "audio")]);
}

async function showOptions(name, kind) {
  const current = media.track(kind)?.getSettings().deviceId ?? media.choice(kind);
  const options = await media.options(kind);
  part(name).replaceChildren(...options.map(({ value, text }) => el("option", { value, selected: value === current }, text)));
}

async function choose(kind, value) {
  const track = await media.choose(kind, value);
  if (media.problems[kind]) tell(media.problems[kind], "error");
  await showMedia();
  await sending.update(kind, track);
}

// The way is part of the address: a reload, and whoever is given the link, keep it.
function toggleVia({ target }) {
  const address = new URL(location.href);
  if (target.checked) address.searchParams.set("via", "server");
  else address.searchParams.delete("via");
  history.replaceState(null, "", address);
  showLink();
  if (socket) join();
}

function showLink() {
  part("viewer-link").value = viewerLink();
  part("open-viewer").href = viewerLink();
  part("via-server").checked = via() === "server";
}

async function copyLink() {
  part("viewer-link").select();
  await navigator.clipboard.writeText(viewerLink());
  tell("The link is copied.");
}

part("room").textContent = `Room ${room}`;
showLink();
part("via-server").addEventListener("change", toggleVia);
onPress(part("copy-link"), copyLink, () => tell("The link is selected: copy it with Ctrl-C."));
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
navigator.wakeLock?.request("screen").catch(() => {}); // a phone that sleeps stops sending
await start();
