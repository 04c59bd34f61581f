// What the call page shows. Decides nothing.

import { showToggle } from "../lib/devices.js";
import { part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";

const STATES = {
  idle: ["good", "Ready", ""],
  dialling: ["wait", "Dialling…", "Dialling…"],
  waiting: ["wait", "Waiting for the other side", "Waiting for the other side…"],
  connecting: ["wait", "Connecting…", "Connecting…"],
  talking: ["good", "Connected", ""],
};

/** Shows how a call stands; `call` is null while there is none. */
export function showState(state, call) {
  const [tone, words, note] = STATES[state];
  const talking = state === "talking";
  part("call").dataset.state = state;
  part("state-line").dataset.tone = tone;
  setText(part("state"), talking ? (call.relayed ? "Connected, through the server" : "Connected, directly") : words);
  setText(part("note"), note);
  part("dialling").hidden = state !== "idle";
  part("waiting").hidden = state !== "waiting";
  part("hang-up").hidden = !["connecting", "talking"].includes(state);
  part("pip").hidden = !talking || !document.pictureInPictureEnabled;
  part("remote-muted").hidden = !(talking && call.muted.audio);
  part("remote-dark").hidden = !(talking && call.muted.video);
  part("recorded").hidden = !call?.recorded;
  part("elapsed").hidden = !talking;
  document.title = talking ? "● In a call · Millrace" : "Call · Millrace";
}

/** Time since the two were connected. */
export function showElapsed(call) {
  if (call?.state === "talking") setText(part("elapsed"), format.clock(performance.now() - call.since));
}

/** One's own picture, and which devices are on. */
export function showSelf(media) {
  const picture = media.track("video") ? media.stream : null; // of an empty stream a page would wait for the first picture
  part("self").srcObject = picture;
  part("self").hidden = !picture;
  showToggle("mute-audio", media.track("audio"), "microphone", "mic");
  showToggle("mute-video", media.track("video"), "camera", "camera");
}

/** What stands in the way, above all else; null for nothing. */
export function showNotice(words, { token = false } = {}) {
  part("notice").hidden = !words;
  setText(part("notice-text"), words ?? "");
  part("to-https").hidden = true;
  part("token-form").hidden = !token;
}
