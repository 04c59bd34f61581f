// The way to the same page by HTTPS. A page cannot know the port: the server leads there.

import { part } from "./dom.js";

/** Shows the page's link to itself by HTTPS where that would help: to a page on plain HTTP browsers give no camera. */
export function offerHttps(helps = !isSecureContext) {
  const link = part("to-https");
  link.hidden = !helps;
  if (helps) link.href = `/video_call/https?to=${encodeURIComponent(location.pathname + location.search)}`;
}
