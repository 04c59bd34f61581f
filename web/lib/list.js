// Keeps a list on the page equal to a list of values: what did not change stays untouched, and with it the focus, the
// pictures and a press that has begun.

/**
 * Shows `items` in `list`, each as `render(item)` made it; `key(item)` tells them apart. What comes late and does not
 * touch the rest (a poster) is left out by `late.without(item)` and put in by `late.update(element, item)`.
 */
export function showList(list, items, key, render, late) {
  const known = new Map([...list.children].map((element) => [element.itemKey, element]));
  const wanted = items.map((item) => current(known.get(String(key(item))), String(key(item)), item, render, late));
  for (const element of [...list.children]) if (!wanted.includes(element)) element.remove();
  wanted.forEach((element, n) => {
    if (list.children[n] !== element) list.insertBefore(element, list.children[n] ?? null);
  });
}

function current(old, key, item, render, late) {
  const text = JSON.stringify(late ? late.without(item) : item);
  if (old?.itemText === text) {
    late?.update(old, item);
    return old;
  }
  // What is not shown may change at any time (a log, a figure): the same look stays.
  const made = render(item);
  const look = late ? render(late.without(item)).outerHTML : made.outerHTML;
  if (old?.itemLook === look) {
    old.itemText = text;
    late?.update(old, item);
    return old;
  }
  Object.assign(made, { itemKey: key, itemText: text, itemLook: look });
  if (old) replace(old, made);
  return made;
}

// The visitor's place is kept: the control of the same name gets the focus.
function replace(old, made) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const same = (root) => [...root.querySelectorAll(`[data-testid="${focused.dataset.testid}"]`)];
  const place = focused ? same(old).indexOf(focused) : -1;
  old.replaceWith(made);
  if (place >= 0) same(made)[place]?.focus();
}
