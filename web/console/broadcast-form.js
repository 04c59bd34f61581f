// The fields of “Broadcast”: what can be sent, where to, and what is asked for as the API wants it.
// Knows nothing of the server.

import { el, part, setText } from "../lib/dom.js";
import { TARGETS, targetOf } from "../lib/broadcast-words.js";
import { USUAL } from "../lib/layouts.js";
import { layoutOptions } from "../lib/options.js";

const MIX = "mix";

export class BroadcastForm {
  constructor(form) {
    this.form = form;
    this.fields = form.elements;
    this.fields.kind.append(...Object.entries(TARGETS).map(([kind, { name }]) => el("option", { value: kind }, name)));
    this.offerLayouts(USUAL);
    this.fields.to.addEventListener("input", () => (this.fields.kind.value = targetOf(this.fields.to.value) ?? this.fields.kind.value));
    this.fields.kind.addEventListener("change", () => this.#chooseKind());
    for (const event of ["input", "change"]) form.addEventListener(event, () => this.show());
  }

  /** Back to the usual; `feeds` are `[{feed, name}]`. */
  reset(feeds) {
    this.form.reset();
    const one = ({ feed, name }) => el("option", { value: feed }, name);
    this.fields.feed.replaceChildren(...feeds.map(one), el("option", { value: MIX }, "Everybody in one picture (mix)"));
    this.form.querySelector("input[name=layout]").checked = true;
    this.show();
  }

  offerLayouts(layouts) {
    const chosen = this.fields.layout?.value;
    part("broadcast-layouts").replaceChildren(...layoutOptions(layouts, "broadcast-layout"));
    const inputs = [...this.form.querySelectorAll("input[name=layout]")];
    (inputs.find((one) => one.value === chosen) ?? inputs[0]).checked = true;
  }

  get isMix() {
    return this.fields.feed.value === MIX;
  }

  /** What is asked for; secrets only where the target takes them. */
  get wish() {
    const { feed, to, key, password, layout } = this.fields;
    const target = TARGETS[this.fields.kind.value];
    return {
      to: to.value.trim(),
      ...(this.isMix ? { layout: layout.value } : { feed: feed.value }),
      ...(target.key && { key: key.value.trim() }),
      ...(target.password && { password: password.value }),
    };
  }

  /** Shows only what applies. */
  show() {
    const { example, hint, key, password } = TARGETS[this.fields.kind.value];
    this.fields.to.placeholder = example;
    setText(part("broadcast-hint"), hint);
    part("broadcast-layout-group").hidden = !this.isMix;
    this.form.querySelector('[data-for="key"]').hidden = !key;
    this.form.querySelector('[data-for="password"]').hidden = !password;
    setText(part("broadcast-key-title"), key ?? "");
  }

  #chooseKind() {
    const written = targetOf(this.fields.to.value);
    if (written && written !== this.fields.kind.value) this.fields.to.value = "";
    this.fields.to.focus();
  }
}
