// Tells the visitor what happened: a toast for what matters now, the log panel for everything.
// The page provides `toasts` (a live region) and, if it has a log, `log-list`.

import { el, icon, part } from "./dom.js";
import { errorWords } from "./words.js";

const SHOWN_MS = { info: 4500, warn: 8000, error: 12000 };
const OFFER_MS = 15_000;
const LOG_LINES = 200;

/** A line in the log panel. */
export function log(text, kind = "info") {
  const list = part("log-list");
  if (!list) return;
  const time = new Date().toLocaleTimeString([], { timeStyle: "medium" });
  list.prepend(el("li", { "data-kind": kind }, el("time", {}, time), el("span", {}, text)));
  while (list.children.length > LOG_LINES) list.lastElementChild.remove();
}

/** A toast and a line in the log. The same text twice in a row stays one toast. */
export function tell(text, kind = "info") {
  show(text, kind, null, SHOWN_MS[kind]);
}

/** A toast that offers to do something about it: `offer("Deleted.", "Undo", restore)`. It waits while it has the focus. */
export function offer(text, label, task) {
  const button = el("button", { class: "offer", "data-testid": "toast-action" }, label);
  const toast = show(text, "info", button, OFFER_MS);
  button.addEventListener("click", () => {
    toast.remove();
    Promise.resolve(task()).catch(tellError);
  });
}

function show(text, kind, extra, shownMs) {
  log(text, kind);
  const toasts = part("toasts");
  for (const old of toasts.children) if (old.dataset.text === text) old.remove();
  const toast = el("div", { class: "toast", "data-kind": kind, "data-testid": "toast", "data-text": text }, el("p", {}, text), extra);
  toast.append(el("button", { class: "quiet", "aria-label": "Dismiss", onclick: () => toast.remove() }, icon("close")));
  toasts.append(toast);
  while (toasts.children.length > 4) toasts.firstElementChild.remove();
  const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 1000) : toast.remove());
  setTimeout(leave, shownMs);
  return toast;
}

/** An error, of whatever origin, in words. */
export const tellError = (error) => tell(errorWords(error), "error");
