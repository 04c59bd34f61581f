// Loudness of the microphone, so that its owner sees it works before anybody listens.

import { part } from "../lib/dom.js";

let context = null;
let source = null;
let analyser = null;

/** Follows another track; null for none. */
export function follow(track) {
  source?.disconnect();
  source = null;
  if (!track) return;
  context ??= new AudioContext();
  analyser ??= new AnalyserNode(context, { fftSize: 512 });
  source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
}

/** Draws the loudness now. A context that waits for a click stays silent, and so does the bar. */
export function draw() {
  if (context?.state === "suspended" && navigator.userActivation?.hasBeenActive) context.resume();
  const samples = new Float32Array(analyser?.fftSize ?? 1);
  if (source) analyser.getFloatTimeDomainData(samples);
  const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  part("level").style.transform = `scaleX(${Math.min(1, Math.sqrt(loudest) * 1.2)})`;
}
