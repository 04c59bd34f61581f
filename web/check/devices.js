// Camera and microphone: opened, looked at and listened to. Nothing of them leaves the device.

const QUESTION_MS = 30_000;
const LOOK_MS = 4000;
const LISTEN_MS = 2500;

// A visitor who does not answer must not hold up the rest; what is given later is given back.
async function opened(wish) {
  if (!navigator.mediaDevices?.getUserMedia) return { error: "unavailable" };
  const asked = navigator.mediaDevices.getUserMedia(wish);
  let late = false;
  const timeout = new Promise((resolve) => setTimeout(() => resolve((late = true)), QUESTION_MS));
  asked.then((stream) => late && stop(stream)).catch(() => {});
  try {
    const stream = await Promise.race([asked, timeout]);
    return late ? { error: "timeout" } : { stream };
  } catch (error) {
    return { error: error.name, detail: error.message };
  }
}

/** Ends a stream, so that the camera's light goes out. */
export const stop = (stream) => stream?.getTracks().forEach((track) => track.stop());

/** Shows the camera in `place` for as long as `found.stream` is not stopped. */
export async function tryCamera(place) {
  const { stream, ...failed } = await opened({ video: { width: { ideal: 1280 }, height: { ideal: 720 } } });
  if (!stream) return failed;
  const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
  video.play().catch(() => {});
  const until = performance.now() + LOOK_MS;
  while (!video.videoWidth && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  if (video.videoWidth) copy(video, place, stream.getVideoTracks()[0]);
  return { stream, label: stream.getVideoTracks()[0].label || "The camera", width: video.videoWidth, height: video.videoHeight };
}

// Onto a canvas: when the camera is given back, its last picture stays.
function copy(video, place, track) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 352, height: Math.round((352 * video.videoHeight) / video.videoWidth) });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "What the camera sees");
  canvas.dataset.testid = "camera-picture";
  place.append(canvas);
  const draw = () => canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  draw();
  const timer = setInterval(() => (track.readyState === "live" ? draw() : clearInterval(timer)), 100);
}

/** Listens for some seconds, and shows how loud it is in `place`. */
export async function tryMicrophone(place) {
  const { stream, ...failed } = await opened({ audio: true });
  if (!stream) return failed;
  const context = new AudioContext();
  try {
    await context.resume();
    return { label: stream.getAudioTracks()[0].label || "The microphone", peak: await loudest(context, stream, place) };
  } finally {
    stop(stream);
    context.close();
  }
}

async function loudest(context, stream, place) {
  const analyser = new AnalyserNode(context, { fftSize: 2048 });
  context.createMediaStreamSource(stream).connect(analyser);
  const [meter, bar] = [document.createElement("div"), document.createElement("i")];
  meter.className = "meter";
  meter.setAttribute("aria-hidden", "true");
  meter.dataset.testid = "microphone-level";
  meter.append(bar);
  place.append(meter);
  const samples = new Float32Array(analyser.fftSize);
  let peak = 0;
  for (const until = performance.now() + LISTEN_MS; performance.now() < until; ) {
    analyser.getFloatTimeDomainData(samples);
    const now = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    peak = Math.max(peak, now);
    bar.style.transform = `scaleX(${Math.min(1, Math.sqrt(now) * 1.2)})`;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  bar.style.transform = `scaleX(${Math.min(1, Math.sqrt(peak) * 1.2)})`;
  return peak;
}
