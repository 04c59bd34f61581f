// Addresses under which others can watch: a feed by its name or number, the room's mix as `mix`.

const RTSP_PORT = 8554;
const id = encodeURIComponent;

/** What an address can be given to: `{name, purpose, url}`. */
export function linksTo(room, feed, { origin, hostname } = location) {
  const path = `${id(room)}/${id(feed)}`;
  return [
    { name: "watch", title: "Watch page", purpose: "For people: opens in any browser.", url: `${origin}/watch/${path}` },
    { name: "hls", title: "HLS", purpose: "For players and televisions.", url: `${origin}/hls/${path}/index.m3u8` },
    { name: "rtsp", title: "RTSP", purpose: "For VLC, ffmpeg and recorders.", url: `rtsp://${hostname}:${RTSP_PORT}/${path}` },
    { name: "whep", title: "WHEP", purpose: "For WebRTC players: the least delay.", url: `${origin}/whep/${path}` },
  ];
}
