// The page where people ring each other: who is online, ringing, and the call that follows. Its state is one of
// idle, ringing (we call), incoming (we are called), talking.

import { face, part, setText } from "../lib/dom.js";
import { log, tell, tellError } from "../lib/notify.js";
import { Media } from "../device/media.js";
import * as bell from "./bell.js";
import { Hall } from "./hall.js";
import * as people from "./people.js";
import { openCall } from "./talk.js";

const RING_MS = 60_000; // the server forgets a ring after this
const NAME = "millrace.ring-name";
const CONNECTION = { away: ["wait", "Not online"], waiting: ["wait", "Connecting…"], online: ["good", "Online"] };

const hall = new Hall({ state: showConnection, people: showPeople, seen, calling, declined });
let state = "idle";
let other = null; // their login
let media = new Media(); // one for each call
let call = null;
let met = false; // the other side has said that it is busy, with us
let timer = 0;
let opener = null; // what had the focus before a call

function showConnection(word) {
  const [tone, text] = CONNECTION[word];
  part("connection").dataset.tone = tone;
  part("connection").dataset.state = word;
  setText(part("connection-text"), text);
  if (word === "online" && state === "talking") hall.setBusy(true).catch(tellError); // a new socket is free
}

function showPeople() {
  people.show(hall.people, state === "idle", ring);
}

// One way into every state.
function become(next, who = other) {
  clearTimeout(timer);
  bell.stop();
  [state, other] = [next, next === "idle" ? null : who];
  part("talk").dataset.state = state;
  part("talk").hidden = !["ringing", "talking"].includes(state);
  if (state !== "incoming" && part("incoming").open) part("incoming").close();
  setText(part("with"), state === "idle" ? "" : who);
  document.title = state === "incoming" ? `☎ ${who} · Millrace` : "Ring · Millrace";
  showPeople();
  if (state === "ringing") timer = setTimeout(() => giveUp(`${who} does not answer.`), RING_MS);
  if (state === "incoming") timer = setTimeout(() => idle(`${who} called.`), RING_MS);
  if (state === "ringing" || state === "incoming") bell.ring(state === "ringing" ? "outgoing" : "incoming");
}

function idle(words, kind = "info") {
  call?.end();
  call = null;
  close(media);
  [part("theirs").srcObject, part("own").srcObject] = [null, null];
  become("idle");
  if (words) tell(words, kind);
  (opener?.isConnected ? opener : part("people-title")).focus();
}

const close = ({ stream }) => stream.getTracks().forEach((track) => track.stop());

async function ring(login) {
  bell.ready();
  opener = document.activeElement;
  become("ringing", login);
  note(`Calling ${login}…`);
  part("with").focus();
  try {
    await hall.call(login);
  } catch (error) {
    if (state === "ringing" && other === login) idle(error.message, "error");
  }
}

function giveUp(words) {
  const whom = other;
  idle(words);
  hall.decline(whom).catch(() => {}); // too late is no harm
}

function calling(login) {
  if (state === "incoming" && login === other) return;
  if (state === "ringing" && login === other) {
    // Both call each other: the first by name accepts, and the other hears it.
    if (hall.login < login) talk("callee");
    return;
  }
  if (state !== "idle") {
    log(`${login} called meanwhile.`);
    hall.decline(login).catch(() => {});
    return;
  }
  opener = document.activeElement;
  become("incoming", login);
  setText(part("caller"), `${login} is calling you`);
  part("incoming").showModal(); // takes the focus
}

function declined(login) {
  if (login !== other) return;
  if (state === "ringing") idle(`${login} declined.`);
  if (state === "incoming") idle(`${login} called and gave up.`);
}

// The callee's being busy is how a caller learns that he was accepted: who was not hears `declined` before.
function seen(login, status) {
  if (login !== other) return;
  if (state === "ringing" && status === "busy") talk("caller");
  else if (state === "incoming" && status === "busy") idle(`${login} is in a call now.`); // perhaps with us, on another page
  else if (state !== "talking" && status === "offline") idle(`${login} went offline.`);
  else if (state === "talking" && status === "busy") met = true;
  else if (state === "talking" && (met || status === "offline")) hangUp(`${login} hung up.`);
}

