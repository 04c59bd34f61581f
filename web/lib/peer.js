// What publishing and subscribing peers have in common. No STUN or TURN: the server is reachable and brings its
// candidates inside its SDP.

/** A peer connection that trickles its candidates over the socket; `typ` is `pub` or `sub`. */
export function makePeer(signaling, typ) {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" });
  pc.addEventListener("icecandidate", ({ candidate }) => {
    if (pc.signalingState !== "closed") signaling.send("ice", { ...candidate?.toJSON(), typ });
  });
  return pc;
}

/** Calls `lost` once when the connection is over, or has been interrupted for longer than `patience`. */
export function watchPeer(pc, lost, patience = 6000) {
  let timer = 0;
  let told = false;
  const tell = () => {
    if (!told && pc.signalingState !== "closed") lost();
    told = true;
  };
  pc.addEventListener("connectionstatechange", () => {
    clearTimeout(timer);
    if (pc.connectionState === "failed" || pc.connectionState === "closed") tell();
    if (pc.connectionState === "disconnected") timer = setTimeout(tell, patience);
  });
}
