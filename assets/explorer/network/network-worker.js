// A large network in a worker: it gets the network's weights first, and then answers every request.

import { networkOf } from "./network.js";

/** @import { AnsweringNetwork, NetworkFrame, NetworkInput, NetworkKind } from "./network.js" */

/**
 * New weights, or a request.
 * @typedef {{ kind: NetworkKind, frame: NetworkFrame } | { input: NetworkInput }} WorkerMessage
 */

/** @type {AnsweringNetwork<NetworkKind> | null} */
let network = null;

self.onmessage = (/** @type {MessageEvent<WorkerMessage>} */ { data }) => {
  if ("frame" in data) {
    if (network) network.adopt(data.frame);
    else network = networkOf(data.kind, data.frame);
  } else if (network) self.postMessage(network.answer(data.input));
};
