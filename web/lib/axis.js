// Time: where a file's seconds lie in the hour of the recording. Pure; milliseconds everywhere.
// A pause takes no time in a file but takes time on the axis; any other gap takes time in both.

const at = (iso) => new Date(iso).getTime();

/** Pauses of a recording as `[from, to]` by the wall clock; one that lasts ends `now`. */
export function pauses(recording, now) {
  const found = [];
  let since = null;
  for (const event of recording.events ?? []) {
    if (event.what === "paused") since ??= at(event.at);
    if (event.what === "resumed" && since !== null) {
      found.push([since, at(event.at)]);
      since = null;
    }
  }
  const end = recording.ended_at ? at(recording.ended_at) : now;
  return since === null ? found : [...found, [since, Math.max(since, end)]];
}

/** How long has been recorded until `now`, pauses left out: a clock for what runs. */
export function recordedMs(recording, now) {
  const begun = recording.files.map((file) => file.started_at && at(file.started_at)).filter(Boolean);
  if (!begun.length) return 0;
  const end = recording.ended_at ? at(recording.ended_at) : now;
  const paused = pauses(recording, now).reduce((sum, [from, to]) => sum + to - from, 0);
  return Math.max(0, end - Math.min(...begun) - paused);
}

/** The pauses within a file: `[place in the file, length]`. Its own facts know best; before there are any, the events do. */
function holes(file, recording, now) {
  const told = (file.facts?.gaps ?? []).filter((gap) => gap.why === "paused");
  if (told.length) return told.map((gap) => [gap.at_ms, gap.length_ms]);
  const from = at(file.started_at);
  let before = 0;
  return pauses(recording, now).filter(([, to]) => to > from).map(([since, to]) => {
    const hole = [Math.max(0, Math.max(since, from) - from - before), to - Math.max(since, from)];
    before += hole[1];
    return hole;
  });
}

/** One time axis for all files of a recording. */
export class Axis {
  constructor(recording, now = Date.now()) {
    this.recording = recording;
    this.now = now;
    const files = recording.files.filter((file) => file.started_at);
    const begun = files.map((file) => at(file.started_at));
    this.start = begun.length ? Math.min(...begun) : at(recording.started_at);
    this.holes = new Map(files.map((file) => [file.name, holes(file, recording, now)]));
    const ends = files.map((file) => this.start + this.place(file, file.duration_ms));
    this.length = Math.max(1000, ...ends.map((end) => end - this.start));
  }

  /** A moment's place on the axis, kept within it. */
  of(iso) {
    return Math.min(this.length, Math.max(0, at(iso) - this.start));
  }

  /** Where a file's time lies on the axis. */
  place(file, fileMs) {
    const before = (this.holes.get(file.name) ?? []).filter(([where]) => where < fileMs);
    return at(file.started_at) - this.start + fileMs + before.reduce((sum, [, length]) => sum + length, 0);
  }

  /** The reverse: a place within a pause is where the file goes on after it. */
  inFile(file, place) {
    let rest = place - (at(file.started_at) - this.start);
    for (const [where, length] of this.holes.get(file.name) ?? []) {
      if (rest <= where) break;
      rest = Math.max(where + 1, rest - length);
    }
    return Math.min(Math.max(0, rest), file.duration_ms);
  }

  /** Where a file begins and ends. */
  span(file) {
    return [this.place(file, 0), this.place(file, file.duration_ms)];
  }
}
