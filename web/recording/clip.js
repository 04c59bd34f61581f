// The clip maker: two ends set at the playhead, within one file; the server cuts at keyframes.

import { onPress, part, setText } from "../lib/dom.js";
import * as format from "../lib/format.js";
import { tell, tellError } from "../lib/notify.js";
import { save } from "../lib/save.js";

const precise = (ms) => `${format.clock(ms)}.${Math.floor((ms % 1000) / 100)}`;

export class ClipMaker {
  #file = null;
  #from = null;
  #to = null;

  /** `session` says where the playhead is. */
  constructor(api, session) {
    Object.assign(this, { api, session });
    part("clip-from").addEventListener("click", () => this.#set("from"));
    part("clip-to").addEventListener("click", () => this.#set("to"));
    onPress(part("clip-save"), () => this.#save(), tellError);
    this.observer = () => this.#show();
  }

  // An end in another file begins a new clip.
  #set(end) {
    const { file, fileMs } = this.session;
    if (!file) return;
    if (file.name !== this.#file?.name) this.#from = this.#to = null;
    this.#file = file;
    if (end === "from") this.#from = fileMs;
    else this.#to = fileMs;
    this.#show();
  }

  #show() {
    setText(part("clip-from-time"), this.#from === null ? "–" : precise(this.#from));
    setText(part("clip-to-time"), this.#to === null ? "–" : precise(this.#to));
    part("clip-save").disabled = !this.#isWhole;
    setText(part("clip-words"), this.#words);
  }

  get #isWhole() {
    return this.#from !== null && this.#to !== null && this.#to > this.#from;
  }

  get #words() {
    if (this.#from === null && this.#to === null) return "Move to where the clip is to begin, press “From here”, and the same with its end.";
    if (this.#from === null) return "Now its beginning.";
    if (this.#to === null) return "Now its end.";
    if (!this.#isWhole) return "The end must come after the beginning.";
    return `${precise(this.#to - this.#from)} long. It begins at the nearest picture that can stand alone, a little before.`;
  }

  async #save() {
    const { id, room } = this.session.recording;
    const [from, to] = [this.#from, this.#to].map((ms) => (ms / 1000).toFixed(3));
    setText(part("clip-words"), "The clip is being cut…");
    try {
      const size = await save(this.api.clipUrl(id, this.#file.name, from, to), `clip-${room}-${precise(this.#from)}-${precise(this.#to)}`);
      tell(`Clip saved, ${format.bytes(size)}.`);
    } finally {
      this.#show();
      setTimeout(this.observer); // the button is given back after us
    }
  }
}
