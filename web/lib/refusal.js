// Why a socket was not let in. A browser does not tell why an upgrade failed: the same address is asked plainly.

const WORDS = {
  429: "Too many connections come from your address: close other pages, then try again.",
  503: "The server is being shut down: try again in a moment.",
};
const UNREACHABLE = "The server cannot be reached: check your network, then try again.";

/** The status under a socket's path; undefined while the server cannot be reached. */
export const refusedWith = async (path) => (await fetch(path).catch(() => null))?.status;

/** What to do about a status other than 401 and 403, which are a token's matter. */
export const refusedWords = (status) => WORDS[status] ?? UNREACHABLE;
