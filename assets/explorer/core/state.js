// What a person has chosen, in one place. Controls write here, the map and the lens read here, the address bar mirrors it.

import { FIELDS, isSpatial, readPoint, readZ, written } from "./link-fields.js";

const OF_A_PLANE = { shape: null, view: null, turn: null }; // and of no other

export class State {
  constructor(latentDim) {
    for (const [name, { first }] of Object.entries(FIELDS))
      this[name] = typeof first === "function" ? first(latentDim) : first;
    this.z = new Float64Array(latentDim);
    this.pinned = false;
    this.point = -1; // the data point whose mean z was set to, if any
    this.listeners = [];
  }

  // Calls `listener(changed, startedAt)` after every change; `changed` holds the names of what was set.
  subscribe(listener) {
    this.listeners.push(listener);
  }

  set(patch, startedAt = performance.now()) {
    if ("plane" in patch) patch = { ...OF_A_PLANE, ...patch };
    if ("turn" in patch) patch = { shape: null, ...patch };
    Object.assign(this, patch);
    for (const listener of this.listeners) listener(new Set(Object.keys(patch)), startedAt);
  }

  // Three dimensions are shown.
  get isSpatial() {
    return isSpatial(this.plane);
  }

  // "colour=rate&zones=all&z=0.5,-1": only what differs from how it begins, of the tools that of the open one; z where it
  // is pinned.
  toHash() {
    const first = new State(this.z.length);
    const params = new URLSearchParams();
    for (const [name, { open }] of Object.entries(FIELDS)) {
      const text = written(name, this[name]);
      if (text !== written(name, first[name]) && (!open || open(this))) params.set(name, text);
    }
    if (this.pinned) {
      params.set("z", this.z.join(","));
      if (this.point >= 0) params.set("point", this.point);
    }
    return params.toString().replaceAll("%2C", ",");
  }

  // Takes over what a link says of a map with so many classes and points; anything it says wrongly is passed over.
  fromHash(hash, { classes, count }) {
    const params = new URLSearchParams(hash.replace(/^#/, ""));
    const bounds = { k: this.z.length, classes, count };
    for (const [name, { read }] of Object.entries(FIELDS))
      if (params.has(name)) this[name] = read(params.get(name), bounds) ?? this[name];
    const z = readZ(params.get("z") ?? "", bounds.k);
    if (!z) return;
    this.z.set(z);
    this.pinned = true;
    this.point = readPoint(params.get("point") ?? "", bounds) ?? -1;
  }

  // The names of what is otherwise in another state.
  differences(other) {
    const names = Object.keys(FIELDS).filter((name) => written(name, this[name]) !== written(name, other[name]));
    return new Set([
      ...names,
      ...["z", "pinned", "point"].filter((name) => String(this[name]) !== String(other[name])),
    ]);
  }
}
