// Addresses under which others can watch: a feed by its name or number, the room's mix as `mix`.

const id = encodeURIComponent;
let rtspPort = null;

/** Reads where players find feeds; until then, and while the RTSP server is off, there is no RTSP address. */
export async function readPlayers(api) {
  rtspPort = (await api.players().catch(() => null))?.rtsp_port ?? null;
}

/** What an address can be given to: `{name, purpose, url}`. */
export function linksTo(room, feed, { origin, hostname } = location) {
  const path = `${id(room)}/${id(feed)}`;
  return [
    { name: "watch", title: "Watch page", purpose: "For people: opens in any browser.", url: `${origin}/watch/${path}` },
    { name: "hls", title: "HLS", purpose: "For players and televisions.", url: `${origin}/hls/${path}/index.m3u8` },
    ...(rtspPort ? [{ name: "rtsp", title: "RTSP", purpose: "For VLC, ffmpeg and recorders.", url: `rtsp://${hostname}:${rtspPort}/${path}` }] : []),
    { name: "whep", title: "WHEP", purpose: "For WebRTC players: the least delay.", url: `${origin}/whep/${path}` },
  ];
}
