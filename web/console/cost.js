// What a recording would cost the machine, in words, before it is started; without room for it, it cannot be started.

import { setText } from "../lib/dom.js";

const cores = (number) => (number >= 0.95 ? number.toFixed(1) : number < 0.05 ? "less than 0.1" : `${Math.round(number * 10) / 10}`);

export class Cost {
  #asked = 0;
  possible = true;

  constructor(api, text, start) {
    Object.assign(this, { api, text, start });
  }

  /** Only a mix costs enough to speak of. */
  async show(room, kind, layout) {
    const asked = ++this.#asked;
    const matters = kind === "composed";
    this.text.hidden = !matters;
    if (!matters) return this.#allow(true);
    if (!this.text.textContent) setText(this.text, "Asking what it costs…");
    const cost = await this.api.recordingCost(room, { kind, layout }).catch((error) => ({ possible: true, unknown: error.message }));
    if (asked !== this.#asked) return;
    this.#allow(cost.possible);
    setText(this.text, words(cost));
  }

  #allow(possible) {
    this.possible = possible;
    this.start.classList.toggle("impossible", !possible);
    this.start.setAttribute("aria-disabled", String(!possible));
    this.text.dataset.tone = possible ? "good" : "bad";
  }
}

/** `about 0.4 cores; 1.3 are free`. */
export function words({ cores: needed, free_cores: free, possible, reason, unknown }) {
  if (unknown) return "What it costs is not known.";
  if (!possible) return `The machine has no room for it: ${reason ?? `it takes about ${cores(needed)} cores, and ${cores(free)} are free`}.`.replace("..", ".");
  return `Takes about ${cores(needed)} of the processor's cores; ${cores(free)} are free.`;
}
