// Counts and lengths of time in words.

/** `1 room`, `2 rooms`. */
export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** About how long: the biggest unit alone. */
export function duration(seconds) {
  const units = [[86_400, "day"], [3600, "hour"], [60, "minute"]];
  const [size, name] = units.find(([size]) => seconds >= size) ?? [1, "second"];
  return plural(Math.floor(seconds / size), name);
}
