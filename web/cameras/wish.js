// What is asked of the server to make a camera's stream a source of a room. Pure.

/** The body of `POST /rooms/{id}/ingests`; a camera that can be moved remembers how. */
export function wishFor(camera, profile, { user, password }, name) {
  const movable = profile.ptz ? { onvif: camera.address, onvif_profile: profile.token } : {};
  return { name: name || nameFor(camera, profile), uri: profile.uri, user, password, ...movable };
}

function nameFor({ model, manufacturer }, profile) {
  const words = [model || manufacturer || "camera", profile.name].join("-");
  return words.replace(/[^A-Za-z0-9_-]+/g, "-").replace(/-{2,}/g, "-").replace(/^-|-$/g, "").slice(0, 64) || "camera";
}
