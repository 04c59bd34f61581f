// What happens in a meeting, in words. Pure.

const CODES = {
  name_taken: "Somebody of this name is in the meeting already: take another name.",
  room_full: "The meeting is full, or the server has as many as it takes.",
  not_in_room: "The meeting is over.",
};

/** Why it did not work out. */
export const errorWords = (error) => CODES[error?.code] ?? error?.message ?? "The connection to the server is lost.";

/** How the connection stands: tone and words. */
export const stateWords = {
  connecting: ["wait", "Connecting…"],
  joined: ["good", "In the meeting"],
  away: ["bad", "Connection lost: trying again…"],
};
