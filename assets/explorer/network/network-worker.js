// A large network in a worker: it is told once which one it is, and then answers every question that comes.

import { networkOf } from "./network.js";

let network = null;

self.onmessage = ({ data: { kind, frame, input } }) => {
  if (frame && network) network.adopt(frame);
  else if (frame) network = networkOf(kind, frame);
  else self.postMessage(network.answer(input));
};
