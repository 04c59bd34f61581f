// The server's event stream: one connection for all of a page that listen, as a browser has only six to a server.
// Decides when to connect again; leaves what an event means to whoever listens.

const RECONNECT_MS = 10_000;
const streams = new Map();

/** The stream at this address, shared by all who ask. */
export function streamAt(url) {
  if (!streams.has(url)) streams.set(url, new Stream(url));
  return streams.get(url);
}

class Stream {
  #source = null;
  #handlers = [];

  constructor(url) {
    this.url = url;
    this.#connect();
    // A page that the browser keeps for “back” would keep its connection too.
    addEventListener("pagehide", () => this.#source.close());
    addEventListener("pageshow", ({ persisted }) => persisted && this.#connect());
  }

  get isOpen() {
    return this.#source.readyState === EventSource.OPEN;
  }

  /** Calls `handler(notice)` for these events; `open` and `skipped`, after which all may have changed, come without one. */
  on(events, handler) {
    for (const event of events) {
      this.#handlers.push([event, handler]);
      this.#listen(event, handler);
    }
  }

  #connect() {
    const source = new EventSource(this.url);
    this.#source = source;
    for (const [event, handler] of this.#handlers) this.#listen(event, handler);
    // The browser reconnects by itself, except after a refusal.
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.#connect(), RECONNECT_MS);
    });
  }

  #listen(event, handler) {
    const bare = event === "open" || event === "skipped";
    this.#source.addEventListener(event, ({ data }) => handler(bare ? null : JSON.parse(data)));
  }
}
