// Small helpers around the document. No state.

/** The element with this data-testid, which is also how our own scripts find it. */
export const part = (name, root = document) => root.querySelector(`[data-testid="${name}"]`);

/** Makes an element; `on*` functions become listeners, everything else an attribute. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** A picture from icons.svg; decorative, so hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/web/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Changes a button's picture and words. */
export function face(button, iconName, text) {
  button.querySelector("use").setAttribute("href", `/web/icons.svg#${iconName}`);
  const label = button.querySelector("span");
  if (label) setText(label, text);
  else {
    button.setAttribute("aria-label", text);
    button.title = text;
  }
}

/** Writes text only when it changed, so that live regions speak only of news. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Runs a task when a button is pressed, with the button off meanwhile; failures go to `failed`. */
export function onPress(button, task, failed) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await task();
    } catch (error) {
      failed(error);
    } finally {
      button.disabled = false;
    }
  });
}

/** Runs `task` now and every `ms` while the page is visible. */
export function every(ms, task) {
  const tick = () => document.visibilityState === "visible" && task();
  document.addEventListener("visibilitychange", tick);
  tick();
  return setInterval(tick, ms);
}
