// Why a room could not be joined, or does not serve any more, in words. Pure.
// The protocol has few reasons: which of them `bad-request` means stands in the server's words alone.

import { OTHER_ROOM } from "../lib/token-words.js";

const TAKEN = {
  sender: "Another page sends into this room already: close it, or take another room.",
  viewer: "Another page watches this room already: close it, or send through the server for many viewers.",
};
const WAYS = {
  sender: ["This room's picture goes through the server: switch “Send through the server” on, or take another room.",
    "This room's picture goes straight from page to page: switch “Send through the server” off, or take another room."],
  viewer: ["This room's picture goes through the server: ask the sender for the present link.",
    "This room's picture goes straight from page to page: ask the sender for the present link."],
};
const OUT = [
  [/removed from the room/, "You were removed from the room."],
  [/room was closed/, "The room was closed."],
  [/out of the room/, "This page is no longer in the room; perhaps another one took its place."],
];

/** A refusal to let us in: `{words, why}`. `why` is `taken`, `token` (a token is needed), `way` (the room has the other). */
export function refusal(role, { reason, message = "" }) {
  if (reason === `${role}-already-exists`) return { words: TAKEN[role], why: "taken" };
  if (/token/.test(message)) return { words: OTHER_ROOM, why: "token" };
  if (/goes through the server/.test(message)) return { words: WAYS[role][0], why: "way" };
  if (/goes from page to page/.test(message)) return { words: WAYS[role][1], why: "way" };
  if (/limit|too many/i.test(message)) return { words: "The server takes no more just now: wait a minute, then try again." };
  if (reason === "bad-request") return { words: "The server does not take this room: its name may be too long. Take another one." };
  return { words: "The server cannot open this room just now: try again in a moment." };
}

/** Trouble of a page in its room. */
export function trouble({ reason, message = "" }) {
  const out = OUT.find(([like]) => like.test(message));
  if (out) return out[1];
  if (/too many/.test(message)) return "Too much at once: wait a second.";
  if (reason === "server-error") return "The connection for the picture failed; it is tried again.";
  return "The server could not use what this browser sent: reload the page, or try another browser.";
}
