// One run of all checks, in order; what does not disturb each other runs at the same time.
// Decides what is tried and what is left out; leaves the words to `judge.js` and the page to `view.js`.

import { stop, tryCamera, tryMicrophone } from "./devices.js";
import { serversBy, tryStun, tryTurn } from "./gather.js";
import { judge } from "./judge.js";
import { Loop } from "./loop.js";
import { measure, selected } from "./measure.js";
import { Picture } from "./picture.js";
import { askServers, trySocket, tryHttp } from "./server.js";
import { askForRoom, endAll } from "./session.js";

const MEDIA = ["udp", "tcp", "relay"];
const TURN = ["turnUdp", "turnTcp", "turnTls"];
const NETWORK = ["stun", ...TURN];

export class Run {
  /** `{id: {found, tone, words, todo}}` */
  results = {};
  /** Lines for support that are in no row: candidates and paths. */
  notes = [];
  version = null;
  #camera = null;
  #picture = null;

  /** `view` has `running(id, words)`, `done(id, verdict)` and `place(id)`, an empty element for a picture. */
  constructor(view, token) {
    Object.assign(this, { view, token });
  }

  async all() {
    try {
      await this.#local();
      await this.#server();
    } finally {
      stop(this.#camera);
      await endAll();
    }
    return this.results;
  }

  async #local() {
    const facts = { secure: isSecureContext, rtc: Boolean(globalThis.RTCPeerConnection), devices: Boolean(navigator.mediaDevices?.getUserMedia) };
    await this.#step("browser", async () => facts);
    await this.#step("camera", async () => {
      const { stream, ...found } = await tryCamera(this.view.place("camera"));
      this.#camera = stream;
      return found;
    });
    await this.#step("microphone", () => tryMicrophone(this.view.place("microphone")));
  }

  async #server() {
    const { version, open, guests, error } = await this.#step("http", tryHttp);
    this.version = version;
    const rest = ["socket", ...NETWORK, ...MEDIA, "speed", "line"];
    if (error) return this.#skip(rest, { skipped: "server" });
    // Of media: guests are let in without one, then only the WebSocket goes untried.
    this.place = open || guests || this.token ? await askForRoom(this.token) : { status: 401 };
    const needsToken = this.place.status === 401 && !this.token;
    const socket = async () => (!open && !this.token ? { needsToken: true } : trySocket("check", this.token));
    const { refused } = await this.#step("socket", socket);
    if (!globalThis.RTCPeerConnection) return this.#skip(rest.slice(1), { skipped: "browser" });
    const { servers, unasked } = await askServers(this.token);
    const none = { configured: false, withheld: needsToken || Boolean(refused), unasked };
    await this.#network(servers, none);
    if (needsToken) return this.#skip([...MEDIA, "speed", "line"], { needsToken });
    await this.#media(serversBy("udp", servers).concat(serversBy("tcp", servers), serversBy("tls", servers)), none);
  }

  // `none` is what is found where there is no such server.
  #network(servers, none) {
    const turn = (kind) => async () => this.#noted(`TURN over ${kind}`, await tryTurn(kind, servers, none));
    return Promise.all([
      this.#step("stun", async () => this.#noted("STUN", await tryStun(servers, none))),
      this.#step("turnUdp", turn("udp")),
      this.#step("turnTcp", turn("tcp")),
      this.#step("turnTls", turn("tls")),
    ]);
  }

  async #media(relays, none) {
    const loops = {};
    // Made within a step: a browser that makes no such picture fails there, in words.
    const made = (way, name) => {
      const { stream } = (this.#picture ??= new Picture());
      return (loops[name] = new Loop(way, name, { ...this.place, picture: stream, iceServers: relays }));
    };
    try {
      await Promise.all(MEDIA.map((way) => this.#step(way, () => this.#way(loops, made, way, relays, none))));
      const best = MEDIA.find((way) => this.results[way].tone === "good");
      if (!best) return this.#skip(["speed", "line"], { skipped: "media" });
      await Promise.all(Object.values(loops).map((loop) => loop.close()));
      await this.#measured(made(best, "measured"), this.#picture); // a viewer of whose line the server knows nothing yet
    } finally {
      this.#picture?.stop();
      await Promise.all(Object.values(loops).map((loop) => loop.close()));
    }
  }

  async #way(loops, made, way, relays, none) {
    if (way === "relay" && !relays.length) return none;
    if (way === "relay" && !TURN.some((id) => this.results[id].tone === "good")) return { skipped: "relay" };
    const loop = made(way, way);
    const found = await loop.open();
    const ports = Object.assign({}, ...MEDIA.map((other) => loops[other]?.offered));
    const protocol = way === "tcp" ? "tcp" : "udp";
    if (loop.down) this.#notePath(way, [...(await loop.down.getStats()).values()]);
    const configured = !found.error || found.error !== "blocked" || protocol in ports;
    return { ...found, configured, port: ports[protocol], host: location.hostname };
  }

  async #measured(loop, picture) {
    this.view.running("line");
    const found = await this.#step("speed", async () => {
      const opened = await loop.open();
      if (opened.error) return { error: "interrupted" };
      return measure(loop, picture, (step) => this.view.running("speed", `Sending up to ${step / 1e6} Mbit/s…`));
    });
    await this.#step("line", async () => found);
  }

  // A check that fails in a way nobody thought of is a result as well.
  async #step(id, task) {
    this.view.running(id);
    const found = await task().catch((error) => ({ broken: String(error?.message ?? error) }));
    this.results[id] = { found, ...judge(id, found) };
    this.view.done(id, this.results[id]);
    return found;
  }

  #skip(ids, found) {
    for (const id of ids) this.view.done(id, (this.results[id] = { found, ...judge(id, found) }));
  }

  #noted(name, found) {
    if (!found.configured) return found;
    const kinds = found.candidates.map(({ type, protocol }) => `${type} ${protocol}`);
    const errors = found.errors.map(({ code, text }) => `${code} ${text}`);
    this.notes.push(`${name}: candidates ${tally(kinds)}; errors ${tally(errors)}`);
    return found;
  }

  #notePath(way, reports) {
    const path = selected(reports);
    const end = (side) => `${side.candidateType} ${side.protocol} ${side.address ?? side.ip ?? "?"}:${side.port ?? "?"}`;
    if (path) this.notes.push(`Media ${way}: ${end(path.local)} → ${end(path.remote)}`);
  }
}

const tally = (words) => [...new Set(words)].map((one) => `${words.filter((other) => other === one).length}× ${one}`).join(", ") || "none";
