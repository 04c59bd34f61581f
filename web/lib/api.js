// The REST API, as far as the pages use it. Errors become `Error`s with words.

export class Api {
  constructor(token) {
    this.token = token;
  }

  devices = () => this.#call("GET", "/devices");
  recordings = () => this.#call("GET", "/recordings");
  startRecording = (room) => this.#call("POST", `/rooms/${encodeURIComponent(room)}/recordings`);
  stopRecording = (id) => this.#call("POST", `/recordings/${encodeURIComponent(id)}/stop`);
  deleteRecording = (id) => this.#call("DELETE", `/recordings/${encodeURIComponent(id)}`);

  /** Address of a recorded file. Players and links cannot send headers, so the token goes into the address. */
  fileUrl(id, name) {
    const path = `/api/v1/recordings/${encodeURIComponent(id)}/files/${encodeURIComponent(name)}`;
    return `${path}?token=${encodeURIComponent(this.token)}`;
  }

  async #call(method, path) {
    const headers = { authorization: `Bearer ${this.token}` };
    const response = await fetch(`/api/v1${path}`, { method, headers }).catch(() => {
      throw new Error("The server cannot be reached.");
    });
    const text = await response.text();
    if (!response.ok) throw new Error(words(response, text));
    return text ? JSON.parse(text) : null;
  }
}

// Whatever the shape of the body, say what a person can read.
function words(response, text) {
  try {
    const body = JSON.parse(text);
    const message = body.message ?? body.error?.message ?? body.detail ?? body.error;
    if (typeof message === "string") return message;
  } catch {
    // Not JSON: the status line must do.
  }
  return `The server answered ${response.status} ${response.statusText}`.trim();
}
