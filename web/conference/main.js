// The meeting page: wires devices, session and tiles. /conference/ROOM is the room's address, and the link for others.

import { Media } from "../device/media.js";
import { keepAwake, mayRest } from "../lib/awake.js";
import { copy } from "../lib/copy.js";
import { el, every, face, onPress, part, setText } from "../lib/dom.js";
import { keepToken, token } from "../lib/identity.js";
import { tell, tellError } from "../lib/notify.js";
import { offerHttps } from "../lib/secure.js";
import { tokenWords } from "../lib/token-words.js";
import { openChat, showHistory, showMessage } from "./chat.js";
import { People } from "./people.js";
import { measure } from "./quality.js";
import { Session } from "./session.js";
import { Tiles } from "./tiles.js";
import { errorWords, stateWords } from "./words.js";

const NAME = "millrace.name";
const WAITS_MS = [1000, 2000, 4000, 8000];
const MEASURE_MS = 2000;

const room = decodeURIComponent(/^\/conference\/([^/]+)/.exec(location.pathname)?.[1] ?? "lobby");
const given = token(null);
const media = new Media();
const tiles = new Tiles(() => (part("listen").hidden = false));
let session = null;
let people = new People();
let screen = null;
let raised = false;
let follow = false;
let wanted = null; // the name under which one is, or wants to be, in the meeting

async function enter(name) {
  wanted = name;
  const mine = new Session(given, {
    message: (type, data) => mine === session && told(type, data),
    track: (producer, consumer) => mine === session && track(producer, consumer),
    gone: (producerId) => mine === session && gone(producerId),
    state: () => {},
    lost: (error) => mine === session && lost(error),
  });
  session = mine;
  const joined = await mine.join(room, name);
  people = People.of(joined);
  tiles.clear();
  showState("joined");
  show();
  mine.begin();
  // Who cannot send still sees and hears.
  const sending = [sendOwn("audio"), sendOwn("video"), screen && mine.send("screen", screen.getVideoTracks()[0]), raised && mine.hand(true)];
  for (const { reason } of await Promise.allSettled(sending)) if (reason && mine === session) tellError(reason);
}

const sendOwn = async (kind) => {
  const own = media.track(kind);
  await session.send(kind, own);
  if (own && !own.enabled) await session.pause(kind, true);
};

function told(type, data) {
  if (type === "user-joined") people.came(data.id, data.user);
  else if (type === "user-left") people.went(data.id);
  else if (type === "producer-paused") people.paused(data.producerId, true);
  else if (type === "producer-resumed") people.paused(data.producerId, false);
  else if (type === "active-speaker") people.speaker = data.peerId;
  else if (type === "hand-raised") hand(data);
  else if (type === "chat-history") return showHistory(data.messages, wanted);
  else if (type === "chat-message") return showMessage(data, false);
  else if (type === "error") return tell(errorWords(data), "warn");
  if (type === "user-joined") tell(`${data.user} has come in.`);
  if (type === "user-left") tell(`${data.user} has left.`);
  show();
}

function hand({ peerId, user, raised: up }) {
  const person = people.all.get(peerId);
  if (!person) return;
  person.hand = up;
  if (up) tell(`${user} raises a hand.`);
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

// Comes back by itself, under the same name, with what was sent before.
async function lost(error) {
  session = null;
  showState("away");
  console.warn(`The meeting was lost: ${error?.message ?? "the socket was closed"}`);
  for (let n = 0; wanted; n++) {
    await new Promise((done) => setTimeout(done, WAITS_MS[Math.min(n, WAITS_MS.length - 1)]));
    if (!wanted) return;
    try {
      return await enter(wanted);
    } catch (problem) {
      session?.close();
      session = null;
      showState("away");
      console.warn(`Not yet: ${problem.message}`);
    }
  }
}

function show() {
  const name = wanted ?? "";
  const [sound, picture] = [media.track("audio"), media.track("video")];
  tiles.show(people, { name, stream: media.stream, screen, muted: sound?.enabled !== true, dark: picture?.enabled !== true, hand: raised }, follow);
  part("alone").hidden = people.all.size > 0;
  toggled("mute-audio", sound, "microphone", "mic");
  toggled("mute-video", picture, "camera", "camera");
  pressed("share", screen !== null, screen ? "Stop sharing your screen" : "Share your screen");
  pressed("hand", raised, raised ? "Lower your hand" : "Raise your hand");
  pressed("layout", follow, follow ? "Show all alike" : "Show who speaks large");
  document.title = wanted ? `● ${people.all.size + 1} in ${room} · Millrace` : `Meeting ${room} · Millrace`;
}

function toggled(name, own, words, icon) {
  const off = own?.enabled !== true;
  part(name).disabled = !own;
  part(name).setAttribute("aria-pressed", String(off));
  face(part(name), off ? `${icon}-off` : icon, own ? `Turn the ${words} ${off ? "on" : "off"}` : `No ${words}`);
}

function pressed(name, on, words) {
  part(name).setAttribute("aria-pressed", String(on));
  part(name).setAttribute("aria-label", words);
  part(name).title = words;
}

function showState(state) {
  const [tone, words] = stateWords[state];
  part("meeting").dataset.state = state;
  part("state-line").dataset.tone = tone;
  setText(part("state"), words);
  part("lobby").hidden = true;
  part("hall").hidden = part("bar").hidden = false;
}

function showLobby() {
  part("meeting").dataset.state = "before";
  part("lobby").hidden = false;
  part("hall").hidden = part("bar").hidden = true;
  part("entry-state").hidden = true;
  part("join").disabled = false;
}

async function join(event) {
  event.preventDefault();
  const name = part("name").value.trim();
  if (!name) return;
  localStorage.setItem(NAME, name);
  part("join").disabled = true;
  part("entry-state").hidden = false;
  setText(part("entry-words"), "Connecting…");
  showNotice(null);
  try {
    await enter(name);
    keepAwake();
  } catch (error) {
    wanted = null;
    session?.close();
    session = null;
    showLobby();
    const refused = error.status === 401 || error.status === 403;
    showNotice(refused ? tokenWords(error.status, given) : errorWords(error), refused);
    part(refused ? "token" : "name").focus();
  }
}

function leave() {
  wanted = null;
  session?.close();
  session = null;
  people = new People();
  raised = false;
  endScreen();
  tiles.clear();
  mayRest();
  showLobby();
  showPreview();
  part("join").focus();
}

async function toggle(kind) {
  const own = media.track(kind);
  if (!own) return;
  own.enabled = !own.enabled;
  show();
  await session?.pause(kind, !own.enabled);
}

async function share() {
  if (screen) {
    endScreen();
    show();
    return session?.stop("screen");
  }
  screen = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } });
  const [picture] = screen.getVideoTracks();
  picture.contentHint = "detail";
  picture.addEventListener("ended", () => screen && share().catch(tellError));
  show();
  await session?.send("screen", picture);
}

