// Why a token is asked for, in words. Pure.

const NONE = "This needs an access token: ask whoever runs the server for one, and enter it here.";
const OLD = "The server does not accept the access token that this page has: it is wrong or has expired. Ask for a new one, and enter it here.";
const OTHER = "The access token that this page has is not good for this: ask for one that is, and enter it here.";

/** Its answer to a token that is good, and for another room. */
export const OTHER_ROOM = "The access token that this page has is for another room: enter one for this room, or take that room.";

/** `status` is the server's refusal, 401 or 403; `token` what the page has, if anything. */
export const tokenWords = (status, token) => (!token ? NONE : status === 403 ? OTHER : OLD);
