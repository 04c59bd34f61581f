// The checks in their order: what each is called. Rows, text and tests go by these names.

/** `[id, title]` */
export const CHECKS = [
  ["browser", "Browser"],
  ["camera", "Camera"],
  ["microphone", "Microphone"],
  ["http", "Server"],
  ["socket", "WebSocket"],
  ["stun", "STUN"],
  ["turnUdp", "TURN over UDP"],
  ["turnTcp", "TURN over TCP"],
  ["turnTls", "TURN over TLS"],
  ["udp", "Media over UDP"],
  ["tcp", "Media over TCP"],
  ["relay", "Media by TURN"],
  ["speed", "Bandwidth"],
  ["line", "Quality of the line"],
];
