// Who this page is to the server: token and client id, and where they are kept.
// A token that came in the address is taken out of it, so that it is not shared with the link.

const TOKEN = "millrace.token";

/** The token: from `?token=`, else kept from before, else a placeholder, which is good where no secret is set. */
export function token(fallback) {
  const address = new URL(location.href);
  const given = address.searchParams.get("token");
  if (given) {
    sessionStorage.setItem(TOKEN, given);
    address.searchParams.delete("token");
    history.replaceState(null, "", address);
  }
  return sessionStorage.getItem(TOKEN) ?? fallback;
}

/** Keeps a token typed by the visitor; an empty one forgets it. */
export function keepToken(text) {
  if (text) sessionStorage.setItem(TOKEN, text);
  else sessionStorage.removeItem(TOKEN);
}

/** A console's id: one per tab, the same after a reload. */
export const consoleId = () => keptOrNew(sessionStorage, "millrace.console", () => `console-${randomNumber()}`);

/** A device's id: `?id=`, else the same at every visit. */
export function deviceId() {
  const given = new URL(location.href).searchParams.get("id");
  return given || keptOrNew(localStorage, "millrace.device", () => `camera-${randomNumber()}`);
}

/** Keeps a device id chosen by the visitor. */
export function keepDeviceId(text) {
  localStorage.setItem("millrace.device", text);
  const address = new URL(location.href);
  address.searchParams.delete("id");
  history.replaceState(null, "", address);
}

/** A new id for a tab that was duplicated together with its storage. */
export function forgetConsoleId() {
  sessionStorage.removeItem("millrace.console");
}

function keptOrNew(storage, key, make) {
  const kept = storage.getItem(key);
  if (kept) return kept;
  const made = make();
  storage.setItem(key, made);
  return made;
}

const randomNumber = () => crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
