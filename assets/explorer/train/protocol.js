// The messages between a page and the server about one run, and the binary files of that run. Types only.
//
// The server's side: server/hub.py, server/control_messages.py and server/run_watch.py; the files are written by
// vae/training/live.py and vae/training/recorder.py.

/** @import { Frame, FrameArray, NetworkMeta } from "../data/frame.js" */
/** @import { Look } from "../core/link-fields.js" */

export {}; // a module without run-time values

// --- parts of several messages -----------------------------------------------------------------------------------------

/**
 * The bound and its two parts, nats per image: elbo = −(distortion + rate).
 * @typedef {object} BoundTerms
 * @property {number} distortion
 * @property {number} rate
 * @property {number} elbo
 */

/**
 * A state of a run that was saved when the run was rewound or finished, and can be returned to.
 * @typedef {object} SavedState
 * @property {number} number identifies it among the saved states of its run
 * @property {"rewind" | "finish" | "return"} reason what was done to the run just after this state was saved
 * @property {number} step
 * @property {number} epoch
 */

/** @typedef {"queued" | "running" | "paused" | "failed" | "finished"} RunState */

/**
 * The status of a run. Every field is missing until the server has sent the first message.
 * @typedef {object} RunStatus
 * @property {RunState} [state]
 * @property {boolean} [alive] whether a process holds the run
 * @property {string} [reason] why the run is in this state, in one sentence
 * @property {string} [notice] something that is wrong with the run's folder, in one sentence
 * @property {boolean} [gone] whether the run's folder does not exist any more
 * @property {number} [place] position in the queue of the device; 1 is next
 * @property {number} [step]
 * @property {number} [steps] of the whole run
 * @property {number} [epoch]
 * @property {number} [epochs] of the whole run
 * @property {number} [control] id of the last request that the trainer has applied
 * @property {number} [saved_step] step of the last checkpoint
 * @property {number} [branch] how often the run was rewound or returned to; older versions do not write it
 * @property {SavedState[]} [kept] the latest last
 * @property {BoundTerms} [test] on the test images, once the run is finished
 */

/**
 * The settings of a run as far as the page reads them; none of them is known while the run is being created.
 * @typedef {object} RunSettings
 * @property {number} [batch_size]
 * @property {number} [beta]
 * @property {number} [lr]
 * @property {number} [sigma]
 * @property {"sum" | "mean"} [reduction] of the distortion over pixels
 * @property {string} [beta_schedule]
 */

/** @typedef {"beta" | "lr" | "sigma"} LiveSetting a setting that can be changed while the run trains */

/** @typedef {Partial<Record<LiveSetting, [from: number, to: number]>>} SettingChanges */

/**
 * A line of a run's log: either the means over the batches since the line before it, with the numbers of the validation
 * images where these were measured, or settings that were changed at that step.
 * @typedef {object} LogRecord
 * @property {number} step
 * @property {number} epoch passes over the training images, with a fraction
 * @property {SettingChanges} [changed]
 * @property {number} [distortion]
 * @property {number} [rate]
 * @property {number} [elbo]
 * @property {number} [beta]
 * @property {number} [validation_distortion]
 * @property {number} [validation_rate]
 * @property {number} [validation_elbo]
 */

/**
 * What the presenter's page shows. The server passes on any object, so its receivers check every field.
 * @typedef {object} PresenterView
 * @property {number[]} z
 * @property {boolean} pinned
 * @property {"all" | "pointer" | "none"} zones
 * @property {boolean} manifold
 * @property {number[]} hidden classes
 * @property {Look | null} place what the camera shows; null: all points
 */

// --- from the server ---------------------------------------------------------------------------------------------------

/**
 * The first message of a connection, sent again once the server knows what is trained.
 * @typedef {object} RunMessage
 * @property {"run"} type
 * @property {string} name
 * @property {RunStatus} status
 * @property {RunSettings} settings
 * @property {string[]} classes
 * @property {number} train_images
 * @property {LogRecord[]} log all lines so far
 * @property {boolean} steer whether this page may steer the run
 * @property {number} followers pages that are connected
 * @property {boolean} snapshot whether a snapshot follows at once
 */

/**
 * @typedef {object} StatusMessage
 * @property {"status"} type
 * @property {RunStatus} status
 * @property {number} [followers]
 */

/**
 * @typedef {object} LogMessage
 * @property {"log"} type
 * @property {LogRecord[]} records
 * @property {number} [from] index of the first of them in the whole log; missing where they follow the known ones
 */

/** @typedef {{ type: "steer", steer: boolean }} SteerMessage the answer to a key: whether this page may steer now */

/** @typedef {{ type: "view", view: PresenterView }} ViewMessage */

/** @typedef {{ type: "accepted", id: number }} AcceptedMessage the id that the server gave to the oldest open request */

