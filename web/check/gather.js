// What a STUN or TURN server says: the candidates it gives, and its errors.

const LIMIT_MS = 12_000;

/**
 * Gathers with these servers alone, until the first `wanted` candidate (`srflx`, `relay`) or the end.
 * `{candidates: [{type, protocol, address}], errors: [{code, text}], complete}`; no credentials in it.
 */
export async function gather(iceServers, wanted) {
  const pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: wanted === "relay" ? "relay" : "all" });
  const found = { candidates: [], errors: [], complete: false };
  try {
    pc.createDataChannel("check");
    const done = ended(pc, wanted, found);
    await pc.setLocalDescription(await pc.createOffer());
    await done;
  } finally {
    pc.close();
  }
  return found;
}

function ended(pc, wanted, found) {
  return new Promise((resolve) => {
    setTimeout(resolve, LIMIT_MS);
    pc.addEventListener("icecandidateerror", ({ errorCode, errorText }) => found.errors.push({ code: errorCode, text: errorText }));
    pc.addEventListener("icecandidate", ({ candidate }) => {
      if (!candidate) {
        found.complete = true;
        resolve();
      } else if (candidate.candidate) {
        found.candidates.push({ type: candidate.type, protocol: candidate.protocol, address: candidate.address });
        if (candidate.type === wanted) resolve();
      }
    });
  });
}

const transport = (url) => (url.startsWith("turns:") ? "tls" : /[?&]transport=tcp/i.test(url) ? "tcp" : "udp");
const urlsOf = ({ urls }) => [urls].flat();

/** The servers of a kind: `stun`, or TURN by `udp`, `tcp`, `tls`; each with the matching addresses alone. */
export function serversBy(kind, servers) {
  const fits = (url) => (kind === "stun" ? url.startsWith("stun") : url.startsWith("turn") && transport(url) === kind);
  const only = servers.map((server) => ({ ...server, urls: urlsOf(server).filter(fits) }));
  return only.filter(({ urls }) => urls.length);
}

/** What `judge` asks of STUN. */
export async function tryStun(servers) {
  const mine = serversBy("stun", servers);
  if (!mine.length) return { configured: false };
  const found = await gather(mine, "srflx");
  const addresses = found.candidates.filter(({ type }) => type === "srflx").map(({ address }) => address);
  const hosts = found.candidates.filter(({ type }) => type === "host").length;
  return { ...found, configured: true, addresses: [...new Set(addresses)], hosts };
}

/** The same of TURN by `kind`; `withheld` when servers may be hidden from who has no token. */
export async function tryTurn(kind, servers, withheld) {
  const mine = serversBy(kind, servers);
  if (!mine.length) return { configured: false, withheld };
  const found = await gather(mine, "relay");
  const relays = found.candidates.filter(({ type }) => type === "relay").map(({ address }) => address);
  return { ...found, configured: true, relays: [...new Set(relays)] };
}
