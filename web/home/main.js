// The home page: what runs here, and the ways in. Works without a token; says what one would open.

import { Api } from "../lib/api.js";
import { every, part, setText } from "../lib/dom.js";
import { keepToken, token } from "../lib/identity.js";
import { offerHttps } from "../lib/secure.js";
import { showAddresses } from "./addresses.js";
import { hideRooms, showRooms } from "./rooms.js";
import { duration, plural } from "./words.js";

const EVERY_MS = 5000;
const given = token(null);
const api = new Api(given ?? "home");
let known = null; // whether the token was good

async function health() {
  const answer = await fetch("/health", { cache: "no-store" }).catch(() => null);
  return answer?.json().catch(() => null) ?? null;
}

async function refresh() {
  const now = await health();
  showState(now);
  if (!now) return;
  part("demo").hidden = !now.demo;
  await look(now);
  showNotice(now);
  showNeeds(now);
}

// What only a token opens: with none, nothing is asked for.
async function look({ open, rooms }) {
  if (!open && !given) return hideRooms(rooms);
  try {
    showRooms(await api.rooms());
    if (known !== true) showAddresses((await api.players()).rtsp_port);
    known = true;
  } catch (error) {
    known = error.status === 401 || error.status === 403 ? error.status : known;
    hideRooms(rooms);
  }
}

function showState(now) {
  part("state").dataset.tone = !now ? "bad" : now.status === "ok" ? "good" : "wait";
  const counts = now && `${plural(now.rooms, "room")}, ${plural(now.peers, "connection")}`;
  setText(part("state-text"), !now ? "The server does not answer" : now.status === "ok" ? `Running: ${counts}` : "Shutting down");
  if (now) setText(part("foot"), `Millrace ${now.version}, up for ${duration(now.uptime_seconds)}.`);
}

const NOTICES = {
  none: "This server asks for a token. Ask its operator for one (millrace token --role admin) and enter it here: it opens the console, the recordings and the API.",
  401: "The server does not accept this token: it is wrong or has expired. Ask the operator for a new one.",
  403: "This token is a device's: it sends from the device page, but does not open console and recordings.",
};

function showNotice({ open }) {
  const why = open || known === true ? null : given ? known : "none";
  part("notice").hidden = !NOTICES[why];
  setText(part("notice-text"), NOTICES[why] ?? "");
  part("forget").hidden = !given;
}

// Which ways ask for the token that is not there.
function showNeeds({ open, guests }) {
  for (const way of document.querySelectorAll("[data-needs]")) {
    const free = open || given || guests.includes(way.dataset.needs);
    let badge = way.querySelector(".badge");
    if (free) badge?.remove();
    else if (!badge) {
      badge = Object.assign(document.createElement("span"), { className: "badge", textContent: "Needs a token" });
      badge.dataset.tone = "wait";
      way.querySelector("h3").append(badge);
    }
  }
}

const go = (path) => location.assign(path);
part("roles").addEventListener("submit", (event) => {
  event.preventDefault();
  go(`/${event.submitter?.value ?? "sender"}/${encodeURIComponent(part("role-room").value.trim())}`);
});
part("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  go(`/video_call/call/${encodeURIComponent(part("dial-code").value.trim())}/`);
});
part("meet").addEventListener("submit", (event) => {
  event.preventDefault();
  go(`/conference/${encodeURIComponent(part("meet-room").value.trim())}`);
});
part("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(part("token").value.trim());
  location.reload();
});
part("forget").addEventListener("click", () => {
  keepToken("");
  location.reload();
});
part("insecure").hidden = isSecureContext;
offerHttps();
showAddresses(null);
every(EVERY_MS, () => refresh());
