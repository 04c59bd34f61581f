// getStats (W3C webrtc-stats) boiled down to the figures the pages show. Rates need two readings: make one Meter per
// connection and read it regularly.

const sum = (reports, field) => reports.reduce((total, report) => total + (report[field] ?? 0), 0);

export class Meter {
  #pc;
  #before = null;

  constructor(pc) {
    this.#pc = pc;
  }

  /** `{width, height, fps, frames, bitrate, rtt, bytes}`; null where the browser does not know yet. */
  async read() {
    const reports = [...(await this.#pc.getStats()).values()];
    const inbound = reports.filter((one) => one.type === "inbound-rtp");
    const outbound = reports.filter((one) => one.type === "outbound-rtp");
    const video = largest([...inbound, ...outbound].filter((one) => one.kind === "video"));
    const bytes = sum(inbound, "bytesReceived") + sum(outbound, "bytesSent");
    return {
      width: video?.frameWidth ?? null,
      height: video?.frameHeight ?? null,
      fps: video?.framesPerSecond ?? null,
      frames: video?.framesDecoded ?? video?.framesEncoded ?? 0,
      limited: video?.qualityLimitationReason ?? null,
      bytes,
      bitrate: this.#rate(bytes),
      rtt: roundTrip(reports),
    };
  }

  #rate(bytes) {
    const now = { at: performance.now(), bytes };
    const before = this.#before;
    this.#before = now;
    return before && now.at > before.at ? ((bytes - before.bytes) * 8000) / (now.at - before.at) : null;
  }
}

// Of a publisher's copies, the one that stands for it.
const largest = (reports) => reports.sort((a, b) => (b.frameWidth ?? 0) - (a.frameWidth ?? 0))[0];

// The selected pair's own measure; where a browser has none, what the receiver reported of our media.
function roundTrip(reports) {
  const selected = reports.find((one) => one.type === "transport")?.selectedCandidatePairId;
  const pair = reports.find((one) => one.type === "candidate-pair" && (selected ? one.id === selected : one.nominated));
  const remote = reports.find((one) => one.type === "remote-inbound-rtp");
  return pair?.currentRoundTripTime ?? remote?.roundTripTime ?? null;
}
