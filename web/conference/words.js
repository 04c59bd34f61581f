// What happens in a meeting, in words, and what it means for who wants to be in it. Pure.

import { OTHER_ROOM, tokenWords } from "../lib/token-words.js";
import { reasonWords } from "../lib/words.js";

const CODES = {
  name_taken: "Somebody of this name is in the meeting already: take another name.",
  room_full: "The meeting is full, or the server has as many as it takes.",
  not_in_room: "The meeting is over.",
};
const PUT_OUT = {
  kicked: "You were removed from the meeting.",
  room_closed: "The meeting was closed.",
  requested: "The meeting was closed.",
  room_empty: "The meeting was closed.",
};
/** For whom picture and sound fail again and again. */
export const NO_WAY = "Your network lets no picture or sound through: try another network, or ask for TURN.";

/** Why it did not work out. */
export const errorWords = (error) => CODES[error?.code] ?? error?.message ?? "The connection to the server is lost.";

/** Whether somebody wanted it so: who is put out does not come back by itself. */
export const isPutOut = (reason) => reason in PUT_OUT;
export const putOutWords = (reason) => PUT_OUT[reason];

/** Whether a transport ended because the network carries no media. */
export const isNetwork = ({ reason }) => reason === "ice_failed" || reason === "negotiation_timeout";

/** Why one is not let in, if it is no use to try again: `{words, askToken}`; else null. `token` is what the page has. */
export function finalRefusal(error, token) {
  if (error.status === 401 || error.status === 403) return { words: tokenWords(error.status, token), askToken: true };
  if (error.code === "bad_request" && /\btoken\b/.test(error.message)) return { words: OTHER_ROOM, askToken: true };
  return error.code === "name_taken" || error.code === "bad_request" ? { words: errorWords(error), askToken: false } : null;
}

/** What is said while the page tries again. */
export function awayWords(error) {
  if (error.status === 429 || error.status === 503) return `${error.message.split(":")[0]}: trying again…`;
  return error.code === "room_full" ? "The meeting is full: trying again…" : stateWords.away[1];
}

const THINGS = { audio: "Your microphone", video: "Your camera", screen: "Your screen" };

/** The server ended what one sent. */
export function endedWords(name, again, reason) {
  const why = `${THINGS[name]} is no longer sent: ${reasonWords(reason)}.`;
  return again ? `${why} It is sent anew.` : why;
}

/** What of somebody else does not come. */
export const missingWords = ({ user, kind, source }, error) =>
  `${user}’s ${kind === "audio" ? "sound" : source?.startsWith("screen") ? "screen" : "picture"} does not come: ${reasonWords(errorWords(error))}`;

/** How the connection stands: tone and words. */
export const stateWords = {
  joined: ["good", "In the meeting"],
  interrupted: ["bad", "Your connection is interrupted…"],
  away: ["bad", "Connection lost: trying again…"],
};
