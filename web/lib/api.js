// The REST API, as far as the pages use it. Errors become `Error`s with words and the HTTP `status`.

const id = encodeURIComponent;

export class Api {
  constructor(token) {
    this.token = token;
  }

  devices = () => this.#call("GET", "/devices");
  rooms = () => this.#call("GET", "/rooms");
  room = (room) => this.#call("GET", `/rooms/${id(room)}`);
  configureRoom = (room, settings) => this.#call("PUT", `/rooms/${id(room)}/settings`, settings);

  /** Recordings, newest first; `deleted` asks for those in the bin. */
  recordings = ({ room, deleted } = {}) => this.#call("GET", `/recordings${query({ room, deleted })}`);
  recording = (one) => this.#call("GET", `/recordings/${id(one)}`);
  /** Without a wish the room records as its settings say: usually each sender by itself. */
  startRecording = (room, wish) => this.#call("POST", `/rooms/${id(room)}/recordings`, wish);
  stopRecording = (one) => this.#call("POST", `/recordings/${id(one)}/stop`);
  pauseRecording = (one) => this.#call("POST", `/recordings/${id(one)}/pause`);
  resumeRecording = (one) => this.#call("POST", `/recordings/${id(one)}/resume`);
  setLayout = (one, layout) => this.#call("PUT", `/recordings/${id(one)}/layout`, { layout });
  deleteRecording = (one) => this.#call("DELETE", `/recordings/${id(one)}`);
  restoreRecording = (one) => this.#call("POST", `/recordings/${id(one)}/restore`);
  purgeRecording = (one) => this.#call("DELETE", `/recordings/${id(one)}?purge=1`);
  layouts = () => this.#call("GET", "/recording-layouts");
  recordingCost = (room, { kind, layout }) => this.#call("GET", `/rooms/${id(room)}/recordings/cost${query({ kind, layout })}`);

  ingests = (room) => this.#call("GET", `/rooms/${id(room)}/ingests`);
  addIngest = (room, wish) => this.#call("POST", `/rooms/${id(room)}/ingests`, wish);
  restartIngest = (room, name) => this.#call("POST", `/rooms/${id(room)}/ingests/${id(name)}/restart`);
  removeIngest = (room, name) => this.#call("DELETE", `/rooms/${id(room)}/ingests/${id(name)}`);

  // What viewers get of feeds. A subscription is named by its `peer`.
  subscriptions = (room) => this.#call("GET", `/rooms/${id(room)}/subscriptions`);
  explain = (room, peer) => this.#call("GET", `/rooms/${id(room)}/subscriptions/${id(peer)}/explain`);
  transcodes = () => this.#call("GET", "/transcodes");

  /** Where players find feeds beside HTTP. */
  players = () => this.#call("GET", "/players");

  broadcasts = (room) => this.#call("GET", `/rooms/${id(room)}/broadcasts`);
  startBroadcast = (room, wish) => this.#call("POST", `/rooms/${id(room)}/broadcasts`, wish);
  stopBroadcast = (room, one) => this.#call("DELETE", `/rooms/${id(room)}/broadcasts/${id(one)}`);

  // Cameras. `whom` is `{address, user, password}`, with `profile` where one of its streams is meant.
  discoverCameras = () => this.#call("POST", "/onvif/discover");
  cameraProfiles = (whom) => this.#call("POST", "/onvif/profiles", whom);
  cameraPresets = (whom) => this.#call("POST", "/onvif/presets", whom);
  /** A picture as a `Blob`. */
  cameraSnapshot = async (whom) => (await this.#answer("POST", "/onvif/snapshot", whom)).blob();
  /** `step` is `{...whom, move: {x, y, zoom}}`, or with `stop: true`, or with `preset`. */
  moveCamera = (step) => this.#call("POST", "/onvif/ptz", step);
  /** The same of a camera in a room, whose credentials the server knows. */
  moveIngest = (room, ingest, step) => this.#call("POST", `/rooms/${id(room)}/ingests/${id(ingest)}/ptz`, step);
  ingestPresets = (room, ingest) => this.#call("GET", `/rooms/${id(room)}/ingests/${id(ingest)}/presets`);

  // Addresses. Players, pictures and links cannot send headers, so the token goes into the address.
  fileUrl = (one, name, wish = {}) => this.#address(`/recordings/${id(one)}/files/${id(name)}`, wish);
  archiveUrl = (one) => this.#address(`/recordings/${id(one)}/archive.zip`);
  clipUrl = (one, name, from, to) => this.#address(`/recordings/${id(one)}/files/${id(name)}/clip`, { from, to });
  snapshotUrl = (room, feed, wish = {}) => this.#address(`/rooms/${id(room)}/feeds/${id(feed)}/snapshot.jpg`, wish);
  lastUrl = (room, feed, last) => this.#address(`/rooms/${id(room)}/feeds/${id(feed)}/clip`, { last });
  eventsUrl = (room) => this.#address("/events", { room });

  #address(path, wish = {}) {
    return `/api/v1${path}${query({ ...wish, token: this.token })}`;
  }

  async #call(method, path, body) {
    const text = await (await this.#answer(method, path, body)).text();
    return text ? JSON.parse(text) : null;
  }

  #answer(method, path, body) {
    const headers = { authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    return answered(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  }
}

/** `fetch` whose refusals are errors with the server's words. */
export async function answered(address, wish) {
  const response = await fetch(address, wish).catch(() => {
    throw new Error("The server cannot be reached.");
  });
  if (response.ok) return response;
  throw Object.assign(new Error(words(response, await response.text())), { status: response.status });
}

function query(wish) {
  const given = Object.entries(wish).filter(([, value]) => value != null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
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
