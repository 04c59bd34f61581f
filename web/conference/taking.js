// What one takes: a consumer for each producer that the server tells of. One that fails is tried once more a little later.

const AGAIN_MS = 2000;

export class Taking {
  /** Consumers by producer. */
  consumers = new Map();
  #there = new Map(); // what is told of and not yet over
  #retried = new Set();

  /** `on` has `track(producer, consumer)`, `gone(producerId)`, `missing(producer, error)`. */
  constructor(way, { device, socket, on }) {
    Object.assign(this, { way, device, socket, on });
  }

  /** A producer is there. */
  async take(producer) {
    this.#there.set(producer.producerId, producer);
    try {
      await this.#consume(producer);
    } catch (error) {
      this.#failed(producer, error);
    }
  }

  /** A producer is gone. */
  drop(producerId) {
    this.#there.delete(producerId);
    this.#retried.delete(producerId);
    this.#close(producerId);
  }

  /** Its consumer was ended, not by us. */
  ended(producerId, error) {
    this.#close(producerId);
    const producer = this.#there.get(producerId);
    if (producer) this.#failed(producer, error);
  }

  close() {
    this.#there.clear();
  }

  async #consume(producer) {
    const transport = await this.way.open();
    const rtpCapabilities = this.device.recvRtpCapabilities ?? this.device.rtpCapabilities;
    const told = await this.socket.request("consume", { transportId: transport.id, producerId: producer.producerId, rtpCapabilities });
    const { id, producerId, kind, rtpParameters, streamId } = told;
    const consumer = await transport.consume({ id, producerId, kind, rtpParameters, streamId });
    if (!this.#isThere(producer)) return consumer.close();
    this.consumers.set(producerId, consumer);
    this.on.track(producer, consumer);
    await this.socket.request("resume-consumer", { consumerId: consumer.id });
  }

  // What cannot be taken cannot be taken later either.
  #failed(producer, error) {
    if (!this.#isThere(producer)) return;
    if (this.#retried.has(producer.producerId) || error.code === "cannot_consume") return this.on.missing(producer, error);
    this.#retried.add(producer.producerId);
    setTimeout(() => this.#isThere(producer) && this.take(producer), AGAIN_MS);
  }

  #isThere = (producer) => this.#there.get(producer.producerId) === producer;

  #close(producerId) {
    this.consumers.get(producerId)?.close();
    this.consumers.delete(producerId);
    this.on.gone(producerId);
  }
}