/** @typedef {{ type: "refused", reason: string }} RefusedMessage */

/**
 * An action has been carried out. `run` is the run that came of it, `token` its key.
 * @typedef {object} DoneMessage
 * @property {"done"} type
 * @property {ServerAction} action
 * @property {string} [run]
 * @property {string} [token]
 */

/** @typedef {{ type: "heartbeat" }} HeartbeatMessage sent every few seconds: the connection still works */

/**
 * @typedef {RunMessage | StatusMessage | LogMessage | SteerMessage | ViewMessage | AcceptedMessage | RefusedMessage
 *   | DoneMessage | HeartbeatMessage} ServerMessage
 */

// --- from the page -----------------------------------------------------------------------------------------------------

/**
 * A request to the trainer, one or more fields of it. A setting may be text that is no number: the server refuses it with
 * a sentence that says why.
 * @typedef {object} ControlRequest
 * @property {number | string} [beta]
 * @property {number | string} [lr]
 * @property {number | string} [sigma]
 * @property {number | null} [pace] steps a second at most; null: no limit
 * @property {true} [pause]
 * @property {true} [resume]
 * @property {true} [step] one step, then pause
 * @property {true} [epoch] one epoch, then pause
 * @property {true} [finish] evaluate on the test images, then end
 * @property {true} [rewind]
 * @property {true} [save]
 * @property {number} [restore] number of a saved state
 */

/** @typedef {"resume" | "fork" | "keep"} ServerAction something that the server does to a run as a whole */

/**
 * @typedef {object} ActionOptions
 * @property {number} [batch_size] of "resume"
 * @property {number} [kept] of "fork": number of the saved state that the copy begins with
 */

/** @typedef {{ action: ServerAction } & ActionOptions} ActionMessage */

/** @typedef {{ token: string } | { heartbeat: true } | { request: ControlRequest } | ActionMessage | { view: PresenterView }} PageMessage */

// --- files of a run ----------------------------------------------------------------------------------------------------

/**
 * Header of the probe set: the images that a map shows, and everything that stays the same during the run.
 * @typedef {NetworkMeta & {
 *   classes: string[],
 *   pixels: number,
 *   train_images: number,
 *   parameters: number,
 *   device: string,
 * }} ProbeMeta `pixels` of an image, channels included; `parameters` of the model
 */

/**
 * @typedef {object} ProbeArrays
 * @property {Uint8Array} images (N, C, H, W)
 * @property {Int32Array} labels (N)
 * @property {Int32Array} index (N), index of each image in the test split
 * @property {Int32Array} shown (8), rows of the images that are reconstructed
 */

/**
 * Header of a snapshot. The terms of the bound are means over the batches since the snapshot before it; null where there
 * were none.
 * @typedef {object} SnapshotMeta
 * @property {"running" | "paused" | "finished"} state
 * @property {number} step
 * @property {number} steps of the whole run
 * @property {number} epoch passes over the training images, with a fraction
 * @property {number} epochs of the whole run
 * @property {number} control id of the last request that the trainer has applied
 * @property {number} beta
 * @property {number} effective_beta beta of the loss whose distortion is summed over pixels
 * @property {number} lr
 * @property {number} sigma
 * @property {boolean} sigma_learned
 * @property {boolean} scheduled whether beta follows its schedule
 * @property {number | null} pace steps a second at most
 * @property {number} [branch] as in the status
 * @property {number | null} distortion
 * @property {number | null} rate
 * @property {number | null} elbo
 * @property {number | null} images_per_s
 * @property {number | null} eta_s
 * @property {number[]} probe_rate_per_dim (k), nats, mean over the probe set
 * @property {number[]} mean_sigma_per_dim (k), mean posterior sigma
 * @property {boolean[]} active (k), whether mu varies over the probe set
 * @property {number} decoder_step step of the newest weights on the server
 * @property {number} manifold_step step of the newest decoded plane on the server
 * @property {number} memory bytes that the training uses
 */

/**
 * @typedef {object} SnapshotArrays
 * @property {Float32Array} mu (N, k)
 * @property {Float32Array} logvar (N, k)
 * @property {Float32Array} axes (2, k), the plane that the map shows; (k, k) where k ≤ 2
 * @property {Uint8Array} reconstructions (8, C, H, W)
 */

/** @typedef {{ step: number, side: number, reach: number }} ManifoldMeta `side` images a side, from −reach to reach */

/** @typedef {Frame<ProbeMeta, ProbeArrays>} Probe */
/** @typedef {Frame<SnapshotMeta, SnapshotArrays>} Snapshot */
/** @typedef {Frame<{ step: number }, Record<string, FrameArray>>} DecoderWeights */
/** @typedef {Frame<ManifoldMeta, { images: Uint8Array }>} DecodedPlane */
