// The page that plays one feed of a room by HLS. Which one its address says: /watch/ROOM or /watch/ROOM/FEED.

import { face, part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { token } from "../lib/identity.js";
import { Player } from "./player.js";

const STATES = { starting: "Starting", live: "Live", waiting: "Waiting", ended: "Ended" };
const video = part("player");
const given = token(null);
const [room, feed] = location.pathname.split("/").slice(2).filter(Boolean);
const path = `/hls/${room}/${feed ? `${feed}/` : ""}index.m3u8`;
const player = new Player(video, given ? `${path}?token=${encodeURIComponent(given)}` : path, show);

const seconds = (value) => (value == null ? "–" : `${value.toFixed(1)} s`);

function show() {
  part("status").dataset.state = player.state;
  setText(part("state"), STATES[player.state]);
  setText(part("note"), player.words);
  part("note").hidden = !player.words;
  setText(part("latency"), player.state === "live" ? seconds(player.latency) : "–");
  setText(part("buffered"), seconds(player.buffered));
  setText(part("picture"), format.resolution(video.videoWidth, video.videoHeight));
}

function faces() {
  face(part("play-pause"), video.paused ? "play" : "pause", video.paused ? "Play" : "Pause");
  face(part("sound"), video.muted ? "mute" : "sound", video.muted ? "Turn on the sound" : "Turn off the sound");
}

part("play-pause").addEventListener("click", () => (video.paused ? video.play().catch(() => {}) : video.pause()));
part("sound").addEventListener("click", () => (video.muted = !video.muted));
part("fullscreen").addEventListener("click", () => {
  const screen = part("screen");
  if (document.fullscreenElement) document.exitFullscreen();
  else if (screen.requestFullscreen) screen.requestFullscreen().catch(() => {});
  else video.webkitEnterFullscreen?.(); // iPhones give it to the video alone
});
for (const event of ["play", "pause", "volumechange"]) video.addEventListener(event, faces);

const name = decodeURIComponent(feed ?? "");
setText(part("title"), `Room ${decodeURIComponent(room)}${name ? `, ${/^\d+$/.test(name) ? `feed ${name}` : name}` : ""}`);
document.title = `${part("title").textContent} · Millrace`;
setText(part("address"), new URL(path, location.href).href); // without the token: it is not for sharing
setInterval(show, 500);
show();
player.run();
