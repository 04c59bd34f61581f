// Cameras and their streams in words. Pure.

/** A device that was found: what to call it, and what else is known. */
export function cameraWords({ name, hardware, location, address }) {
  const called = name || hardware || host(address);
  const facts = [hardware !== called && hardware, location?.split("/").at(-1), host(address)];
  return { name: called, facts: facts.filter((fact) => fact && fact !== called).join(" · ") };
}

/** A stream: size, codec, pace. */
export function streamWords({ width, height, encoding, framerate, bitrate, audio, ptz }) {
  const facts = [
    width && height && `${width} × ${height}`,
    encoding === "H264" ? "H264" : encoding && `${encoding}, is transcoded for browsers`,
    framerate && `${Math.round(framerate)} fps`,
    bitrate && bitrate < 1e9 && `up to ${(bitrate / 1e6).toFixed(1)} Mbit/s`,
    audio ? `sound ${audio}` : "no sound",
    ptz && "can be moved",
  ];
  return facts.filter(Boolean).join(" · ");
}

function host(address) {
  try {
    return new URL(address).host;
  } catch {
    return address;
  }
}
