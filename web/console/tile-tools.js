// What a live tile offers beside watching: a photograph, the seconds that were just missed, and links for others.

import { el, icon, onPress } from "../lib/dom.js";
import { offer, tell, tellError } from "../lib/notify.js";
import { save, stamp } from "../lib/save.js";
import { shareMenu } from "./share.js";

const PAST_S = 30;

/** The buttons of one feed's tile; `address` is what the feed is called in links. */
export function tileTools(api, room, feed, name, address) {
  const share = el("button", { class: "quiet square", "data-testid": "share", "aria-label": `Links to ${name}`, title: `Links to ${name}` }, icon("share"));
  return [
    share, shareMenu(share, () => ({ room, feed: address, name })),
    tool("snapshot", "photo", `Save a picture of ${name}`, () => snapshot(api, room, feed, name)),
    tool("save-last", "past", `Save the last ${PAST_S} s of ${name}`, () => last(api, room, feed, name)),
  ];
}

function tool(testid, picture, title, task) {
  const button = el("button", { class: "quiet square", "data-testid": testid, "aria-label": title, title }, icon(picture));
  onPress(button, task, tellError);
  return button;
}

async function snapshot(api, room, feed, name) {
  await save(api.snapshotUrl(room, feed), `${name}-${stamp()}`);
  tell(`Picture of ${name} saved.`);
}

// A room that keeps nothing has nothing to give: offer to keep it from now on.
async function last(api, room, feed, name) {
  const { settings } = await api.room(room);
  if (!settings.preroll_ms) {
    return offer("This room keeps nothing of the past yet.", `Keep the last ${PAST_S} s from now on`, async () => {
      await api.configureRoom(room, { ...settings, preroll_ms: PAST_S * 1000 });
      tell(`From now on the last ${PAST_S} s can be saved.`);
    });
  }
  await save(api.lastUrl(room, feed, PAST_S), `${name}-${stamp()}`);
  tell(`The last ${PAST_S} s of ${name} are saved.`);
}
