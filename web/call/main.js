// The call page: wires camera, call and view. /video_call/call/CODE/ dials CODE at once.

import { Media } from "../device/media.js";
import { onPress, part, setText } from "../lib/dom.js";
import { keepToken, token } from "../lib/identity.js";
import { log, tell, tellError } from "../lib/notify.js";
import { Call } from "./call.js";
import { showElapsed, showNotice, showOptions, showSelf, showState } from "./view.js";

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
  if (call.state !== told.state) log(part("state").textContent);
  if (call.state === "talking" && told.state !== "talking") navigator.wakeLock?.request("screen").catch(() => {});
  told = { recorded: call.recorded, state: call.state };
}

function over(words, error) {
  call = null;
  told = { recorded: false, state: "" };
  part("remote").srcObject = null;
  part("listen").hidden = true;
  if (document.pictureInPictureElement) document.exitPictureInPicture().catch(() => {});
  showState("idle", null);
  if (words) tell(words, error ? "error" : "info");
  if (error?.status === 401 || error?.status === 403) showNotice(words, { token: true });
  part("code").focus({ preventScroll: true });
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

function toggle(kind) {
  const track = media.track(kind);
  if (track) track.enabled = !track.enabled;
  showSelf(media);
  call?.tellMutes();
}

function showProblems() {
  const insecure = !navigator.mediaDevices;
  const words = [...new Set(Object.values(media.problems))].filter(Boolean).join(" ");
  part("to-https").href = `/video_call/https?to=${encodeURIComponent(location.pathname)}`;
  showNotice(words ? `${words} You can call all the same, and see and hear the other side.` : null, { https: insecure });
}

async function copy() {
  const link = part("link");
  link.select();
  if (navigator.clipboard) await navigator.clipboard.writeText(link.value);
  else document.execCommand("copy"); // pages on plain HTTP
  tell("The link is copied.");
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
onPress(part("copy"), copy, tellError);
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
navigator.mediaDevices?.addEventListener("devicechange", () => showMedia().catch(tellError));
setInterval(() => showElapsed(call), 500);

showState("idle", null);
await media.open();
showProblems();
await showMedia();
const [, code] = /^\/video_call\/call\/([^/]+)\/?$/.exec(location.pathname) ?? [];
if (code) dial(decodeURIComponent(code), { record: false, relay: false });
