// Deleting with a way back: a recording goes into the bin, and the toast (or the list of deleted ones) restores it.

import { offer, tell } from "../lib/notify.js";

/** Puts a recording into the bin and offers to undo that; `changed()` is called after either. */
export async function deleteWithUndo(api, recording, changed) {
  await api.deleteRecording(recording.id);
  await changed(true);
  offer(`Recording of room ${recording.room} deleted.`, "Undo", () => restore(api, recording, changed));
}

/** Takes it out of the bin. */
export async function restore(api, recording, changed) {
  await api.restoreRecording(recording.id);
  tell(`Recording of room ${recording.room} is back.`);
  await changed(false);
}

/** Deletes it for good, after asking. */
export async function purge(api, recording, changed) {
  if (!confirm(`Delete the recording of room ${recording.room} and its files for good? This cannot be undone.`)) return;
  await api.purgeRecording(recording.id);
  tell("Deleted for good.");
  await changed(true);
}