/** From the acceptance to the media; `side` is `caller` or `callee`. */
async function talk(side) {
  const [who, callee, mine] = [other, side === "caller" ? other : hall.login, new Media()];
  const still = () => state === "talking" && media === mine;
  [met, media] = [side === "caller", mine];
  become("talking");
  note("Connecting…");
  part("with").focus();
  try {
    await hall.setBusy(true);
    await openMedia(mine);
    if (!still()) return close(mine);
    const opened = await openCall(callee, side, mine.stream, showTheirs, (words) => still() && hangUp(words, "error"));
    if (!still()) return opened.end();
    call = opened;
    log(`In a call with ${who}.`);
  } catch (error) {
    close(mine);
    if (still()) hangUp(error.message, "error");
  }
}

async function openMedia(mine) {
  await mine.open();
  for (const problem of new Set(Object.values(mine.problems))) if (problem) tell(problem, "error");
  if (!mine.stream.getTracks().length) throw new Error("Neither camera nor microphone can be used, so there is nothing to send.");
  if (media !== mine) return;
  part("own").srcObject = mine.stream;
  showSwitches();
}

function hangUp(words, kind) {
  const was = state;
  idle(words, kind);
  if (was === "talking") hall.setBusy(false).catch(tellError);
}

function showTheirs(stream) {
  const video = part("theirs");
  if (video.srcObject === stream) return;
  video.srcObject = stream;
  video.onplaying = () => note("");
  video.play().catch(() => {
    video.muted = true; // browsers may want a press before they give sound
    video.play().catch(() => {});
    tell("Press anywhere to hear the other side.");
    addEventListener("pointerdown", () => (video.muted = false), { once: true });
  });
}

function note(words) {
  setText(part("talk-note"), words);
  part("talk-note").hidden = !words;
}

const SWITCHES = { mic: ["audio", "mic", "mute", "the microphone"], camera: ["video", "camera", "camera-off", "the camera"] };

function showSwitches() {
  for (const [name, [kind, on, off, what]] of Object.entries(SWITCHES)) {
    const track = media.track(kind);
    part(name).hidden = !track;
    part(name).setAttribute("aria-pressed", String(track?.enabled === false));
    face(part(name), track?.enabled === false ? off : on, `Turn ${track?.enabled === false ? "on" : "off"} ${what}`);
  }
}

for (const [name, [kind]] of Object.entries(SWITCHES)) {
  part(name).addEventListener("click", () => {
    const track = media.track(kind);
    if (track) track.enabled = !track.enabled;
    showSwitches();
  });
}

part("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const login = part("name").value.trim();
  if (!login) return;
  bell.ready();
  localStorage.setItem(NAME, login);
  part("go-online").disabled = true;
  showConnection("waiting");
  setText(part("me"), login);
  part("login-form").hidden = true;
  part("hall").hidden = false;
  hall.enter(login, refused);
});

// The server said no: back to the name, with its words.
function refused(words) {
  hall.leave();
  showConnection("away");
  part("login-form").hidden = false;
  part("hall").hidden = true;
  part("go-online").disabled = false;
  part("name").focus();
  tell(words, "error");
}

part("accept").addEventListener("click", () => talk("callee"));
const decline = () => {
  if (state !== "incoming") return;
  const who = other;
  idle(null);
  hall.decline(who).catch(tellError);
};
part("decline").addEventListener("click", decline);
part("incoming").addEventListener("cancel", decline); // the escape key
part("hang-up").addEventListener("click", () => (state === "ringing" ? giveUp(null) : hangUp(null)));
addEventListener("pagehide", () => call?.end());
part("name").value = new URLSearchParams(location.search).get("name") ?? localStorage.getItem(NAME) ?? "";
