// The picture and tone that the check sends: made here, so that nobody's camera leaves the device.

const [WIDTH, HEIGHT, RATE] = [640, 360, 25];

/** Makes them until `stop()`. With `busy` the picture is noise, which takes whatever bit rate it is given. */
export class Picture {
  busy = false;
  stream = new MediaStream();
  #canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  #noise = noise();
  #drawn = 0;

  constructor() {
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), 1000 / RATE);
    this.stream.addTrack(this.#canvas.captureStream(RATE).getVideoTracks()[0]);
    this.#context = new AudioContext();
    const [tone, out] = [new OscillatorNode(this.#context, { frequency: 440 }), this.#context.createMediaStreamDestination()];
    tone.connect(new GainNode(this.#context, { gain: 0.1 })).connect(out);
    tone.start();
    this.stream.addTrack(out.stream.getAudioTracks()[0]);
  }

  stop() {
    clearInterval(this.#timer);
    for (const track of this.stream.getTracks()) track.stop();
    this.#context.close();
  }

  #timer;
  #context;

  #draw() {
    const pen = this.#canvas.getContext("2d");
    this.#drawn += 1;
    if (this.busy) return pen.drawImage(this.#noise, -Math.random() * WIDTH, -Math.random() * HEIGHT);
    pen.fillStyle = "#0a6f62";
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    pen.fillStyle = "#fff";
    pen.fillRect((this.#drawn * 8) % WIDTH, 0, 12, HEIGHT);
  }
}

// Twice as wide and high as the picture, which shows another part of it each time.
function noise() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 2 * WIDTH, height: 2 * HEIGHT });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let n = 0; n < pixels.length; n++) pixels[n] = 0xff000000 | (Math.random() * 0x1000000);
  pen.putImageData(image, 0, 0);
  return canvas;
}

/** Limits what a peer sends of the picture. */
export async function limit(pc, maxBitrate, scaleResolutionDownBy) {
  const sender = pc.getSenders().find(({ track }) => track?.kind === "video");
  const wanted = sender.getParameters();
  Object.assign(wanted.encodings[0], { maxBitrate, scaleResolutionDownBy });
  await sender.setParameters(wanted);
}
