// The chat: text of others is shown as text, never as HTML.

import { el, part, setText } from "../lib/dom.js";

const KEPT = 500;
let unread = 0;

/** One message, `own` if one's own. */
export function showMessage({ from, text, timestamp }, own) {
  const list = part("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const time = new Date(timestamp);
  const said = Number.isNaN(time.getTime()) ? "" : time.toLocaleTimeString([], { timeStyle: "short" });
  list.append(el("li", { "data-own": String(own), "data-testid": "message" }, el("strong", {}, from), el("time", {}, said), el("p", {}, text)));
  while (list.children.length > KEPT) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
  if (!own && part("chat").hidden) count(unread + 1);
}

/** What was said before one came. */
export function showHistory(messages, name) {
  part("messages").replaceChildren();
  for (const message of messages) showMessage(message, message.from === name);
  count(0);
}

/** Opens or closes it. */
export function openChat(open) {
  part("chat").hidden = !open;
  part("hall").dataset.chat = String(open);
  part("open-chat").setAttribute("aria-pressed", String(open));
  if (!open) return part("open-chat").focus({ preventScroll: true });
  count(0);
  part("messages").scrollTop = part("messages").scrollHeight;
  part("chat-text").focus({ preventScroll: true });
}

function count(number) {
  unread = number;
  part("unread").hidden = number === 0;
  setText(part("unread"), String(number));
  part("open-chat").setAttribute("aria-label", number ? `Chat, ${number} unread` : "Chat");
}
