// Addresses of sources as people write them: kinds with examples, and credentials taken out of them.

/** What can be opened: what it is called, an example, what to know, and which further options apply. */
export const KINDS = {
  rtsp: { name: "IP camera (RTSP)", example: "rtsp://192.168.1.20:554/stream1", login: true, transport: true,
    hint: "The camera's manual names the path. rtsps:// for an encrypted connection." },
  http: { name: "Web stream (HLS, MP4, MJPEG)", example: "https://example.org/live/index.m3u8", login: true, repeat: true,
    hint: "The address of a playlist, a file or an MJPEG picture." },
  rtmp: { name: "RTMP server", example: "rtmp://192.168.1.30/live/door", login: false, hint: "The stream is pulled from the server." },
  srt: { name: "SRT", example: "srt://192.168.1.30:9000", login: true, hint: "Add ?mode=listener and leave out the host to wait for a sender. The password is the passphrase." },
  udp: { name: "MPEG-TS over UDP", example: "udp://239.0.0.1:5004", login: false, hint: "A port of this server, or a multicast group." },
  file: { name: "File on the server", example: "file:///film.mp4", login: false, repeat: true, hint: "From the folder that the server's settings name ([reach] files)." },
  test: { name: "Test picture", example: "test://smpte", login: false, hint: "Made by the server itself: colour bars, to see that all works." },
};

const SAME = { rtsps: "rtsp", https: "http", rtmps: "rtmp" };

/** The kind of an address; null when its scheme is none of ours. */
export function kindOf(address) {
  const scheme = /^\s*([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  const kind = SAME[scheme] ?? scheme;
  return kind in KINDS ? kind : null;
}

/** An address without credentials, and these: `{uri, user, password}`; null when it has none. */
export function credentialsIn(address) {
  const found = /^(\s*[a-z][a-z0-9+.-]*:\/\/)([^/?#]*)@(.*)$/i.exec(address);
  if (!found) return null;
  const [user, ...rest] = found[2].split(":");
  return { uri: (found[1] + found[3]).trim(), user: plain(user), password: plain(rest.join(":")) };
}

function plain(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone percent sign is part of it
  }
}
