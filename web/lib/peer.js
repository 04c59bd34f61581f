// What publishing and subscribing peers have in common. The server is reachable and brings its candidates inside its
// SDP; STUN and TURN help where a network lets nothing else through.

import { iceServers, knownIceServers } from "./ice.js";

/** A peer connection that trickles its candidates over the socket; `typ` is `pub` or `sub`. */
export function makePeer(signaling, typ) {
  const setup = { bundlePolicy: "max-bundle", rtcpMuxPolicy: "require", iceServers: knownIceServers() };
  const pc = new RTCPeerConnection(setup);
  refresh(pc, setup);
  pc.addEventListener("icecandidate", ({ candidate }) => {
    if (pc.signalingState !== "closed") signaling.send("ice", { ...candidate?.toJSON(), typ });
  });
  return pc;
}

// Told while the descriptions are made is early enough; what comes later is for the next peer.
async function refresh(pc, setup) {
  const servers = await iceServers();
  const early = pc.signalingState !== "closed" && !pc.localDescription;
  if (early && servers !== setup.iceServers) pc.setConfiguration({ ...setup, iceServers: servers });
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
