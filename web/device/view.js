// What the device page shows: state, preview, figures. Decides nothing.

import { part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";

const STATES = {
  waiting: ["wait", "WAITING", "Waiting for an invitation", "Keep this page open: a console invites it, and it starts by itself."],
  connecting: ["wait", "CONNECTING", "Connecting to the room", "The picture goes out in a moment."],
  live: ["live", "LIVE", "You are live", "The room sees and hears this device."],
  interrupted: ["bad", "INTERRUPTED", "Connection interrupted", "It comes back by itself; nothing need be done."],
};

let liveSince = 0;

/** Shows a state of the publisher; `room` is where. */
export function showState(state, room) {
  const [tone, badge, headline, detail] = STATES[state];
  part("lens").dataset.state = state;
  part("badge").dataset.tone = tone;
  setText(part("badge"), badge);
  setText(part("headline"), room ? `${headline} · room ${room}` : headline);
  setText(part("detail"), detail);
  part("stop").hidden = state === "waiting";
  part("figures").hidden = state === "waiting";
  if (state === "waiting") liveSince = 0;
  if (state === "live") liveSince ||= performance.now();
  document.title = state === "live" ? "● LIVE · Millrace" : "Device · Millrace";
  showDuration();
}

/** Time since the stream first went out. */
export function showDuration() {
  setText(part("duration"), liveSince ? format.clock(performance.now() - liveSince) : "");
}

/** Figures of a reading; none while there is no peer. */
export function showFigures({ bitrate, width, height, fps, rtt } = {}) {
  setText(part("bitrate"), format.bitrate(bitrate));
  setText(part("resolution"), format.resolution(width, height));
  setText(part("fps"), format.rate(fps));
  setText(part("rtt"), format.roundTrip(rtt));
}

/** Which copies are sent; nothing where there are none. */
export function showLayers(layers) {
  setText(part("layers-sent"), layers?.words ?? "");
}

/** The preview, or why there is none. */
export function showPreview(media) {
  const hasPicture = Boolean(media.track("video"));
  const isScreen = media.content === "screen";
  part("screen").setAttribute("aria-pressed", String(isScreen));
  setText(part("screen-text"), isScreen ? "Back to the camera" : "Share screen");
 
  part("preview").setAttribute("aria-label", isScreen ? "Preview of your screen" : "Preview of your camera");
  part("preview").srcObject = media.stream;
  part("no-picture").hidden = hasPicture;
  const why = media.problems.video ?? "The camera is off.";
  const rest = media.track("audio") ? "Sound alone is sent." : media.problems.audio ?? "The microphone is off too.";
  setText(part("no-picture-text"), why === rest ? why : `${why} ${rest}`);
}
