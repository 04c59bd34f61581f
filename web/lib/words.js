// The server's stable codes and reasons in words. What is not in a table is shown as the server said it.

const REASONS = {
  left: "it left the room",
  unpublished: "it stopped sending",
  unpublish: "it stopped sending",
  leave: "it left the room",
  unsubscribed: "it was no longer watched",
  replaced: "it connected again",
  kicked: "it was removed from the room",
  room_closed: "the room was closed",
  connection_lost: "its connection was lost and it did not come back in time",
  ice_failed: "its network connection failed",
  media_timeout: "nothing came from it any more",
  fingerprint_mismatch: "its encryption keys did not match what it announced",
  negotiation_timeout: "it did not connect in time",
  negotiation_failed: "its media could not be agreed on",
  feed_ended: "the sender ended",
  codec_changed: "the sender changed its codec",
  requested: "it was asked for",
  disk_full: "the server's disk is full",
  storage_failed: "the server could not write the file",
  engine_error: "the media engine failed",
  shutdown: "the server was shut down",
  no_media: "no picture or sound came",
  room_empty: "nobody was sending any more",
  length_reached: "the length that was set is reached",
  expired: "it was paused for too long and nobody resumed it",
  crashed: "the server was cut off; what was written was put right at its next start",
};

const ERRORS = {
  bad_request: "The server did not understand this page",
  unknown_event: "The server did not understand this page",
  forbidden: "Not allowed",
  room_not_found: "There is no such room (any more)",
  feed_not_found: "That stream has just ended",
  not_in_room: "Not in a room",
  bad_sdp: "The media description was refused",
  no_common_codec: "No video or audio format in common with the server",
  no_pending_offer: "The server had withdrawn its offer",
  replaced: "This identity is in use elsewhere",
  timeout: "The server did not answer in time",
  offline: "Not connected to the server",
};

/** Why something ended. */
export const reasonWords = (reason) => REASONS[reason] ?? String(reason ?? "no reason was given").replaceAll("_", " ");

/** An error of the server, or any other, as one sentence. */
export function errorWords(error) {
  const lead = ERRORS[error.code];
  const detail = error.message ?? String(error);
  return lead && detail && detail !== lead ? `${lead}: ${detail}` : lead ?? detail;
}
