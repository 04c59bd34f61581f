// The list of devices: who is there, who can be invited. Read from the REST API.

import { el, icon, part, setText } from "../lib/dom.js";

const state = (device) => {
  if (!device.connected) return ["wait", "away"];
  if (device.room != null) return ["good", `in room ${device.room}`];
  return device.available ? ["good", "available"] : ["wait", "busy"];
};

function row(device) {
  const [tone, text] = state(device);
  return el("li", { "data-testid": "device", "data-device": device.id, "data-available": String(device.available) },
    icon("device"), el("span", { class: "name" }, device.id), el("span", { class: "badge", "data-tone": tone }, text));
}

export class Devices {
  #shown = "";
  available = 0;

  constructor(api) {
    this.api = api;
  }

  /** Reads and shows the list; a failure is left to the connection's own display. */
  async refresh() {
    const all = await this.api.devices().catch(() => null);
    const devices = all?.filter((one) => one.role === "DEVICE").sort((a, b) => a.id.localeCompare(b.id));
    if (!devices || this.#shown === JSON.stringify(devices)) return;
    this.#shown = JSON.stringify(devices);
    this.available = devices.filter((one) => one.available).length;
    part("devices").replaceChildren(...devices.map(row));
    part("devices-empty").hidden = devices.length > 0;
    setText(part("device-count"), String(devices.length));
  }
}
