// One's own limits of a stream as four choices, and back. Pure.
// A limit of bits, or another width, set by REST, is none of the four: it is told in words and kept until one is chosen.

/** Widest picture of “Small”: 360 lines at 16:9. */
const SMALL = 640;

/** The choices: what they are called, what they mean, what they ask for. */
export const CHOICES = {
  auto: { name: "Auto", hint: "The best that this line carries.", change: { max_width: null, max_kbps: null, paused: false, audio_only: false } },
  small: { name: "Small", hint: `A picture of at most ${SMALL} pixels.`, change: { max_width: SMALL, max_kbps: null, paused: false, audio_only: false } },
  sound: { name: "Sound only", hint: "No picture.", change: { paused: false, audio_only: true } },
  paused: { name: "Paused", hint: "Neither sound nor picture.", change: { paused: true } },
};

/** Which of the choices these limits are; `null`: none of them. */
export function choiceOf({ max_width, max_kbps, paused, audio_only }) {
  if (paused) return "paused";
  if (audio_only) return "sound";
  if (max_kbps != null) return null;
  if (max_width === SMALL) return "small";
  return max_width == null ? "auto" : null;
}

/** Limits that are none of the choices, in words. */
export function otherWords({ max_width, max_kbps }) {
  const parts = [max_width != null ? `at most ${max_width} pixels wide` : null, max_kbps != null ? `at most ${max_kbps} kbit/s` : null];
  return parts.filter(Boolean).join(", ");
}
