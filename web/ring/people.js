// The list of who is online. Rows stay where they are while statuses change, so that a press and the focus hit what
// they aim at.

import { el, part, setText } from "../lib/dom.js";

const rows = new Map();

/** Shows them; `may` is whether anybody can be called now, `call(login)` is what a press does. */
export function show(people, may, call) {
  for (const [login, row] of rows) if (!people.has(login)) remove(login, row);
  for (const login of [...people.keys()].sort((a, b) => a.localeCompare(b))) {
    const row = rows.get(login) ?? add(login, call);
    const busy = people.get(login);
    row.dataset.status = busy ? "busy" : "free";
    setText(part("person-status", row), busy ? "in a call" : "free");
    part("call", row).disabled = busy || !may;
  }
  part("nobody").hidden = people.size > 0;
}

function add(login, call) {
  const button = el("button", { class: "primary", "data-testid": "call", "aria-label": `Call ${login}`, onclick: () => call(login) }, "Call");
  const name = el("span", { class: "person" }, el("span", { class: "dot", "aria-hidden": "true" }), el("bdi", { "data-testid": "person" }, login));
  const row = el("li", { "data-testid": "row", "data-login": login }, name, el("span", { class: "muted small", "data-testid": "person-status" }), button);
  rows.set(login, row);
  const after = [...part("people").children].find((one) => one.dataset.login.localeCompare(login) > 0);
  part("people").insertBefore(row, after ?? null);
  return row;
}

function remove(login, row) {
  row.remove();
  rows.delete(login);
}
