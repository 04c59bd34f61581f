// Ringing, made with WebAudio: one tone for who is called, a softer one for who calls. Browsers allow sound only after
// the visitor has pressed something, so `ready` is called from a press.

const TONES = { incoming: { pitch: [660, 880], loud: 0.2, on: 0.8, pause: 1.4 }, outgoing: { pitch: [425], loud: 0.06, on: 1, pause: 3 } };

let context = null;
let timer = 0;

export function ready() {
  context ??= new AudioContext();
  context.resume().catch(() => {});
}

/** Rings until `stop`; `kind` is `incoming` or `outgoing`. */
export function ring(kind) {
  stop();
  const { on, pause } = TONES[kind];
  strike(TONES[kind]);
  timer = setInterval(() => strike(TONES[kind]), (on + pause) * 1000);
  if (kind === "incoming") navigator.vibrate?.([400, 200, 400]);
}

export function stop() {
  clearInterval(timer);
  timer = 0;
}

/** Whether it rings: what is heard cannot be seen. */
export const isRinging = () => timer !== 0;

function strike({ pitch, loud, on }) {
  if (!context || context.state !== "running") return;
  const gain = context.createGain();
  const begin = context.currentTime;
  gain.gain.setValueAtTime(0, begin);
  gain.gain.linearRampToValueAtTime(loud, begin + 0.05);
  gain.gain.setValueAtTime(loud, begin + on - 0.1);
  gain.gain.linearRampToValueAtTime(0, begin + on);
  gain.connect(context.destination);
  for (const frequency of pitch) {
    const tone = new OscillatorNode(context, { frequency });
    tone.connect(gain);
    tone.start(begin);
    tone.stop(begin + on);
  }
}
