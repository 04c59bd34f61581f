// The console page: wires the socket, the room and the lists to the page. No decision about media here.

import { FindCameras } from "../cameras/find.js";
import { Api } from "../lib/api.js";
import { every, face, onPress, part, setText } from "../lib/dom.js";
import { iceServers } from "../lib/ice.js";
import { consoleId, keepToken, token } from "../lib/identity.js";
import { readPlayers } from "../lib/links.js";
import { log, tell, tellError } from "../lib/notify.js";
import { Signaling } from "../lib/socket.js";
import { BroadcastDialog } from "./broadcast-dialog.js";
import { Broadcasts } from "./broadcasts.js";
import { CameraDialog, setFinder } from "./camera-dialog.js";
import { Cameras } from "./cameras.js";
import { Devices } from "./devices.js";
import { RecordMenu } from "./record-menu.js";
import { Recordings } from "./recordings.js";
import { Room } from "./room.js";
import { shareMenu } from "./share.js";
import { Strips } from "./strips.js";
import { tileTools } from "./tile-tools.js";
import { Transcodes } from "./transcodes.js";
import { Viewing } from "./viewing.js";

const CONNECTION = {
  connecting: ["wait", "Connecting…"],
  open: ["good", "Connected"],
  waiting: ["wait", "Connection lost, trying again…"],
  replaced: ["bad", "Open in another tab"],
  refused: ["bad", "Access refused"],
};

const secret = token("console");
iceServers(); // known by the time of the first offer
const id = consoleId();
const api = new Api(secret);
const signaling = new Signaling("WEB", id, secret);
signaling.on("state", (state) => state === "open" && signaling.send("notify_me", { events: ["rendition", "active_speaker"] }));
const devices = new Devices(api);
const room = new Room(signaling, id, part("grid"), show, (feed, name, address) => tileTools(api, room.id, feed, name, address));
const recordings = new Recordings(api, show);
const menu = new RecordMenu(api, () => room.id, (wish) => recordings.start(room.id, wish));
const strips = new Strips(api, part("strips"), recordings.refresh);
const cameras = new Cameras(api, showCameras);
const cameraDialog = new CameraDialog(api, () => room.id, cameras.refresh);
const finder = new FindCameras(api, (wish) => api.addIngest(room.id, wish).then(cameras.refresh));
const nameOf = (feed) => room.shown.find((one) => one.feed === String(feed))?.name ?? `Stream ${feed}`;
const broadcasts = new Broadcasts(api, nameOf);
const broadcastDialog = new BroadcastDialog(api, () => room.id, () => room.shown, broadcasts.refresh);
new Viewing(api, room, part("grid"));
new Transcodes(api, nameOf, () => room.id !== null);

function show() {
  const inRoom = room.id !== null;
  part("welcome").hidden = inRoom;
  part("roombar").hidden = !inRoom;
  setText(part("room-id"), String(room.id ?? ""));
  room.mix.showButton(part("watch-mix"));
  keepInAddress(room.id);
  showEmpty(inRoom);
  for (const list of [menu, cameras, broadcasts]) list.roomChanged(room.id);
  room.cameras(cameras.all);
  strips.show(inRoom ? recordings.of(room.id) : []);
  showRecordButton(inRoom ? recordings.running(room.id).length : 0);
}

function showCameras(all) {
  room.cameras(all);
  cameraDialog.show(all);
}

function showRecordButton(running) {
  part("record").setAttribute("aria-pressed", String(running > 0));
  face(part("record"), running ? "stop" : "record", ["Record", "Stop recording"][running] ?? `Stop all ${running}`);
}

function showEmpty(inRoom) {
  const empty = part("stage-empty");
  empty.hidden = !inRoom || room.feeds > 0;
  setText(empty, devices.available
    ? "No one is sending yet. Press “Invite devices” to ask every available device."
    : "Waiting for a device to send. Open the device page on a phone or in another tab, then invite it, or add a camera.");
}

function keepInAddress(roomId) {
  const address = new URL(location.href);
  if (roomId === null) address.searchParams.delete("room");
  else address.searchParams.set("room", roomId);
  if (address.href !== location.href) history.replaceState(null, "", address);
}

function showConnection(state) {
  const [tone, text] = CONNECTION[state] ?? ["bad", "Not connected"];
  part("connection").dataset.tone = tone;
  part("connection").dataset.state = state;
  setText(part("connection-text"), text);
  for (const name of ["create-and-invite", "enter-room", "invite"]) part(name).disabled = state !== "open";
  showNotice(state);
  log(text, tone === "bad" ? "error" : "info");
}

function showNotice(state) {
  const notices = {
    refused: "The server does not accept this token. Ask for one (millrace token) and enter it here.",
    replaced: "This console was opened in another tab with the same identity; that one is in use now.",
  };
  part("notice").hidden = !notices[state];
  setText(part("notice-text"), notices[state] ?? "");
  part("token-form").hidden = state !== "refused";
  part("take-over").hidden = state !== "replaced";
}

async function refresh() {
  await devices.refresh();
  showEmpty(room.id !== null);
}

onPress(part("create-and-invite"), async () => {
  await room.create();
  room.invite();
}, tellError);
onPress(part("record"), () => recordings.toggle(room.id), tellError);
part("invite").addEventListener("click", () => room.invite());
part("add-camera").addEventListener("click", () => cameraDialog.open());
setFinder(() => {
  part("camera-dialog").close(); // the finder adds by itself
  finder.open();
});
part("broadcast").addEventListener("click", () => broadcastDialog.open());
part("share-mix").after(shareMenu(part("share-mix"), () => ({ room: room.id, feed: "mix", name: "all in one picture" })));
part("watch-mix").addEventListener("click", () => room.mix.toggle());
part("leave").addEventListener("click", () => room.leave());
part("take-over").addEventListener("click", () => signaling.open());
part("enter-form").addEventListener("submit", (event) => {
  event.preventDefault();
  room.enter(part("room-number").value.trim()).catch(tellError);
});
part("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(part("token").value.trim());
  location.reload();
});
onPress(part("copy-link"), async () => {
  await navigator.clipboard.writeText(location.href);
  tell("Link copied.");
}, () => tell(`Copy this address: ${location.href}`));

// The room in the address is entered as after a lost connection: as soon as the socket is open.
room.id = new URL(location.href).searchParams.get("room");
signaling.on("state", showConnection).on("error", tellError);
for (const event of ["start_listening", "stop_listening"]) signaling.on(event, () => refresh());
signaling.open();
readPlayers(api);
every(2000, refresh);
show();
