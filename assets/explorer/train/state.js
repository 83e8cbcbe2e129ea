// What the address says of a live map: what is shown of it and where one looks. What trains, and how, is the run's own.

import { readHidden, readLook, readZ, writtenLook } from "../core/link-fields.js";

const ZONES = ["all", "pointer", "none"]; // the first to begin with
const SIDES = ["both", "0", "1"];

// "zones=none&z=0.5,-1": what differs from how a map begins; z where it is pinned. `look` is where the camera looks, or null.
export function toHash({ zones, manifold, hidden, pinned, z }, look, steered) {
  const params = new URLSearchParams();
  if (zones !== ZONES[0]) params.set("zones", zones);
  if (manifold) params.set("plane", 1);
  if (hidden.length) params.set("hidden", hidden.join(","));
  if (steered !== SIDES[0]) params.set("steered", steered);
  if (look) params.set("look", writtenLook(look));
  if (pinned) params.set("z", z.join(","));
  return params.toString().replaceAll("%2C", ",");
}

// What a link says of a map of so many latent dimensions and classes: { chosen: of the state, look, steered }; anything it says
// wrongly is passed over.
export function fromHash(hash, { k, classes }) {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const one = (name, words) => (words.includes(params.get(name)) ? params.get(name) : words[0]);
  const z = readZ(params.get("z") ?? "", k);
  const hidden = readHidden(params.get("hidden") ?? "", { classes }) ?? [];
  const chosen = {
    zones: one("zones", ZONES),
    manifold: params.get("plane") === "1",
    hidden,
    pinned: Boolean(z),
    ...(z && { z }),
  };
  return { chosen, look: readLook(params.get("look")), steered: one("steered", SIDES) };
}
