// How well pictures come and go, from getStats: bars for the tiles, figures for who wants to know.

import * as format from "../lib/format.js";
import { figures } from "./session.js";

const before = new Map(); // by consumer or producer: {at, bytes, freezes, lost, packets}

/** `[{producerId, own, bars, words, text}]`, one for each picture. */
export async function measure(session) {
  const all = await figures(session);
  const pictures = all.filter(({ one }) => one.kind === "video");
  const measured = pictures.map(({ one, reports }) => picture(one, reports)).filter(Boolean);
  const ids = new Set(all.map(({ one }) => one.id));
  for (const id of [...before.keys()]) if (!ids.has(id)) before.delete(id);
  return measured;
}

function picture(one, reports) {
  const streams = reports.filter(({ type, kind }) => (type === "inbound-rtp" || type === "outbound-rtp") && kind === "video");
  const best = streams.sort((a, b) => (b.frameHeight ?? 0) - (a.frameHeight ?? 0))[0];
  if (!best) return null;
  const now = {
    at: performance.now(), bytes: sum(streams, "bytesReceived") + sum(streams, "bytesSent"),
    freezes: best.totalFreezesDuration ?? 0, lost: best.packetsLost ?? 0, packets: best.packetsReceived ?? 0,
  };
  const last = before.get(one.id);
  before.set(one.id, now);
  if (!last) return null;
  const own = best.type === "outbound-rtp";
  const bitrate = ((now.bytes - last.bytes) * 8000) / (now.at - last.at);
  const text = `${format.resolution(best.frameWidth, best.frameHeight)}, ${format.rate(best.framesPerSecond)}, ${format.bitrate(bitrate)}`;
  return { id: one.id, producerId: own ? one.id : one.producerId, own, ...judged(best, now, last, own), text };
}

const sum = (reports, field) => reports.reduce((total, report) => total + (report[field] ?? 0), 0);

function judged(best, now, last, own) {
  const limited = best.qualityLimitationReason;
  if (own) return limited === "bandwidth" ? { bars: 1, words: "Your connection carries less than your camera gives." } : { bars: 3, words: "Sent as it is." };
  const came = now.packets - last.packets;
  const lost = came + now.lost - last.lost > 0 ? (now.lost - last.lost) / (came + now.lost - last.lost) : 0;
  if (now.freezes > last.freezes || lost > 0.05) return { bars: 1, words: "The picture stops now and then: your connection loses what is sent." };
  // A shared screen changes seldom.
  const slow = (best.framesPerSecond ?? 30) < 12 && best.contentType !== "screenshare";
  if (lost > 0.01 || slow) return { bars: 2, words: "The picture comes with losses." };
  return { bars: 3, words: "The picture comes well." };
}
