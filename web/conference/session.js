// One stay in a room: joins, makes the two transports, sends what there is to send and takes what others send.
// mediasoup-client makes the peer connections. Leaves what is shown to the page.

import { Device } from "/web/vendor/mediasoup-client.js";
import { Socket } from "./socket.js";

// Chromium and Safari send as many of these as the way carries; viewers get the one that suits them.
const LAYERS = [
  { rid: "r0", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "r1", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "r2", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];
const SCREEN_BITS = 2_500_000;

export class Session {
  /** Producers by what they are of: `audio`, `video`, `screen`. */
  producers = new Map();
  /** Consumers by producer. */
  consumers = new Map();
  you = null;
  #device = new Device();
  #send = null;
  #receive = null;
  #opening = new Set();
  /** What came before the page was ready for it. */
  #held = [];

  /** `on` has `message(type, data)`, `track(producer, consumer)`, `gone(producerId)`, `state(words)`, `lost(error)`. */
  constructor(token, on) {
    this.on = on;
    this.socket = new Socket(token, { message: (type, data) => this.#told(type, data), lost: () => this.#lost() });
  }

  /** Comes in; what the server tells of the room. */
  async join(roomId, username) {
    await this.socket.open();
    const joined = await this.socket.request("join-room", { roomId, username });
    this.you = joined.you;
    this.ice = joined.iceServers ?? [];
    await this.#device.load({ routerRtpCapabilities: joined.routerRtpCapabilities });
    return joined;
  }

  /** From now on the page hears what the others do; what has happened since it came in first. */
  begin() {
    const held = this.#held;
    this.#held = null;
    for (const [type, data] of held) this.#told(type, data);
  }

  /** Sends a track as `audio`, `video` or `screen`; in place of the one before. */
  async send(name, track) {
    const known = this.producers.get(name);
    if (known && track) return known.replaceTrack({ track });
    if (known) return this.stop(name);
    if (!track) return;
    const transport = await (this.#send ??= this.#transport("send"));
    const producer = await transport.produce({ track, ...options(name), stopTracks: false, appData: { source: name } });
    this.producers.set(name, producer);
    producer.on("transportclose", () => this.producers.delete(name));
  }

  /** Sends it no more. */
  async stop(name) {
    const producer = this.producers.get(name);
    if (!producer) return;
    this.producers.delete(name);
    producer.close();
    await this.socket.request("close-producer", { producerId: producer.id }).catch(() => {});
  }

  /** Whether it is sent: others are told. */
  async pause(name, paused) {
    const producer = this.producers.get(name);
    if (!producer || producer.paused === paused) return;
    if (paused) producer.pause();
    else producer.resume();
    await this.socket.request(paused ? "pause-producer" : "resume-producer", { producerId: producer.id });
  }

  say = (text) => this.socket.request("chat-message", { from: this.you.username, text, timestamp: new Date().toISOString() });
  hand = (raised) => this.socket.request("raise-hand", { raised });

  /** Leaves. */
  close() {
    this.on = { message() {}, track() {}, gone() {}, state() {}, lost() {} };
    for (const transport of [this.#send, this.#receive]) transport?.then((one) => one.close(), () => {});
    this.socket.close();
  }

  #told(type, data) {
    if (this.#held) return this.#held.push([type, data]);
    if (type === "new-producer") return this.#take(data).catch((error) => console.warn(`${data.producerId}: ${error.message}`));
    if (type === "producer-closed") return this.#drop(data.producerId);
    if (type === "consumer-closed") return this.#drop(data.producerId);
    if (type === "transport-closed") return this.#lost(new Error(data.message || data.reason));
    this.on.message(type, data);
  }

  // One after another: a transport's descriptions are made in order anyway.
  async #take(producer) {
    this.#opening.add(producer.producerId);
    const transport = await (this.#receive ??= this.#transport("recv"));
    const asked = { transportId: transport.id, producerId: producer.producerId, rtpCapabilities: this.#device.recvRtpCapabilities ?? this.#device.rtpCapabilities };
    const told = await this.socket.request("consume", asked);
    const consumer = await transport.consume({ id: told.id, producerId: told.producerId, kind: told.kind, rtpParameters: told.rtpParameters, streamId: told.streamId });
    if (!this.#opening.delete(producer.producerId)) return consumer.close();
    this.consumers.set(producer.producerId, consumer);
    this.on.track(producer, consumer);
    await this.socket.request("resume-consumer", { consumerId: consumer.id });
  }

  #drop(producerId) {
    this.#opening.delete(producerId);
    this.consumers.get(producerId)?.close();
    this.consumers.delete(producerId);
    this.on.gone(producerId);
  }

  async #transport(direction) {
    const made = await this.socket.request("create-transport", { direction });
    const parameters = { ...made, iceServers: this.ice };
    const transport = direction === "send" ? this.#device.createSendTransport(parameters) : this.#device.createRecvTransport(parameters);
    transport.on("connect", ({ dtlsParameters }, done, failed) => {
      this.socket.request("connect-transport", { transportId: transport.id, dtlsParameters }).then(done, failed);
    });
    transport.on("produce", ({ kind, rtpParameters, appData }, done, failed) => {
      this.socket.request("produce", { transportId: transport.id, kind, rtpParameters, appData }).then(({ id }) => done({ id }), failed);
    });
    transport.on("connectionstatechange", (state) => this.#changed(transport, state));
    return transport;
  }

  // A network that changed is tried anew once; what fails then, fails.
  async #changed(transport, state) {
    this.on.state(state);
    if (state !== "disconnected" && state !== "failed") return;
    try {
      const { iceParameters } = await this.socket.request("restart-ice", { transportId: transport.id });
      await transport.restartIce({ iceParameters });
    } catch (error) {
      if (state === "failed") this.#lost(error);
    }
  }

  #lost(error) {
    const { on } = this;
    this.close();
    on.lost(error);
  }
}

function options(name) {
  if (name === "audio") return { codecOptions: { opusStereo: false, opusDtx: true, opusFec: true } };
  if (name === "screen") return { encodings: [{ maxBitrate: SCREEN_BITS }] };
  return { encodings: LAYERS, codecOptions: { videoGoogleStartBitrate: 800 } };
}

/** What is sent and taken, for the list of figures. */
export async function figures(session) {
  const all = [...session.producers.values(), ...session.consumers.values()];
  const reports = await Promise.all(all.map((one) => one.getStats().catch(() => new Map())));
  return all.map((one, n) => ({ one, reports: [...reports[n].values()] }));
}
