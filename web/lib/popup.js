// A small panel that a button opens beside itself, above everything (full screen too). Escape and a press elsewhere close
// it, as the browser does for popovers; the focus goes back to the button.

import { el } from "./dom.js";

const GAP = 6;
let count = 0;

/** Makes `button` open a panel that `fill(close)` fills anew each time, with an array of elements. Put it beside the button. */
export function popup(button, { name, label, fill }) {
  const panel = el("div", { class: "popup panel", popover: "auto", id: `popup-${++count}`, role: "group", "aria-label": label, "data-testid": name });
  const close = () => panel.hidePopover();
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("popovertarget", panel.id);
  panel.addEventListener("beforetoggle", ({ newState }) => newState === "open" && panel.replaceChildren(...fill(close)));
  panel.addEventListener("toggle", ({ newState }) => {
    button.setAttribute("aria-expanded", String(newState === "open"));
    if (newState === "open") opened(panel, button);
  });
  // It grows when something in it is opened.
  new ResizeObserver(() => panel.matches(":popover-open") && place(panel, button.getBoundingClientRect())).observe(panel);
  // What scrolls away below it would leave it standing alone.
  addEventListener("scroll", ({ target }) => !panel.contains(target) && panel.matches(":popover-open") && close(), { capture: true, passive: true });
  return panel;
}

function opened(panel, button) {
  place(panel, button.getBoundingClientRect());
  panel.querySelector("button, a, input")?.focus({ preventScroll: true });
}

// Below the button if there is room, else above; within the window in any case.
function place(panel, at) {
  const { offsetWidth: width, offsetHeight: height } = panel;
  const room = document.documentElement;
  const below = at.bottom + GAP;
  const top = below + height <= room.clientHeight ? below : at.top - GAP - height;
  panel.style.left = `${Math.max(8, Math.min(at.right - width, room.clientWidth - width - 8))}px`;
  panel.style.top = `${Math.max(8, Math.min(top, room.clientHeight - height - 8))}px`;
}
