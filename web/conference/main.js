// The meeting page: wires stay, devices and tiles. /conference/ROOM is the room's address, and the link for others.

import { keepAwake, mayRest } from "../lib/awake.js";
import { copy } from "../lib/copy.js";
import { every, onPress, part, setText } from "../lib/dom.js";
import { keepToken, token } from "../lib/identity.js";
import { tell, tellError } from "../lib/notify.js";
import { offerHttps } from "../lib/secure.js";
import { showHistory, showMessage, startChat } from "./chat.js";
import { showQuality } from "./figures.js";
import { Own } from "./own.js";
import { People } from "./people.js";
import { Stay } from "./stay.js";
import { Tiles } from "./tiles.js";
import { showButtons, showDevices, showEntering, showLobby, showNotice, showPreview, showState } from "./view.js";
import { errorWords, finalRefusal, missingWords } from "./words.js";

const NAME = "millrace.name";
const MEASURE_MS = 2000;

const room = decodeURIComponent(/^\/conference\/([^/]+)/.exec(location.pathname)?.[1] ?? "lobby");
const link = new URL(`/conference/${encodeURIComponent(room)}`, location.href).href;
const tiles = new Tiles(() => (part("listen").hidden = false));
let people = new People();
let follow = false;

const stay = new Stay(room, token(null), { joined, ready: () => own.sendAll(), message, track, gone, missing, ended: (...told) => own.ended(...told), state: showState, out });
const own = new Own(stay, show);

function joined(told) {
  people = People.of(told);
  tiles.clear();
  showState("joined");
  show();
}

function message(type, data) {
  if (type === "chat-history") return showHistory(data.messages, stay.name);
  if (type === "chat-message") return showMessage(data, false);
  if (type === "error") return tell(errorWords(data), "warn");
  const words = people.told(type, data);
  if (words) tell(words);
  show();
}

function track(producer, consumer) {
  people.shows(producer);
  tiles.play(producer.producerId, consumer.track);
  show();
}

function gone(producerId) {
  people.hides(producerId);
  tiles.drop(producerId);
  show();
}

function missing(producer, error) {
  tell(missingWords(producer, error), "warn");
}

function show() {
  const { media, screen, raised } = own;
  const [sound, picture] = [media.track("audio"), media.track("video")];
  const self = { name: stay.name ?? "", stream: media.stream, screen, muted: sound?.enabled !== true, dark: picture?.enabled !== true, hand: raised };
  tiles.show(people, self, follow);
  part("alone").hidden = people.all.size > 0;
  showButtons(own, follow);
  document.title = stay.name ? `● ${people.all.size + 1} in ${room} · Millrace` : `Meeting ${room} · Millrace`;
}

async function join(event) {
  event.preventDefault();
  const name = part("name").value.trim();
  if (!name) return;
  localStorage.setItem(NAME, name);
  showEntering();
  try {
    if (!(await stay.come(name))) return;
    keepAwake();
    part("meeting").focus({ preventScroll: true });
  } catch (error) {
    out(finalRefusal(error, stay.token) ?? { words: errorWords(error) });
  }
}

/** Not by one's own wish. */
function out({ words, askToken = false }) {
  left();
  showNotice(words, askToken);
  part(askToken ? "token" : "name").focus();
}

function leave() {
  stay.leave();
  left();
  showProblems();
  part("join").focus();
}

function left() {
  people = new People();
  tiles.clear();
  own.left();
  mayRest();
  showLobby();
  showPreview(own.media);
}

async function choose(kind, value) {
  await own.choose(kind, value);
  await showDevices(own.media);
}

async function openDevices() {
  await own.open();
  show();
  showProblems();
  await showDevices(own.media);
}

// In the meeting a notice would take the tiles' place.
function showProblems() {
  const problems = [...new Set(Object.values(own.media.problems))].filter(Boolean).join(" ");
  if (stay.name) return problems && tell(problems, "error");
  showNotice(problems && `${problems} You can come in all the same, and see and hear the others.`);
  offerHttps(!navigator.mediaDevices);
}

part("entry").addEventListener("submit", join);
part("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(part("token").value.trim());
  location.reload();
});
startChat(stay);
part("leave").addEventListener("click", leave);
part("mute-audio").addEventListener("click", () => own.toggle("audio"));
part("mute-video").addEventListener("click", () => own.toggle("video"));
part("layout").addEventListener("click", () => {
  follow = !follow;
  show();
});
part("listen").addEventListener("click", () => {
  part("listen").hidden = true;
  tiles.unblock();
});
part("share").hidden = !navigator.mediaDevices?.getDisplayMedia;
onPress(part("share"), () => own.share(), (error) => (error.name === "NotAllowedError" ? tell("The screen is not shared.") : tellError(error)));
part("hand").addEventListener("click", () => own.raise());
part("link").value = link;
part("link").hidden = Boolean(navigator.clipboard);
onPress(part("copy-link"), () => copy(link, part("link"), "The link"), tellError);
for (const [name, kind] of [["camera", "video"], ["camera-now", "video"], ["microphone", "audio"], ["microphone-now", "audio"]]) {
  part(name).addEventListener("change", ({ target }) => choose(kind, target.value).catch(tellError));
}
part("devices").addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  part("devices").open = false;
  part("devices").querySelector("summary").focus();
});
navigator.mediaDevices?.addEventListener("devicechange", () => showDevices(own.media).catch(tellError));
addEventListener("pagehide", () => stay.rest());
addEventListener("pageshow", ({ persisted }) => persisted && stay.back());

setText(part("room"), room);
part("join").disabled = false;
part("name").value = localStorage.getItem(NAME) ?? "";
show();
await openDevices();
every(MEASURE_MS, () => showQuality(stay.session, people, tiles).catch(() => {}));
