// The server's HTTP and WebSocket.

const ANSWER_MS = 6000;
const LOCAL = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Asks `/health` three times; the quickest counts. Besides: what the server says of itself. */
export async function tryHttp() {
  const facts = { secure: location.protocol === "https:", local: LOCAL.test(location.hostname) };
  const times = [];
  let health = null;
  for (let n = 0; n < 3; n++) {
    const begun = performance.now();
    const answer = await fetch("/health", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
    if (!answer) return { ...facts, error: "unreachable" };
    if (!answer.ok) return { ...facts, error: "status", status: answer.status };
    health = await answer.json().catch(() => null);
    times.push(performance.now() - begun);
  }
  return { ...facts, ms: Math.max(1, Math.round(Math.min(...times))), version: health?.version, open: health?.open === true, guests: Boolean(health?.guests?.length) };
}

/** The STUN and TURN servers that this server tells of: `{servers}`, or `unasked` where it did not answer. */
export async function askServers(token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch("/api/config", { headers, cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
  const told = answer?.ok ? await answer.json().catch(() => null) : null;
  return told ? { servers: told.iceServers ?? [] } : { servers: [], unasked: true };
}

/** Opens the signaling's WebSocket and sends what must be answered. */
export async function trySocket(name, token) {
  for (const role of ["WEB", "DEVICE"]) {
    const found = await roundTrip(`/ws/connect/${role}/${name}/${encodeURIComponent(token ?? "check")}`);
    if (found.refused !== 403) return found;
  }
  return { refused: 403 };
}

function roundTrip(path) {
  return new Promise((resolve) => {
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + path);
    let [opened, sent] = [false, 0];
    const done = (found) => {
      clearTimeout(late);
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      resolve(found);
    };
    const late = setTimeout(() => done({ error: opened ? "silent" : "blocked" }), ANSWER_MS);
    socket.onopen = () => {
      opened = true;
      sent = performance.now();
      socket.send(JSON.stringify({ event: "leave", data: {} })); // in no room: the answer says so
    };
    // Besides the answer, a refusal, the server may have news.
    socket.onmessage = ({ data }) => JSON.parse(data).event === "error" && done({ ms: Math.max(1, Math.round(performance.now() - sent)) });
    socket.onclose = () => (opened ? done({ error: "silent" }) : why(path).then(done));
  });
}

// A browser does not tell why an upgrade failed: the same address asked plainly does.
async function why(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
  if (answer?.status === 401 || answer?.status === 403) return { refused: answer.status };
  return { error: "blocked", status: answer?.status };
}
