// The device page: wires socket, camera, publisher and view.

import { keepAwake } from "../lib/awake.js";
import { showOptions } from "../lib/devices.js";
import { every, onPress, part, setText } from "../lib/dom.js";
import { iceServers } from "../lib/ice.js";
import { deviceId, keepDeviceId, keepToken, token } from "../lib/identity.js";
import { log, tell, tellError } from "../lib/notify.js";
import { offerHttps } from "../lib/secure.js";
import { Signaling } from "../lib/socket.js";
import * as layers from "./layers.js";
import { draw, follow } from "./level.js";
import { Media } from "./media.js";
import { Publisher } from "./publisher.js";
import { showDuration, showFigures, showLayers, showPreview, showState } from "./view.js";

const CONNECTION = {
  connecting: ["wait", "Connecting…"],
  open: ["good", "Connected"],
  waiting: ["wait", "Connection lost, trying again…"],
  replaced: ["bad", "Open in another tab"],
  refused: ["bad", "Access refused"],
};
const NOTICES = {
  refused: "The server does not accept this token. Ask for one (millrace token) and enter it here.",
  replaced: "Another page is connected under this device's name. Use this one instead, or give it another name below.",
};

iceServers(); // known by the time of the first offer
const media = new Media();
const signaling = new Signaling("DEVICE", deviceId(), token("device"));
signaling.on("state", (state) => state === "open" && signaling.send("notify_me", { events: ["layers"] }));
const publisher = new Publisher(signaling, media, changed, tellError);

function changed(state) {
  showState(state, publisher.session?.room_id);
  if (state === "live") keepAwake();
  log(part("headline").textContent, state === "interrupted" ? "warn" : "info");
}

function showConnection(state) {
  const [tone, text] = CONNECTION[state] ?? ["bad", "Not connected"];
  part("connection").dataset.tone = tone;
  part("connection").dataset.state = state;
  setText(part("connection-text"), text);
  part("notice").hidden = !NOTICES[state];
  setText(part("notice-text"), NOTICES[state] ?? "");
  part("token-form").hidden = state !== "refused";
  part("take-over").hidden = state !== "replaced";
  log(text, tone === "bad" ? "error" : "info");
}

async function showMedia() {
  showPreview(media);
  follow(media.track("audio"));
  await Promise.all([showOptions(media, "camera", "video"), showOptions(media, "microphone", "audio")]);
}

async function choose(kind, value) {
  const wasScreen = kind === "video" && media.content === "screen";
  const track = await media.choose(kind, value);
  if (media.problems[kind]) tell(media.problems[kind], "error");
  await showMedia();
  if (wasScreen) publisher.again();
  else await publisher.update(kind, track);
}

async function ended(kind) {
  tell(media.problems[kind], "error");
  await showMedia();
  await publisher.update(kind, null);
}

// Another content is told to the server with a first offer only.
async function toggleScreen() {
  if (media.content === "screen") await media.endScreen();
  else await media.shareScreen(() => toggleScreen().catch(tellError));
  await showMedia();
  publisher.again();
}

// The browser's own question was answered with no: that is no error.
const screenFailed = (error) => (error.name === "NotAllowedError" ? tell("The screen is not shared.") : tellError(error));

async function measure() {
  showDuration();
  showFigures(await publisher.meter?.read());
  showLayers(publisher.layers);
}

media.changed = (kind) => ended(kind).catch(tellError);
part("camera").addEventListener("change", ({ target }) => choose("video", target.value).catch(tellError));
part("microphone").addEventListener("change", ({ target }) => choose("audio", target.value).catch(tellError));
part("screen").hidden = !navigator.mediaDevices?.getDisplayMedia;
onPress(part("screen"), toggleScreen, screenFailed);
part("layers").checked = layers.wanted();
part("layers").addEventListener("change", ({ target }) => {
  layers.want(target.checked);
  publisher.again();
});
onPress(part("stop"), () => publisher.stop(), tellError);
part("take-over").addEventListener("click", () => signaling.open());
part("device-id").value = deviceId();
part("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = part("device-id").value.trim();
  if (!name) return;
  keepDeviceId(name);
  location.reload();
});
part("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(part("token").value.trim());
  location.reload();
});

signaling.on("state", showConnection).on("error", tellError);
navigator.mediaDevices?.addEventListener("devicechange", () => showMedia().catch(tellError));
offerHttps();
await media.open();
for (const problem of new Set(Object.values(media.problems))) if (problem) tell(problem, "error");
await showMedia();
signaling.open();
setInterval(() => measure().catch(tellError), 1000);
every(100, draw);
