// Smaller copies of the picture for viewers on weak lines (simulcast, RFC 8853): which there are, and which are sent now.
// The server tells which are in use; the others cost neither line nor processor.

import { tellError } from "../lib/notify.js";

/** A camera with fewer lines is sent once: its copies would be stamps. */
const LEAST = 720;
const COPIES = [{ rid: "h" }, { rid: "m", scaleResolutionDownBy: 2 }, { rid: "l", scaleResolutionDownBy: 4 }];
const NAMES = { h: "full size", m: "half size", l: "quarter size" };
const KEY = "millrace.layers";

/** Whether the visitor wants copies sent; `?layers=0` in the address is a no. */
export const wanted = () => (new URL(location.href).searchParams.get("layers") ?? localStorage.getItem(KEY)) !== "0";

/** The visitor's choice, which counts for more than the address. */
export function want(on) {
  localStorage.setItem(KEY, on ? "1" : "0");
  const address = new URL(location.href);
  address.searchParams.delete("layers");
  history.replaceState(null, "", address);
}

/** Adds a track to a peer that has none of its kind yet; `copies`: with copies. */
export function addTrack(pc, track, stream, copies) {
  if (!copies) return pc.addTrack(track, stream);
  const sendEncodings = COPIES.map((copy) => ({ ...copy }));
  return pc.addTransceiver(track, { direction: "sendonly", streams: [stream], sendEncodings }).sender;
}

/** Whether a picture is worth copies. The text of a screen is not to be made smaller. */
export function isWorth(track, content) {
  const { width = 0, height = 0 } = track.getSettings();
  return track.kind === "video" && content === "camera" && Math.min(width, height) >= LEAST && wanted();
}

/**
 * Whether an answer to an offer of copies takes none. Browsers then send the first alone, but some (Chromium) find out
 * very slowly how much the line carries: better offer one picture anew.
 */
export const refused = (pc, answer) => pc.localDescription.sdp.includes("\na=simulcast:") && !answer.includes("\na=simulcast:");

/** Starts and stops the copies of one peer as the server asks. */
export class Layers {
  #rids = null;
  #busy = Promise.resolve();

  /** `refused`: the server takes none. */
  constructor(pc, refused) {
    Object.assign(this, { pc, refused });
  }

  /** These are in use, the others are not. */
  use(rids) {
    this.#rids = rids;
    return this.apply();
  }

  /** Again after each negotiation: before it, nothing can be set. */
  apply() {
    this.#busy = this.#busy.then(() => this.#set()).catch((error) => this.pc.signalingState === "closed" || tellError(error));
    return this.#busy;
  }

  /** What is sent now in words; null where there are no copies. */
  get words() {
    const all = this.#encodings(this.#sender?.getParameters());
    if (all.length < 2) return this.refused ? "The server takes one picture only." : null;
    const sent = all.filter((one) => one.active).map((one) => NAMES[one.rid] ?? one.rid);
    return sent.length ? `Sent now: ${sent.join(", ")}.` : "Nobody watches just now: no picture is sent.";
  }

  get #sender() {
    return this.pc.getSenders().find((one) => one.track?.kind === "video");
  }

  #encodings = (parameters) => parameters?.encodings ?? [];

  async #set() {
    const sender = this.#sender;
    const parameters = sender?.getParameters();
    if (!this.#rids || this.pc.signalingState !== "stable" || this.#encodings(parameters).length < 2) return;
    const before = JSON.stringify(parameters.encodings);
    for (const encoding of parameters.encodings) encoding.active = this.#rids.includes(encoding.rid);
    if (JSON.stringify(parameters.encodings) !== before) await sender.setParameters(parameters);
  }
}
