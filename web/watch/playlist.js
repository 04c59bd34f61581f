// Reads HLS playlists: what our server writes, and a little more. Pure.

/** The first variant and its sound: `{ codecs: { video, audio }, video, audio }`, addresses relative to `base`. */
export function readIndex(text, base) {
  const lines = text.split("\n").map((line) => line.trim());
  const at = lines.findIndex((line) => line.startsWith("#EXT-X-STREAM-INF:"));
  if (at < 0) throw new Error("The playlist names no stream.");
  const variant = attributes(lines[at]);
  const main = new URL(lines.slice(at + 1).find((line) => line && !line.startsWith("#")), base).href;
  const sound = lines.filter((line) => line.startsWith("#EXT-X-MEDIA:")).map(attributes).find((media) => media.TYPE === "AUDIO" && media["GROUP-ID"] === variant.AUDIO);
  const all = (variant.CODECS ?? "").split(",");
  const audio = all.find((codec) => codec.startsWith("mp4a"));
  const video = all.find((codec) => !codec.startsWith("mp4a"));
  return {
    video: video ? { address: main, codec: video } : null,
    audio: sound ? { address: new URL(sound.URI, base).href, codec: audio } : video ? null : { address: main, codec: audio },
  };
}

/**
 * A track's playlist: `{ segments, next, holdBack, partTarget, target, ended }`. A segment has `msn`, `init`, `at` (ms of the
 * wall clock), `duration`, `address` once it is whole, and `parts`. `next` is what can be waited for.
 */
export function readMedia(text, base) {
  const list = { segments: [], holdBack: 1, partTarget: 0.4, target: 2, ended: false, next: null };
  const address = (name) => new URL(name, base).href;
  let msn = 0;
  let init = null;
  let segment = { parts: [] };
  for (const line of text.split("\n").map((one) => one.trim())) {
    const given = () => attributes(line);
    if (line.startsWith("#EXT-X-TARGETDURATION:")) list.target = Number(line.slice(22));
    else if (line.startsWith("#EXT-X-SERVER-CONTROL:")) list.holdBack = Number(given()["PART-HOLD-BACK"]);
    else if (line.startsWith("#EXT-X-PART-INF:")) list.partTarget = Number(given()["PART-TARGET"]);
    else if (line.startsWith("#EXT-X-MEDIA-SEQUENCE:")) msn = Number(line.slice(22));
    else if (line.startsWith("#EXT-X-MAP:")) init = address(given().URI);
    else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) segment.at = Date.parse(line.slice(25));
    else if (line.startsWith("#EXT-X-PART:")) segment.parts.push(part(given(), address));
    else if (line.startsWith("#EXTINF:")) segment.duration = parseFloat(line.slice(8));
    else if (line === "#EXT-X-ENDLIST") list.ended = true;
    else if (line && !line.startsWith("#")) {
      list.segments.push({ ...segment, msn, init, address: address(line) });
      msn += 1;
      segment = { parts: [] };
    }
  }
  if (segment.parts.length) list.segments.push({ ...segment, msn, init });
  list.next = { msn, part: segment.parts.length };
  return list;
}

const part = (given, address) => ({ address: address(given.URI), duration: Number(given.DURATION), independent: given.INDEPENDENT === "YES" });

/** `NAME=value,NAME="quoted, value"` after the tag's colon. */
export function attributes(line) {
  const found = {};
  for (const [, name, quoted, plain] of line.slice(line.indexOf(":") + 1).matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^,]*))/g)) found[name] = quoted ?? plain;
  return found;
}

/** Where to begin: the last part or segment that stands alone and is at least the hold-back from the end. `{ msn, part }`. */
export function start(list) {
  let behind = 0;
  let found = null;
  for (const segment of [...list.segments].reverse()) {
    for (let index = segment.parts.length - 1; index >= 0; index -= 1) {
      behind += segment.parts[index].duration;
      found = segment.parts[index].independent ? { msn: segment.msn, part: index } : found;
      if (found?.msn === segment.msn && found.part === index && behind >= list.holdBack) return found;
    }
    if (!segment.parts.length) {
      behind += segment.duration;
      found = { msn: segment.msn, part: 0 };
      if (behind >= list.holdBack) return found;
    }
  }
  return found;
}
