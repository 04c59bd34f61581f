// The call page: wires camera, call and view. /video_call/call/CODE/ dials CODE at once.

import { Media } from "../device/media.js";
import { keepAwake, mayRest } from "../lib/awake.js";
import { copy } from "../lib/copy.js";
import { showOptions } from "../lib/devices.js";
import { onPress, part, setText } from "../lib/dom.js";
import { keepToken, token } from "../lib/identity.js";
import { log, tell, tellError } from "../lib/notify.js";
import { offerHttps } from "../lib/secure.js";
import { Call } from "./call.js";
import { showElapsed, showNotice, showSelf, showState } from "./view.js";

const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"; // none that look alike
const CODE_LENGTH = 10;

const given = token(null);
const media = new Media();
let call = null;

const linkTo = (code) => new URL(`/video_call/call/${encodeURIComponent(code)}/`, location.href).href;

function dial(code, wish) {
  part("code").value = code;
  part("link").value = linkTo(code);
  setText(part("waiting-code"), code);
  part("waiting-recorded").hidden = !wish.record;
  showNotice(null);
  const mine = new Call(media, given, {
    changed: () => mine === call && changed(),
    media: (stream) => mine === call && play(stream),
    over: (words, error) => mine === call && over(words, error),
  });
  call = mine;
  showState("dialling", call);
  call.start(code, wish);
}

let told = { recorded: false, state: "" };

function changed() {
  showState(call.state, call);
  if (call.recorded && !told.recorded) tell("This call is recorded.", "warn");
  if (!call.recorded && told.recorded) tell("The recording has stopped: the call goes on unrecorded.", "warn");
  if (call.state !== told.state) {
    log(part("state").textContent);
    keepFocus();
  }
  if (call.state === "talking" && told.state !== "talking") keepAwake();
  told = { recorded: call.recorded, state: call.state };
}

// What had the focus may just be hidden: then it goes to what ends this state.
function keepFocus() {
  if (document.activeElement !== document.body && document.activeElement?.checkVisibility()) return;
  for (const name of ["back", "hang-up"]) if (part(name).checkVisibility()) part(name).focus({ preventScroll: true });
}

function over(words, error) {
  call = null;
  mayRest();
  told = { recorded: false, state: "" };
  part("remote").srcObject = null;
  part("listen").hidden = true;
  if (document.pictureInPictureElement) document.exitPictureInPicture().catch(() => {});
  showState("idle", null);
  if (words) tell(words, error ? "error" : "info");
  const refused = error?.status === 401 || error?.status === 403;
  if (refused) showNotice(words, { token: true });
  part(refused ? "token" : "code").focus({ preventScroll: true });
}

// A page that has the camera may play sound; where a browser thinks otherwise, a press will do.
async function play(stream) {
  const video = part("remote");
  if (video.srcObject !== stream) video.srcObject = stream;
  await video.play().then(() => (part("listen").hidden = true), (error) => error.name === "NotAllowedError" && (part("listen").hidden = false));
}

async function showMedia() {
  showSelf(media);
  await Promise.all([showOptions(media, "camera", "video"), showOptions(media, "microphone", "audio")]);
}

async function choose(kind, value) {
  const track = await media.choose(kind, value);
  if (media.problems[kind]) tell(media.problems[kind], "error");
  await showMedia();
  await call?.send(kind, track);
  call?.tellMutes();
}

// The call goes on with what is left.
async function ended(kind) {
  tell(media.problems[kind], "error");
  await showMedia();
  await call?.send(kind, null);
  call?.tellMutes();
}

function toggle(kind) {
  const track = media.track(kind);
  if (track) track.enabled = !track.enabled;
  showSelf(media);
  call?.tellMutes();
}

function showProblems() {
  const insecure = !navigator.mediaDevices;
  const words = [...new Set(Object.values(media.problems))].filter(Boolean).join(" ");
  showNotice(words ? `${words} You can call all the same, and see and hear the other side.` : null);
  offerHttps(insecure);
}

function newCode() {
  const random = crypto.getRandomValues(new Uint8Array(CODE_LENGTH));
  part("code").value = [...random].map((byte) => LETTERS[byte % LETTERS.length]).join("");
}

const end = () => call?.hangUp();

part("dial-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const code = part("code").value.trim();
  if (code && !call) dial(code, { record: part("record").checked, relay: part("relay").checked });
});
part("new-code").addEventListener("click", newCode);
part("hang-up").addEventListener("click", end);
part("back").addEventListener("click", end);
addEventListener("pagehide", () => call?.leave());
onPress(part("copy"), () => copy(part("link").value, part("link"), "The link"), tellError);
onPress(part("pip"), () => (document.pictureInPictureElement ? document.exitPictureInPicture() : part("remote").requestPictureInPicture()), tellError);
part("listen").addEventListener("click", () => play(part("remote").srcObject));
part("mute-audio").addEventListener("click", () => toggle("audio"));
part("mute-video").addEventListener("click", () => toggle("video"));
part("camera").addEventListener("change", ({ target }) => choose("video", target.value).catch(tellError));
part("microphone").addEventListener("change", ({ target }) => choose("audio", target.value).catch(tellError));
part("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(part("token").value.trim());
  location.reload();
});
media.changed = (kind) => ended(kind).catch(tellError);
navigator.mediaDevices?.addEventListener("devicechange", () => showMedia().catch(tellError));
setInterval(() => showElapsed(call), 500);

showState("idle", null);
await media.open();
showProblems();
await showMedia();
const [, code] = /^\/video_call\/call\/([^/]+)\/?$/.exec(location.pathname) ?? [];
if (code) dial(decodeURIComponent(code), { record: false, relay: false });
