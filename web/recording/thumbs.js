// The sprite's picture for a place on the axis, as styles of an element.

/** `null` where nothing was filmed, or no thumbnails were made. */
export function thumbAt(api, recording, axis, place) {
  const { thumbnails } = recording;
  const file = thumbnails && recording.files.find((one) => one.name === thumbnails.file);
  if (!file?.started_at || !thumbnails.count || !thumbnails.interval_ms) return null;
  const { columns, count, width, height, interval_ms } = thumbnails;
  const index = Math.min(count - 1, Math.floor(axis.inFile(file, place) / interval_ms));
  const rows = Math.ceil(count / columns);
  return {
    width: `${width}px`,
    height: `${height}px`,
    backgroundImage: `url("${api.fileUrl(recording.id, thumbnails.sprite)}")`,
    backgroundSize: `${columns * width}px ${rows * height}px`,
    backgroundPosition: `-${(index % columns) * width}px -${Math.floor(index / columns) * height}px`,
  };
}
