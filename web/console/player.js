// Plays a recorded file in a dialog.

import { part, setText } from "../lib/dom.js";
import { tell } from "../lib/notify.js";

const dialog = part("player-dialog");
const video = part("player");

/** Opens the player on a file. */
export function play(url, file, facts) {
  setText(part("player-title"), file.name);
  setText(part("player-facts"), facts);
  video.src = url;
  dialog.showModal();
  video.play().catch(() => {}); // the controls are there
}

part("player-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  video.removeAttribute("src");
  video.load(); // ends the download
});
video.addEventListener("error", () => {
  if (video.hasAttribute("src")) tell(`The file cannot be played: ${video.error?.message || "unknown reason"}`, "error");
});
