// What the server encodes anew, for whom and at what price, read every 2 s while the page is seen.
// Where the token may not know, or the server has no such list, there is no panel.

import { el, every, part, setText } from "../lib/dom.js";
import { showList } from "../lib/list.js";
import { renditionFacts } from "../lib/view-words.js";

const PERIOD_MS = 2000;
const cores = (number) => (number >= 10 ? number.toFixed(0) : number.toFixed(number > 0 && number < 0.1 ? 2 : 1));

export class Transcodes {
  /** `nameOf(feed)` is the name of a feed's sender; `inRoom()`: an empty list is shown to who is in a room only. */
  constructor(api, nameOf, inRoom) {
    Object.assign(this, { api, nameOf, inRoom });
    every(PERIOD_MS, () => this.#read());
  }

  async #read() {
    const all = await this.api.transcodes().catch((error) => (error.status ? null : undefined));
    if (all === undefined) return; // not reached: what is shown stays
    part("transcodes-panel").hidden = all === null || (all.running.length === 0 && !this.inRoom());
    if (all) this.#show(all);
  }

  #show({ running, used_cores: used, budget_cores: budget }) {
    const named = running.map((one) => ({ ...one, sender: this.nameOf(one.feed) }));
    showList(part("transcodes"), named, (one) => `${one.feed}/${one.name}/${one.codec}`, row);
    part("transcodes-empty").hidden = running.length > 0;
    setText(part("transcode-count"), String(running.length));
    showBudget(part("transcode-budget"), used, budget);
  }
}

function row(one) {
  const users = `${one.users} ${one.users === 1 ? "user" : "users"}`;
  return el("li", { class: "transcode", "data-testid": "transcode" },
    el("span", { class: "name" }, `${one.sender} → ${one.name}`),
    el("span", { class: "badge number", "data-testid": "transcode-cores" }, `${cores(one.cores)} cores`),
    el("p", { class: "small muted number" }, [renditionFacts(one), one.encoder, users].filter(Boolean).join(" · ")));
}

function showBudget(bar, used, budget) {
  const share = budget > 0 ? Math.min(1, used / budget) : 0;
  const words = `${cores(used)} of ${cores(budget)} cores in use`;
  bar.style.setProperty("--share", share);
  bar.dataset.tone = share > 0.95 ? "bad" : share > 0.75 ? "wait" : "good";
  bar.setAttribute("aria-valuenow", used.toFixed(2));
  bar.setAttribute("aria-valuemax", String(budget));
  bar.setAttribute("aria-valuetext", words);
  setText(document.getElementById("transcode-budget-words"), words);
}
