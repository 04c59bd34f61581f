// The fields of “Add a camera”: what applies to the address, and what is asked for as the API wants it.
// Knows nothing of the server.

import { el, part, setText } from "../lib/dom.js";
import { credentialsIn, kindOf, KINDS } from "../lib/address.js";

export class CameraForm {
  #found = {};

  constructor(form) {
    this.form = form;
    this.fields = form.elements;
    this.fields.kind.append(...Object.entries(KINDS).map(([kind, { name }]) => el("option", { value: kind }, name)));
    this.fields.kind.addEventListener("change", () => this.#chooseKind());
    this.fields.uri.addEventListener("input", () => this.#typed());
    this.fields.uri.addEventListener("change", () => this.takeCredentials());
    form.addEventListener("change", () => this.show());
  }

  reset() {
    this.#found = {};
    this.form.reset();
    part("camera-more").open = false;
    setText(part("camera-moved"), "");
    this.show();
  }

  /** What is asked for. Fields that do not apply keep the server's defaults. */
  get wish() {
    this.takeCredentials();
    const { uri, name, latency_ms, video, audio, on_demand, keyframe_interval } = this.fields;
    return {
      uri: uri.value.trim(), name: name.value.trim(), video: video.value, audio: audio.checked, on_demand: on_demand.checked,
      latency_ms: whole(latency_ms.value, 100), keyframe_interval_ms: whole(keyframe_interval.value * 1000, 2000), ...this.#special(),
    };
  }

  /** Fills in what is known of a camera: `{uri, user, password, name}`, and how it can be moved. */
  fill(known) {
    const { uri, onvif, onvif_profile } = known;
    this.#found = onvif ? { uri, onvif, onvif_profile } : {};
    for (const name of ["uri", "user", "password", "name"]) if (known[name] != null) this.fields[name].value = known[name];
    this.#typed();
    this.takeCredentials();
  }

  /** Credentials in the address go into their fields, where they are not shown. */
  takeCredentials() {
    const found = credentialsIn(this.fields.uri.value);
    if (!found) return;
    for (const [name, value] of Object.entries(found)) this.fields[name].value = value;
    setText(part("camera-moved"), "User and password were moved from the address into their fields.");
    this.show();
  }

  /** Shows only what applies. */
  show() {
    const { example, hint, login, transport, repeat } = KINDS[this.fields.kind.value];
    this.fields.uri.placeholder = example;
    setText(part("camera-hint"), hint);
    part("camera-login").hidden = !login;
    const encrypted = /^\s*(rtsps|https):/i.test(this.fields.uri.value);
    const shown = { transport, repeat, fingerprint: encrypted, keyframes: this.fields.video.value !== "off" };
    for (const [name, on] of Object.entries(shown)) this.form.querySelector(`[data-for="${name}"]`).hidden = !on;
  }

  // What was found out about a camera is not true of another address.
  #special() {
    const { uri, ...found } = this.#found;
    const { user, password, transport, repeat, fingerprint } = this.fields;
    const kind = KINDS[this.fields.kind.value];
    return {
      ...(uri === this.fields.uri.value.trim() && found),
      ...(kind.login && { user: user.value.trim(), password: password.value }),
      ...(kind.transport && { transport: transport.value }),
      ...(kind.repeat && { repeat: repeat.checked }),
      ...(fingerprint.value.trim() && { fingerprint: fingerprint.value.trim() }),
    };
  }

  // An address of another kind would be misleading; what has no scheme yet may still become one.
  #chooseKind() {
    const written = kindOf(this.fields.uri.value);
    if (written && written !== this.fields.kind.value) this.fields.uri.value = "";
    this.fields.uri.focus();
  }

  #typed() {
    this.fields.kind.value = kindOf(this.fields.uri.value) ?? this.fields.kind.value;
    setText(part("camera-moved"), "");
    this.show();
  }
}

const whole = (text, otherwise) => (Number(text) >= 0 && text !== "" ? Math.round(Number(text)) : otherwise);
