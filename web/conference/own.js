// What one shows of oneself: camera, microphone, a shared screen, a raised hand. It is sent while one is in the meeting, and what a
// visitor has muted stays muted whatever comes between.

import { Media } from "../device/media.js";
import { tell } from "../lib/notify.js";
import { Refused } from "./socket.js";
import { endedWords, errorWords } from "./words.js";

const NAMES = ["audio", "video", "screen"];

export class Own {
  media = new Media();
  screen = null;
  raised = false;
  #muted = { audio: false, video: false };

  /** `stay` sends it; `changed()`: it looks otherwise. */
  constructor(stay, changed) {
    Object.assign(this, { stay, changed });
    this.media.changed = (kind) => {
      tell(this.media.problems[kind], "error");
      this.changed();
      this.send(kind);
    };
  }

  track = (name) => (name === "screen" ? this.screen?.getVideoTracks()[0] ?? null : this.media.track(name));

  /** All that there is: who cannot send one thing still sends the others. */
  sendAll() {
    for (const name of NAMES) this.send(name);
    if (this.raised) this.#ask((session) => session.hand(true));
  }

  send = (name) => this.#ask((session) => session.send(name, this.track(name)), (error) => this.#failed(name, error));

  /** Opens camera and microphone, which the visitor may be asked for; sends them if one is in the meeting by then. */
  async open() {
    await this.media.open();
    this.#mute("audio");
    this.#mute("video");
    this.send("audio");
    this.send("video");
  }

  /** Another camera or microphone. */
  async choose(kind, value) {
    await this.media.choose(kind, value);
    this.#mute(kind);
    if (this.media.problems[kind]) tell(this.media.problems[kind], "error");
    this.changed();
    this.send(kind);
  }

  toggle(kind) {
    if (!this.track(kind)) return;
    this.#muted[kind] = !this.#muted[kind];
    this.#mute(kind);
    this.changed();
    this.send(kind);
  }

  /** Shares a screen, or stops that. */
  async share() {
    if (this.screen) return this.endScreen();
    const screen = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } });
    this.screen = screen;
    const [picture] = screen.getVideoTracks();
    picture.contentHint = "detail";
    picture.addEventListener("ended", () => screen === this.screen && this.endScreen());
    this.changed();
    this.send("screen");
  }

  endScreen() {
    this.screen?.getTracks().forEach((one) => one.stop());
    this.screen = null;
    this.changed();
    this.send("screen");
  }

  raise() {
    this.raised = !this.raised;
    this.changed();
    this.#ask((session) => session.hand(this.raised));
  }

  /** One has left: camera and microphone stay open for the next time. */
  left() {
    this.raised = false;
    this.endScreen();
  }

  /** The server has ended it; `again`: it may be sent anew. */
  ended(name, again, reason) {
    tell(endedWords(name, again, reason), "warn");
    if (again) this.send(name);
    else if (name === "screen") this.endScreen();
  }

  #mute(kind) {
    const track = this.track(kind);
    if (track) track.enabled = !this.#muted[kind];
  }

  // What goes wrong with a session that is over matters no more: the next one sends it all.
  async #ask(task, failed = (error) => tell(errorWords(error), "error")) {
    const { session } = this.stay;
    if (!session) return;
    try {
      await task(session);
    } catch (error) {
      if (session === this.stay.session) failed(error);
    }
  }

  #failed(name, error) {
    const refused = name === "screen" && error instanceof Refused;
    tell(refused ? `Your screen is not shared: ${errorWords(error)}` : errorWords(error), "error");
    if (refused) this.endScreen();
  }
}
