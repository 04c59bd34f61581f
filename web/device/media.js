// Camera and microphone: which there are, which are chosen, and what is wrong with them in words.
// Either may be missing; the page then goes on with the other.

const WHY = {
  NotAllowedError: "is blocked: allow it in the browser's address bar",
  NotFoundError: "was not found",
  NotReadableError: "is in use by another program",
  OverconstrainedError: "cannot do what was asked",
};
const NAMES = { video: "The camera", audio: "The microphone" };
const SECURE = "Browsers give the camera only to HTTPS pages or localhost: open this page by https.";
const KEYS = { video: "millrace.camera", audio: "millrace.microphone" };
const OFF = "off";

export class Media {
  stream = new MediaStream();
  problems = { video: null, audio: null };
  /** What the picture is of: `camera` or `screen`. */
  content = "camera";
  /** Called with the kind whose device ended by itself: `problems` has words, and its track is gone. */
  changed = () => {};

  choice = (kind) => localStorage.getItem(KEYS[kind]) ?? "";
  track = (kind) => this.stream.getTracks().find((one) => one.kind === kind) ?? null;

  /** Opens both; one question to the visitor, two if something is missing. */
  async open() {
    if (!navigator.mediaDevices) {
      this.problems = { video: SECURE, audio: SECURE };
      return;
    }
    const both = { video: this.#constraints("video"), audio: this.#constraints("audio") };
    if (both.video && both.audio) {
      const stream = await navigator.mediaDevices.getUserMedia(both).catch(() => null);
      if (stream) return stream.getTracks().forEach((track) => this.#take(track));
    }
    await this.#openOne("video");
    await this.#openOne("audio");
  }

  /** Another camera or microphone (`off` for none); returns the new track or null. */
  async choose(kind, deviceId) {
    localStorage.setItem(KEYS[kind], deviceId);
    if (kind === "video") this.content = "camera";
    this.#give(kind);
    await this.#openOne(kind);
    return this.track(kind);
  }

  /** Sends a screen or window in place of the camera; `ended()` when the visitor ends that in the browser's own bar. */
  async shareScreen(ended) {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } });
    const [track] = stream.getVideoTracks();
    track.contentHint = "detail"; // text is to be read: rather fewer pictures than smaller ones
    this.#give("video");
    this.stream.addTrack(track);
    this.content = "screen";
    this.problems.video = null;
    track.addEventListener("ended", () => track === this.track("video") && ended());
  }

  /** Back to the camera. */
  async endScreen() {
    this.content = "camera";
    this.#give("video");
    await this.#openOne("video");
  }

  /** `[{value, text}]` for a list to choose from. */
  async options(kind) {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const found = all.filter((one) => one.kind === `${kind}input` && one.deviceId);
    const named = found.map((one, n) => ({ value: one.deviceId, text: one.label || `${NAMES[kind].slice(4)} ${n + 1}` }));
    return [...(named.length ? [] : [{ value: "", text: "None found" }]), ...named, { value: OFF, text: "Off" }];
  }

  async #openOne(kind) {
    const wanted = this.#constraints(kind);
    this.problems[kind] = null;
    if (!wanted || this.track(kind)) return;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ [kind]: wanted });
      this.#take(stream.getTracks()[0]);
    } catch (error) {
      this.problems[kind] = `${NAMES[kind]} ${WHY[error.name] ?? `failed: ${error.message}`}.`;
    }
  }

  #take(track) {
    this.#give(track.kind);
    this.stream.addTrack(track);
    track.addEventListener("ended", () => this.#ended(track));
  }

  // Unplugged, or taken back in the browser's settings; what the page itself stops tells nothing.
  #ended(track) {
    if (track !== this.track(track.kind)) return;
    this.stream.removeTrack(track);
    this.problems[track.kind] = `${NAMES[track.kind]} was unplugged or switched off.`;
    this.changed(track.kind);
  }

  #give(kind) {
    const track = this.track(kind);
    track?.stop();
    if (track) this.stream.removeTrack(track);
  }

  #constraints(kind) {
    const chosen = this.choice(kind);
    if (chosen === OFF) return false;
    const size = kind === "video" ? { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } } : {};
    return { ...size, ...(chosen && { deviceId: { ideal: chosen } }) };
  }
}
