// The viewer's page: answers each offer with a new peer connection, and says in words where things stand.

import { face, part } from "../lib/dom.js";
import { iceServers } from "../lib/ice.js";
import { keepToken, token } from "../lib/identity.js";
import { tell, tellError } from "../lib/notify.js";
import { Peer } from "../pair/peer.js";
import { askForToken, inTurn, room, showFigures, showState, via } from "../pair/page.js";
import { PairSocket } from "../pair/socket.js";

const AGAIN_MS = [0, 1000, 2000, 4000, 8000];

const video = part("picture");
const given = token(null);
const inOrder = inTurn(tellError);
let peer = null;
let tries = 0;
let timer = 0;
let turn = 0;

const WAITS = "The picture comes by itself as soon as there is one.";
const HEARD = {
  offer: ({ sdp }) => answer(sdp),
  "ice-candidate": ({ candidate }) => peer?.candidate(candidate),
  "sender-ready": () => showState("WAITING", "The sender is there", WAITS),
  "sender-left": () => (close(), showState("WAITING", "The sender has left", WAITS)),
  error: ({ message }) => tell(message, "error"),
};

const socket = new PairSocket({
  role: "viewer", room, via: via(), token: given, changed,
  heard: (message) => inOrder(() => HEARD[message.type]?.(message)),
});

function changed(state, words, status) {
  if (state === "joined") return showState("INIT", "Waiting for the sender", WAITS);
  close();
  askForToken(status);
  if (state === "connecting") showState("INIT", "Connecting to the server", "");
  else if (state === "waiting") showState("WAITING", "Connecting again", words);
  else showState("ERROR", "Not watching", words);
}

/** Each offer is of a new connection. */
async function answer(description) {
  close();
  const begun = turn;
  const servers = await iceServers(given);
  if (begun !== turn) return; // the connection to the server is lost meanwhile
  const mine = new Peer(servers, {
    send: (message) => mine === peer && socket.send(message),
    connected: () => mine === peer && shown(),
    lost: () => mine === peer && again(),
  });
  peer = mine;
  const stream = new MediaStream();
  video.srcObject = stream;
  mine.pc.addEventListener("track", ({ track }) => stream.addTrack(track));
  await mine.take(description);
  await mine.pc.setLocalDescription();
  if (mine === peer) socket.send({ type: "answer", sdp: mine.pc.localDescription.toJSON() });
}

function shown() {
  tries = 0;
  showState("ACTIVE", "Watching", via() ? "The picture comes through the server." : "The picture comes straight from the sender.");
  video.play().catch(() => {});
}

// Whoever has an older sender page hears nothing of it: then the sender's own finding helps.
function again() {
  showState("WAITING", "Connection interrupted", "It comes back by itself; nothing need be done.");
  clearTimeout(timer);
  timer = setTimeout(() => socket.send({ type: "ready" }), AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
}

function close() {
  turn += 1;
  clearTimeout(timer);
  peer?.close();
  peer = null;
  video.srcObject = null;
}

function showSound() {
  face(part("sound"), video.muted ? "mute" : "sound", video.muted ? "Turn on the sound" : "Turn off the sound");
}

part("room").textContent = `Room ${room}`;
part("sound").addEventListener("click", () => (video.muted = !video.muted));
video.addEventListener("volumechange", showSound);
part("fullscreen").addEventListener("click", () => {
  const screen = part("screen");
  if (document.fullscreenElement) document.exitFullscreen();
  else if (screen.requestFullscreen) screen.requestFullscreen().catch(() => {});
  else video.webkitEnterFullscreen?.(); // iPhones give it to the video alone
});
part("retry").addEventListener("click", () => socket.retry());
part("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(part("token").value.trim());
  location.reload();
});
setInterval(() => showFigures(peer?.meter).catch(() => {}), 1000);
socket.retry();
