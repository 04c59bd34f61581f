// One way of media, out or in: a transport of mediasoup-client's, opened when it is first needed. Where its network
// changes, it is tried anew at once.

import { Refused } from "./socket.js";

const RESTART_MS = 5000;

export class Way {
  #opening = null;
  #restarting = false;
  /** Whether its network carries nothing just now. */
  broken = false;

  /** `direction`: `send` or `recv`. `on` has `changed(state)`, of the connection, and `lost(error)`. */
  constructor(direction, { device, socket, ice, on }) {
    Object.assign(this, { direction, device, socket, ice, on });
  }

  /** The transport. A failure is not kept: who needs it next tries again. */
  open() {
    this.#opening ??= this.#make().catch((error) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  close() {
    this.#opening?.then((transport) => transport.close(), () => {});
  }

  async #make() {
    const made = { ...(await this.socket.request("create-transport", { direction: this.direction })), iceServers: this.ice() };
    const transport = this.direction === "send" ? this.device.createSendTransport(made) : this.device.createRecvTransport(made);
    const ask = (type, data) => this.socket.request(type, { transportId: transport.id, ...data });
    transport.on("connect", ({ dtlsParameters }, done, failed) => ask("connect-transport", { dtlsParameters }).then(done, failed));
    transport.on("produce", ({ kind, rtpParameters, appData }, done, failed) => {
      ask("produce", { kind, rtpParameters, appData }).then(({ id }) => done({ id }), failed);
    });
    transport.on("connectionstatechange", (state) => this.#changed(transport, state));
    return transport;
  }

  async #changed(transport, state) {
    this.broken = state === "disconnected" || state === "failed";
    this.on.changed(state);
    if (!this.broken || this.#restarting) return;
    this.#restarting = true;
    try {
      const { iceParameters } = await this.socket.request("restart-ice", { transportId: transport.id }, RESTART_MS);
      await transport.restartIce({ iceParameters });
    } catch (error) {
      // No answer: the server is out of reach. A refusal matters where nothing else can help.
      if (!(error instanceof Refused) || transport.connectionState === "failed") this.on.lost(error);
    } finally {
      this.#restarting = false;
    }
  }
}
