// The result as plain text for support: no token, no credentials, no picture. Pure.

import { CHECKS } from "./checks.js";

const MARKS = { good: "good  ", warn: "look  ", bad: "FAILED", none: "-     " };

/** The text. `about` has `time`, `page` (its address without query), `browser` and `version` (the server's). */
export function report(about, { words }, results, notes) {
  const rows = CHECKS.filter(([id]) => results[id]).flatMap(([id, title]) => {
    const { tone, words, todo } = results[id];
    return [`[${MARKS[tone]}] ${title}: ${words}`, ...(todo ? [`         ${todo}`] : [])];
  });
  const head = ["Millrace connection check", `Time: ${about.time}`, `Page: ${about.page}`, `Browser: ${about.browser}`, `Server: ${about.version ? `Millrace ${about.version}` : "version unknown"}`];
  return [...head, "", words, "", ...rows, "", ...notes].join("\n");
}
