// The STUN and TURN servers that this server tells its pages of.

/** `RTCConfiguration.iceServers`; empty when they cannot be had: most clients come through without. */
export async function iceServers(token = new URLSearchParams(location.search).get("token")) {
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await fetch("/api/config", { headers });
    return answer.ok ? (await answer.json()).iceServers : [];
  } catch {
    return [];
  }
}
