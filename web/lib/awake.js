// Keeps the screen on while something is sent or seen: a phone that sleeps stops both.
// A browser takes the lock back whenever the page is hidden, so it is asked for again when the page is back.

let wanted = false;
let lock = null;

/** From now on the screen stays on. */
export function keepAwake() {
  wanted = true;
  ask();
}

/** It may go off again. */
export function mayRest() {
  wanted = false;
  lock?.release().catch(() => {});
  lock = null;
}

async function ask() {
  if (!wanted || document.visibilityState !== "visible" || lock?.released === false) return;
  const given = await navigator.wakeLock?.request("screen").catch(() => null);
  if (!given) return;
  if (wanted) lock = given;
  else given.release().catch(() => {});
}

document.addEventListener("visibilitychange", ask);
