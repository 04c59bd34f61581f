// WHIP and WHEP, as far as the check needs them: sessions opened by an offer, and ended whatever happens.

const ANSWER_MS = 10_000;
const END_MS = 3000;
const open = new Set(); // addresses

/** Why no session came about: `error` (`refused`, `unreachable`), the HTTP `status` and the server's words. */
export class Refusal extends Error {
  constructor(error, status, detail) {
    super(detail);
    Object.assign(this, { error, status, detail });
  }
}

/** Posts the peer's offer; `{address, sdp}` of the session and its answer. */
export async function openSession(path, token, offer) {
  const headers = { "Content-Type": "application/sdp", ...(token && { Authorization: `Bearer ${token}` }) };
  const wish = { method: "POST", headers, body: offer, signal: AbortSignal.timeout(ANSWER_MS) };
  const answer = await fetch(path, wish).catch(() => {
    throw new Refusal("unreachable");
  });
  const text = await answer.text();
  if (answer.status !== 201) throw new Refusal("refused", answer.status, words(text));
  const address = new URL(answer.headers.get("Location"), new URL(path, location.href)).href;
  open.add(address);
  return { address, sdp: text };
}

/** Ends a session; one that is gone is no error. */
export async function endSession(address) {
  if (!address || !open.delete(address)) return;
  await fetch(address, { method: "DELETE", keepalive: true, signal: AbortSignal.timeout(END_MS) }).catch(() => {});
}

/** Ends all that is open. */
export const endAll = () => Promise.all([...open].reverse().map(endSession));

// A page that goes leaves nothing behind.
addEventListener("pagehide", endAll);

function words(text) {
  try {
    const { detail, message, title } = JSON.parse(text);
    return String(detail ?? message ?? title);
  } catch {
    return text.slice(0, 200);
  }
}
