// Bandwidth, loss, jitter and round trip of an open way, with a bit rate that rises step by step.

import { limit } from "./picture.js";

/** What is sent at most, in bits per second, one step after the other. */
export const STEPS = [500e3, 1.5e6, 3e6, 6e6];
const STEP_MS = 2000;
const READ_MS = 500;

/** `{up, down, top, rising, limited, hidden, rtt, lossUp, lossDown, jitter, codecs, over, frames}` or `{error}`; rates in bit/s, times in s. */
export async function measure(loop, picture, progress) {
  picture.busy = true;
  const readings = [await read(loop)];
  let hidden = document.visibilityState !== "visible";
  for (const step of STEPS) {
    progress(step);
    await limit(loop.up, step, 1);
    for (let n = 0; n < STEP_MS / READ_MS; n++) {
      await new Promise((resolve) => setTimeout(resolve, READ_MS));
      hidden ||= document.visibilityState !== "visible";
      if ([loop.up, loop.down].some((pc) => ["failed", "closed"].includes(pc.connectionState))) return { error: "interrupted" };
      readings.push(await read(loop));
    }
  }
  return boiled(readings, hidden);
}

/** Readings boiled down; the best second counts, as a line's bandwidth is what it can carry. Pure. */
export function boiled(readings, hidden = false) {
  const [first, last] = [readings[0], readings.at(-1)];
  const before = readings.at(-4) ?? first;
  if (last.received === before.received) return { error: "interrupted" };
  const best = (name) => Math.max(...readings.slice(2).map((now, n) => ((now[name] - readings[n][name]) * 8000) / (now.at - readings[n].at)));
  const rate = (from, to) => ((to.sent - from.sent) * 8000) / (to.at - from.at || 1);
  const middle = readings.at(-5) ?? first;
  const rising = rate(before, last) > 1.2 * rate(readings.at(-8) ?? first, middle);
  const trips = readings.map(({ rtt }) => rtt).filter((rtt) => rtt != null);
  const [came, lost] = [last.packets - first.packets, Math.max(0, last.lost - first.lost)];
  return {
    up: best("sent"), down: best("received"), top: STEPS.at(-1), rising, hidden,
    limited: last.limited, over: last.over, codecs: last.codecs, frames: last.frames,
    rtt: trips.reduce((sum, rtt) => sum + rtt, 0) / (trips.length || 1),
    jitter: Math.max(...readings.map(({ jitter }) => jitter ?? 0)),
    lossUp: Math.max(0, ...readings.map(({ lossUp }) => lossUp ?? 0)),
    lossDown: came + lost ? lost / (came + lost) : 0,
  };
}

async function read({ up, down }) {
  const [sent, got] = [[...(await up.getStats()).values()], [...(await down.getStats()).values()]];
  const of = (all, type, kind = "video") => all.find((one) => one.type === type && (!one.kind || one.kind === kind)) ?? {};
  const [out, inbound] = [of(sent, "outbound-rtp"), of(got, "inbound-rtp")];
  const pair = selected(sent);
  const codec = (one, all) => all.find(({ id }) => id === one.codecId)?.mimeType?.split("/")[1];
  return {
    at: performance.now(), sent: out.bytesSent ?? 0, received: inbound.bytesReceived ?? 0,
    packets: inbound.packetsReceived ?? 0, lost: inbound.packetsLost ?? 0, jitter: inbound.jitter, frames: inbound.framesDecoded ?? 0,
    rtt: pair?.pair.currentRoundTripTime, lossUp: of(sent, "remote-inbound-rtp").fractionLost, limited: out.qualityLimitationReason,
    codecs: [codec(inbound, got), codec(of(got, "inbound-rtp", "audio"), got)].filter(Boolean),
    over: pair ? overWords(pair) : "?",
  };
}

/** The pair of candidates that carries a peer's media: `{pair, local, remote}`. */
export function selected(reports) {
  const id = reports.find(({ type }) => type === "transport")?.selectedCandidatePairId;
  const pair = reports.find((one) => one.type === "candidate-pair" && (id ? one.id === id : one.nominated && one.state === "succeeded"));
  const side = (name) => reports.find((one) => one.id === pair[name]) ?? {};
  return pair && { pair, local: side("localCandidateId"), remote: side("remoteCandidateId") };
}

const overWords = ({ local, remote }) => (local.candidateType === "relay" ? `TURN (${local.relayProtocol ?? "?"})` : (remote.protocol ?? local.protocol ?? "?").toUpperCase());
