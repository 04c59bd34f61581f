// The connection check: wires button, rows, verdict and the text for support.

import { part, setText } from "../lib/dom.js";
import { keepToken, token } from "../lib/identity.js";
import { tell } from "../lib/notify.js";
import { report } from "./report.js";
import { Run } from "./run.js";
import { tryHttp } from "./server.js";
import { summary } from "./summary.js";
import { showRows, showSummary, view } from "./view.js";

const given = token(null);

async function check() {
  part("start").disabled = true;
  part("copy").hidden = part("report-panel").hidden = true;
  showRows();
  showSummary("none", "Checking… If the browser asks for camera and microphone, allow them.");
  const run = new Run(view, given);
  const results = await run.all();
  const verdict = summary(results);
  showSummary(verdict.tone, verdict.words);
  const about = { time: new Date().toISOString(), page: location.origin + location.pathname, browser: navigator.userAgent, version: run.version };
  setText(part("report"), report(about, verdict, results, run.notes));
  part("copy").hidden = part("report-panel").hidden = false;
  setText(part("start"), "Check again");
  part("start").disabled = false;
}

async function copy() {
  const text = part("report").textContent;
  try {
    await navigator.clipboard.writeText(text);
    tell("Copied. Paste it into your message to support.");
  } catch {
    // Without HTTPS browsers give no clipboard: the text is shown, marked.
    part("report-panel").open = true;
    getSelection().selectAllChildren(part("report"));
    tell("The browser does not let this page copy: the text below is marked, copy it by hand.", "warn");
  }
}

async function askForToken() {
  const { open, error } = await tryHttp();
  if (open || error) return;
  part("notice").hidden = false;
  setText(part("notice-text"), given ? "A token is kept in this tab. Another one can be entered here." : "This server asks for a token. Without one, media is not tried; with one (millrace token --role admin), all is.");
}

part("start").addEventListener("click", check);
part("copy").addEventListener("click", copy);
part("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(part("token").value.trim());
  location.reload();
});
showRows();
askForToken();
