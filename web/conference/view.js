// What the meeting page shows around the tiles: lobby, state, notices, buttons. Decides nothing.

import { showOptions, showToggle } from "../lib/devices.js";
import { part, setText } from "../lib/dom.js";
import { stateWords } from "./words.js";

/** In the meeting, or on the way back to it; `words` instead of the usual ones. */
export function showState(state, words) {
  const [tone, usual] = stateWords[state];
  part("meeting").dataset.state = state;
  part("state-line").dataset.tone = tone;
  setText(part("state"), words ?? usual);
  part("lobby").hidden = true;
  part("hall").hidden = part("bar").hidden = false;
}

/** Before it, or after. */
export function showLobby() {
  part("meeting").dataset.state = "before";
  part("lobby").hidden = false;
  part("hall").hidden = part("bar").hidden = true;
  part("entry-state").hidden = part("listen").hidden = true;
  part("join").disabled = false;
}

/** On the way in. */
export function showEntering() {
  part("join").disabled = true;
  part("entry-state").hidden = false;
  setText(part("entry-words"), "Connecting…");
  showNotice(null);
}

/** What stands in the way; null for nothing. */
export function showNotice(words, askToken = false) {
  part("notice").hidden = !words;
  setText(part("notice-text"), words ?? "");
  part("token-form").hidden = !askToken;
  part("to-https").hidden = true;
}

/** Which of one's own things are on; `follow`: who speaks is large. */
export function showButtons({ media, screen, raised }, follow) {
  showToggle("mute-audio", media.track("audio"), "microphone", "mic");
  showToggle("mute-video", media.track("video"), "camera", "camera");
  pressed("share", screen !== null, screen ? "Stop sharing your screen" : "Share your screen");
  pressed("hand", raised, raised ? "Lower your hand" : "Raise your hand");
  pressed("layout", follow, follow ? "Show all alike" : "Show who speaks large");
}

function pressed(name, on, words) {
  part(name).setAttribute("aria-pressed", String(on));
  part(name).setAttribute("aria-label", words);
  part(name).title = words;
}

/** Lists of devices, before and in the meeting, and one's own picture. */
export async function showDevices(media) {
  const lists = { video: ["camera", "camera-now"], audio: ["microphone", "microphone-now"] };
  await Promise.all(Object.entries(lists).flatMap(([kind, names]) => names.map((name) => showOptions(media, name, kind))));
  showPreview(media);
}

/** One's own picture before the meeting. */
export function showPreview(media) {
  const picture = media.track("video");
  part("preview").srcObject = picture ? media.stream : null;
  part("preview-note").hidden = Boolean(picture);
}
