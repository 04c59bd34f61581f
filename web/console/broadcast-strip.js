// One running broadcast: what goes where, how it is, how much was sent, and the button that stops it.

import { el, icon, onPress, setText } from "../lib/dom.js";
import { explain, stateWords, whatWords } from "../lib/broadcast-words.js";
import * as format from "../lib/format.js";
import { tellError } from "../lib/notify.js";
import { copyText } from "./share.js";

export class BroadcastStrip {
  #before = null;

  /** `stop(broadcast)` ends it; `nameOf(feed)` is its sender's name. */
  constructor({ id, wish }, { stop, nameOf }) {
    this.nameOf = nameOf;
    this.badge = el("span", { class: "badge", "data-testid": "broadcast-state" });
    this.what = el("span", { class: "strip-kind", "data-testid": "broadcast-sent" });
    this.time = el("strong", { class: "number", "data-testid": "broadcast-time" });
    this.size = el("span", { class: "number", "data-testid": "broadcast-size" });
    this.words = el("span", { class: "small strip-words", role: "status", "data-testid": "broadcast-words" });
    this.sdp = el("button", { class: "quiet", "data-testid": "broadcast-sdp", hidden: true, onclick: () => copyText(this.broadcast.status.sdp, "SDP") }, icon("copy"), "SDP");
    this.stop = el("button", { "data-testid": "broadcast-stop" }, icon("stop"), "Stop");
    this.element = el("section", { class: "strip sending", "data-testid": "broadcast-strip", "data-broadcast": id, "aria-label": `Broadcast to ${wish.to}` },
      this.badge, this.what, el("span", { class: "small number", "data-testid": "broadcast-target" }, wish.to), this.time, this.size, this.words,
      el("div", { class: "strip-buttons" }, this.sdp, this.stop));
    onPress(this.stop, () => stop(this.broadcast), tellError);
  }

  update(broadcast) {
    this.broadcast = broadcast;
    const { status } = broadcast;
    this.element.dataset.state = status.state;
    const [tone, text] = stateWords(status.state);
    this.badge.dataset.tone = tone;
    setText(this.badge, text);
    setText(this.what, whatWords(broadcast, this.nameOf(broadcast.feed)));
    setText(this.size, sizeWords(status, this.#rate(status.bytes)));
    this.sdp.hidden = !status.sdp;
    this.tick();
  }

  /** Clock and countdown run here. */
  tick() {
    const { status } = this.broadcast;
    setText(this.time, status.state === "live" ? format.clock(Date.now() - new Date(status.since)) : "");
    setText(this.words, explain(status));
  }

  // Two readings make a rate.
  #rate(bytes) {
    const now = { at: performance.now(), bytes };
    const before = this.#before;
    if (before && now.at - before.at < 500) return this.rate ?? null;
    this.#before = now;
    this.rate = before && bytes >= before.bytes ? ((bytes - before.bytes) * 8000) / (now.at - before.at) : null;
    return this.rate;
  }
}

function sizeWords({ state, bytes, reconnects }, rate) {
  const again = reconnects ? `${reconnects} ${reconnects === 1 ? "reconnect" : "reconnects"}` : null;
  return [bytes ? format.bytes(bytes) : null, state === "live" && rate ? format.bitrate(rate) : null, again].filter(Boolean).join(" · ");
}
