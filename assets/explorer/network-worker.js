// A large network in a worker: it is told once which one it is, and then answers every question that comes.

import { NETWORKS } from "./network.js";

let network;

self.onmessage = ({ data: { kind, frame, input } }) => {
  if (frame) network = new NETWORKS[kind](frame);
  else self.postMessage(network.answer(input));
};
