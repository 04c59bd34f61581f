// Links that others can watch by, each with a button that copies it.

import { el, icon } from "../lib/dom.js";
import { linksTo } from "../lib/links.js";
import { tell } from "../lib/notify.js";
import { popup } from "../lib/popup.js";

const TOKENS = "Where the server asks for tokens, who opens a link needs one of their own (millrace token).";

/** A button's menu of links; `target()` says what of which room: `{room, feed, name}`. */
export function shareMenu(button, target) {
  return popup(button, { name: "share-menu", label: "Links for others", fill: () => {
    const { room, feed, name } = target();
    return [el("h3", {}, `Watch ${name}`), linkList(room, feed), el("p", { class: "hint" }, TOKENS)];
  } });
}

/** The links of a feed by its name or number, or of `mix`. */
export function linkList(room, feed) {
  return el("ul", { class: "links" }, ...linksTo(room, feed).map(row));
}

function row({ name, title, purpose, url }) {
  const place = el("input", { readonly: true, value: url, "aria-label": `${title} address`, "data-testid": `link-${name}`, onfocus: ({ target }) => target.select() });
  const copy = el("button", { class: "square", "data-testid": `copy-${name}`, "aria-label": `Copy the ${title} address`, title: "Copy", onclick: () => copyText(url, title, place) }, icon("copy"));
  const open = name === "watch" ? el("a", { class: "button square", href: url, target: "_blank", "data-testid": "open-watch", "aria-label": "Open the watch page", title: "Open" }, icon("play")) : null;
  return el("li", {}, el("span", { class: "link-title" }, el("strong", {}, title), el("span", { class: "muted small" }, purpose)), el("span", { class: "link-row" }, place, copy, open));
}

/** Copies a text; where the browser does not let us (no HTTPS), it is selected for the visitor to copy. */
export async function copyText(text, title, field) {
  try {
    await navigator.clipboard.writeText(text);
    tell(`${title} address copied.`);
  } catch {
    field?.focus();
    tell(`Copy this address: ${text}`);
  }
}