function endScreen() {
  screen?.getTracks().forEach((one) => one.stop());
  screen = null;
}

async function raise() {
  raised = !raised;
  show();
  await session?.hand(raised);
}

async function choose(kind, value) {
  await media.choose(kind, value);
  if (media.problems[kind]) tell(media.problems[kind], "error");
  await showDevices();
  show();
  if (session) await sendOwn(kind);
}

async function showDevices() {
  for (const [kind, names] of [["video", ["camera", "camera-now"]], ["audio", ["microphone", "microphone-now"]]]) {
    const options = await media.options(kind);
    const current = media.track(kind)?.getSettings().deviceId ?? media.choice(kind);
    for (const name of names) {
      part(name).replaceChildren(...options.map(({ value, text }) => el("option", { value, selected: value === current }, text)));
    }
  }
  showPreview();
}

function showPreview() {
  const picture = media.track("video");
  part("preview").srcObject = picture ? media.stream : null;
  part("preview-note").hidden = Boolean(picture);
}

function showNotice(words, askToken = false) {
  part("notice").hidden = !words;
  setText(part("notice-text"), words ?? "");
  part("token-form").hidden = !askToken;
  part("to-https").hidden = true;
}

async function showQuality() {
  if (!session) return;
  const measured = await measure(session);
  const rows = measured.map(({ own, producerId, text }) => [own ? "You send" : people.owner(producerId)?.name ?? "–", text]);
  part("figures").replaceChildren(...rows.flatMap(([name, text]) => [el("dt", {}, name), el("dd", { class: "number" }, text)]));
  for (const { own, producerId, bars, words, text } of measured) {
    const owner = people.owner(producerId);
    const source = owner?.media.get(producerId)?.source;
    const key = own ? (session.producers.get("screen")?.id === producerId ? "self-screen" : "self") : source === "camera" ? owner.id : producerId;
    tiles.quality(key, bars, `${words} ${text}`);
  }
}

part("entry").addEventListener("submit", join);
part("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(part("token").value.trim());
  location.reload();
});
part("chat-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = part("chat-text").value.trim();
  if (!text || !session) return;
  part("chat-text").value = "";
  await session.say(text).then((said) => showMessage(said, true), tellError);
});
part("leave").addEventListener("click", leave);
part("open-chat").addEventListener("click", () => openChat(part("chat").hidden));
part("close-chat").addEventListener("click", () => openChat(false));
part("mute-audio").addEventListener("click", () => toggle("audio").catch(tellError));
part("mute-video").addEventListener("click", () => toggle("video").catch(tellError));
part("layout").addEventListener("click", () => {
  follow = !follow;
  show();
});
part("listen").addEventListener("click", () => {
  part("listen").hidden = true;
  tiles.unblock();
});
onPress(part("share"), share, (error) => error.name !== "NotAllowedError" && tellError(error));
onPress(part("hand"), raise, tellError);
onPress(part("copy-link"), () => copy(new URL(`/conference/${encodeURIComponent(room)}`, location.href).href, part("copy-link"), "The link"), tellError);
for (const [name, kind] of [["camera", "video"], ["camera-now", "video"], ["microphone", "audio"], ["microphone-now", "audio"]]) {
  part(name).addEventListener("change", ({ target }) => choose(kind, target.value).catch(tellError));
}
media.changed = (kind) => {
  tell(media.problems[kind], "error");
  show();
  session?.send(kind, null).catch(tellError);
};
navigator.mediaDevices?.addEventListener("devicechange", () => showDevices().catch(tellError));
addEventListener("pagehide", () => session?.close());

setText(part("room"), room);
part("join").disabled = false;
part("name").value = localStorage.getItem(NAME) ?? "";
show();
await media.open();
const problems = [...new Set(Object.values(media.problems))].filter(Boolean).join(" ");
if (problems) showNotice(`${problems} You can come in all the same, and see and hear the others.`);
offerHttps(!navigator.mediaDevices);
await showDevices();
every(MEASURE_MS, () => showQuality().catch(() => {}));
