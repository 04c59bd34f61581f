// The line to the other side: JSON by POST to the page's own address (docs/CALL.md). Leaves what it means to `call.js`.

const GONE = "The call is over, or this page was away for too long.";

export class Line {
  #address = new URL("call_line_process/", location.href).pathname;
  #user = null;

  /** `token` may be null. */
  constructor(token) {
    this.token = token;
  }

  /** Whether it has been dialled and not been given up. */
  get isOpen() {
    return this.#user !== null;
  }

  /** Waits for, or completes, a line of this code. `wish` is `{record, relay}`; only what is wanted is sent. */
  async dial(code, wish) {
    const wanted = Object.fromEntries(Object.entries(wish).filter(([, yes]) => yes));
    this.#user = (await this.#post({ code: "dial", call_code: code, ...wanted })).user_id;
  }

  status = () => this.#say({ code: "get_status" });
  offer = (offer) => this.#say({ code: "offer", offer });
  answer = (answer) => this.#say({ code: "answer", answer });
  ice = (ice) => this.#say({ code: "ice", ice });
  /** To the other side by way of the server, where there is no data channel. */
  say = (message) => this.#say({ code: "say", message });

  /** Gives the line up; nobody waits for the answer. */
  disconnect() {
    if (this.isOpen) this.#say({ code: "disconnect" }, true).catch(() => {});
    this.#user = null;
  }

  /** The line is over already. */
  forget() {
    this.#user = null;
  }

  async #say(body, keepalive = false) {
    if (!this.isOpen) throw Object.assign(new Error(GONE), { status: 400 });
    return this.#post({ ...body, user_id: this.#user }, keepalive);
  }

  // Failures are errors with words and the HTTP `status`; none when the server was not reached.
  async #post(body, keepalive = false) {
    const headers = { "Content-Type": "application/json", ...(this.token && { Authorization: `Bearer ${this.token}` }) };
    const answer = await fetch(this.#address, { method: "POST", headers, body: JSON.stringify(body), keepalive }).catch(() => {
      throw new Error("The server cannot be reached.");
    });
    const text = await answer.text();
    if (answer.ok) return text ? JSON.parse(text) : null;
    throw Object.assign(new Error(words(text) ?? `The server answered ${answer.status}.`), { status: answer.status });
  }
}

function words(text) {
  try {
    const { error, message } = JSON.parse(text);
    return error ?? message;
  } catch {
    return null;
  }
}
