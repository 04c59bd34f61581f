// The page of one recording: reads it, keeps it fresh while it runs, and hands it to the parts of the page.

import { Api } from "../lib/api.js";
import { Axis } from "../lib/axis.js";
import { part, setText } from "../lib/dom.js";
import { Fresh } from "../lib/fresh.js";
import { token } from "../lib/identity.js";
import { isOver } from "../lib/recording-words.js";
import { ClipMaker } from "./clip.js";
import { Controls } from "./controls.js";
import { showFacts } from "./facts.js";
import { Head } from "./head.js";
import { drawLanes } from "./lanes.js";
import { tracksOf } from "./people.js";
import { Screen } from "./screen.js";
import { Session } from "./session.js";
import { thumbAt } from "./thumbs.js";
import { Timeline } from "./timeline.js";
import { markTrack, showTracks } from "./tracks.js";

const id = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1));
const api = new Api(token("console"));
const video = part("player");
let recording = null;
let axis = null;
let shown = "";

const head = new Head(api, () => fresh.now());
const session = new Session(video, api, { moved: showPlace, changed: showTrack });
const screen = new Screen(video, session);
const controls = new Controls(video, (by) => session.step(by));
const timeline = new Timeline({ seek: (place) => session.seek(place), step: (by) => session.step(by), picture: (place) => thumbAt(api, recording, axis, place) });
new ClipMaker(api, session);

async function read() {
  try {
    const found = await api.recording(id);
    part("trouble").hidden = true;
    if (shown !== JSON.stringify(found)) show(found);
  } catch (error) {
    fail(error);
  }
}

function show(found) {
  shown = JSON.stringify(found);
  recording = found;
  axis = new Axis(recording);
  part("columns").hidden = Boolean(recording.deleted_at);
  head.show(recording);
  if (recording.deleted_at) return video.pause();
  const tracks = tracksOf(recording);
  showTracks(api, recording, tracks, (track, file) => session.choose(track, file));
  session.update(recording, axis, tracks);
  drawLanes(recording, axis, (place) => session.seek(place));
  showFacts(recording);
  showTrack();
}

function showTrack() {
  const spans = (session.track?.segments ?? []).filter((file) => file.started_at).map((file) => axis.span(file));
  timeline.lay(axis.length, spans);
  markTrack(session.track, session.file);
  screen.show(recording);
  showPlace();
}

function showPlace() {
  if (!axis) return;
  timeline.move(session.place);
  const which = session.track?.segments.length > 1 ? `, part ${session.file?.segment}` : "";
  controls.show(session.place, axis.length, session.track ? session.track.name + which : "");
}

function fail(error) {
  const access = error.status === 401 || error.status === 403;
  const words = { 404: "There is no such recording: it may have been deleted for good." }[error.status] ?? error.message;
  setText(part("trouble"), access ? `${words} Open the console to enter an access token.` : words);
  part("trouble").hidden = false;
  if (error.status !== 404) return;
  part("head").hidden = part("columns").hidden = part("notice").hidden = true;
  video.pause();
}

const fresh = new Fresh(api, { read, busy: () => recording !== null && !isOver(recording) });
