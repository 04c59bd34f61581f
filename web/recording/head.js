// The head of the page: whose recording, how it stands, what befell it, and what can be done with all of it.

import { onPress, part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { tell, tellError } from "../lib/notify.js";
import { endWords, isOver, isRunning } from "../lib/recording-words.js";
import { reasonWords } from "../lib/words.js";
import { deleteWithUndo, restore } from "../recordings/bin.js";
import { badge, summary } from "../recordings/entry.js";

export class Head {
  #recording = null;
  #badge = "";

  /** `changed()` reads the recording again. */
  constructor(api, changed) {
    onPress(part("delete"), () => deleteWithUndo(api, this.#recording, changed), tellError);
    onPress(part("restore"), () => restore(api, this.#recording, changed), tellError);
    onPress(part("copy-link"), async () => {
      await navigator.clipboard.writeText(location.href);
      tell("Link copied.");
    }, () => tell(`Copy this address: ${location.href}`));
    this.api = api;
  }

  show(recording) {
    this.#recording = recording;
    document.title = `Room ${recording.room}, ${format.moment(recording.started_at)} · Millrace`;
    part("head").hidden = false;
    setText(part("title"), `Room ${recording.room}`);
    setText(part("summary"), `${format.moment(recording.started_at)} · ${summary(recording)}`);
    if (this.#badge !== recording.state) part("state-badge").replaceChildren(badge(recording));
    this.#badge = recording.state;
    part("state-badge").dataset.state = recording.state;
    this.#showActions(recording);
    this.#showNotice(recording);
  }

  #showActions(recording) {
    const bin = Boolean(recording.deleted_at);
    const whole = isOver(recording) && recording.files.some((file) => file.bytes > 0);
    part("delete").hidden = bin || !isOver(recording);
    part("restore").hidden = !bin;
    part("download-all").hidden = bin || !whole;
    const address = this.api.archiveUrl(recording.id);
    if (part("download-all").getAttribute("href") !== address) part("download-all").href = address;
  }

  #showNotice(recording) {
    const [text, kind] = noticeOf(recording);
    part("notice").hidden = !text;
    part("notice").dataset.kind = kind ?? "";
    setText(part("notice"), text ?? "");
  }
}

function noticeOf(recording) {
  const repaired = recording.repaired ? " The server was cut off meanwhile; what was written was put right at its next start." : "";
  if (recording.deleted_at) return ["This recording is in the bin. It can be restored until the bin is emptied.", "warn"];
  if (recording.state === "failed") return [endWords(recording) + repaired, "bad"];
  if (repaired) return [repaired.trim(), "warn"];
  if (isRunning(recording)) return ["It is still being recorded. You can watch it up to now; it grows as you do.", "live"];
  const told = ["requested", null, undefined].includes(recording.reason);
  return isOver(recording) && !told ? [`It ended because ${reasonWords(recording.reason)}.`, "plain"] : [null];
}
