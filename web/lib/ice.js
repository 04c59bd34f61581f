// The STUN and TURN servers that this server tells its pages of.
// Decides when to ask again; never stands in the way of a connection, which mostly comes about without them.

const OLDEST_MS = 3_600_000;
const ANSWER_MS = 5000;
let told = { servers: [], until: 0, token: null };
let asking = null; // {token, answer}

/** `RTCConfiguration.iceServers`; empty when they cannot be had: most clients come through without. */
export async function iceServers(token = given()) {
  if (told.token === token && performance.now() < told.until) return told.servers;
  if (asking?.token !== token) asking = { token, answer: ask(token) };
  const { answer } = asking;
  return answer.finally(() => asking?.answer === answer && (asking = null));
}

/** The same for who is about to offer: what is known by then, after `ms` at the latest. */
export const iceServersSoon = (ms = 300) =>
  Promise.race([iceServers(), new Promise((resolve) => setTimeout(() => resolve(told.servers), ms))]);

/** What is known now. */
export const knownIceServers = () => told.servers;

/** The token that the page has: in its address, else kept from before. Unlike `identity.js` it leaves the address alone. */
export const given = () => new URLSearchParams(location.search).get("token") ?? sessionStorage.getItem("millrace.token");

async function ask(token) {
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await fetch("/api/config", { headers, signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok) return told.servers;
    const servers = (await answer.json()).iceServers;
    told = { servers, token, until: performance.now() + freshFor(servers, answer.headers.get("date")) };
  } catch {
    // The next peer asks again.
  }
  return told.servers;
}

// Half of what is left, by the server's clock: a user name begins with the second in which it expires.
function freshFor(servers, date) {
  const now = Date.parse(date) || Date.now();
  const ends = servers.map(({ username }) => Number.parseInt(username, 10) * 1000 - now).filter((left) => left > 0);
  return Math.min(OLDEST_MS, ...ends.map((left) => left / 2));
}
