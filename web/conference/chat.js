// The chat: text of others is shown as text, never as HTML.

import { el, part, setText } from "../lib/dom.js";
import { tell } from "../lib/notify.js";
import { errorWords } from "./words.js";

const KEPT = 500;
let unread = 0;

/** Wires it to the meeting. */
export function startChat(stay) {
  part("chat-form").addEventListener("submit", (event) => {
    event.preventDefault();
    say(stay.session);
  });
  part("open-chat").addEventListener("click", () => openChat(part("chat").hidden));
  part("close-chat").addEventListener("click", () => openChat(false));
  part("chat").addEventListener("keydown", ({ key }) => key === "Escape" && openChat(false));
}

// What could not be sent stays in the field.
async function say(session) {
  const [field, button] = [part("chat-text"), part("chat-form").querySelector("button")];
  const text = field.value.trim();
  if (!text || button.disabled) return;
  if (!session) return tell("The connection is lost: send it once you are back in the meeting.", "warn");
  button.disabled = true;
  try {
    showMessage(await session.say(text), true);
    if (field.value.trim() === text) field.value = "";
  } catch (error) {
    tell(`Your message was not sent: ${errorWords(error)}`, "error");
  } finally {
    button.disabled = false;
  }
}

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
function openChat(open) {
  part("chat").hidden = !open;
  part("hall").dataset.chat = String(open);
  part("open-chat").setAttribute("aria-expanded", String(open));
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
