// The header of the live page: the state of a run in words, and its most important numbers. Also the sentences about a run.

import { find } from "../core/dom.js";
import { bytes, duration, short, signed, whole } from "../core/format.js";
import { hasTerms } from "./history.js";

/** @import { NoticeButton, NoticeContent } from "./notice.js" */
/** @import { BoundTerms } from "./protocol.js" */
/** @import { Session } from "./session.js" */

/** @type {Record<string, string>} */
const WORDS = { queued: "queued", running: "training", paused: "paused", failed: "failed", finished: "finished" };

const HTML = `
  <span class="page-state"></span>
  <span class="page-bound"><span class="page-split">training</span> elbo <b class="page-elbo">–</b> = −(distortion <b class="page-distortion">–</b> + rate <b class="page-rate">–</b>) <small>nats per image</small></span>
  <span class="page-tested"></span>
  <span class="page-facts"></span>
  <i class="page-progress"></i>`;

/** @type {[name: keyof BoundTerms, digits: number][]} */
const TERMS = [
  ["elbo", 1],
  ["distortion", 1],
  ["rate", 2],
];

export class Readout {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    root.innerHTML = HTML;
    this.$ = (/** @type {string} */ name) => find(root, `.page-${name}`);
  }

  /**
   * @param {Session} session
   * @param {boolean} paused as the transport shows it
   */
  show(session, paused) {
    const { status, probe } = session;
    const { split, numbers, about } = shown(session);
    const trains = (status.state === "running" || status.state === "paused") && status.alive !== false;
    const state = trains ? (paused ? "paused" : "running") : (status.state ?? "");
    this.root.dataset.state = state;
    put(this.$("state"), WORDS[state] ?? "connecting …");
    this.$("bound").hidden = !numbers;
    this.$("bound").title = about;
    put(this.$("split"), split);
    for (const [name, digits] of TERMS) put(this.$(name), numbers ? signed(numbers[name], digits) : "–");
    put(this.$("tested"), others(session).join(" · "));
    put(this.$("facts"), facts(session, state).join(" · "));
    const { step = 0, steps } = progress(session);
    this.$("progress").style.setProperty("--done", String(steps ? Math.min(1, step / steps) : 0));
    this.root.title = probe
      ? `${whole(probe.meta.parameters)} weights, ${whole(probe.meta.train_images)} training images`
      : "";
  }
}

/**
 * The present step and epoch of a run: by its latest snapshot while it trains, by its status afterwards.
 * @param {Session} session
 */
const progress = ({ status, frame }) => (frame && status.alive !== false ? frame.meta : status);

/**
 * The latest means over batches. Those of the log may be later than the last snapshot, for there are snapshots only while
 * a page is open.
 * @param {Session} session
 */
function latest({ frame, history }) {
  const known = history.current.train.at(-1);
  if (!frame || !hasTerms(frame.meta)) return known;
  return known && known.step > frame.meta.step ? known : frame.meta;
}

/**
 * The bound to show first: on the test images once it is known, else on the training images. `numbers` are undefined where
 * there are none yet; `about` tells what they are measured on.
 * @param {Session} session
 */
function shown(session) {
  const { test } = session.status;
  if (test)
    return {
      split: "test",
      numbers: test,
      about: "the bound on ln p(x) of the test images, which were not trained on; measured when the run was finished",
    };
  return {
    split: "training",
    numbers: latest(session),
    about: "the bound on ln p(x) of the training images, a mean over the latest batches",
  };
}

/**
 * The bounds on other images or of another time, each with what it is measured on and when.
 * @param {Session} session
 */
function others(session) {
  const { history, status } = session;
  const training = status.test && latest(session);
  const validation = history.current.validation.at(-1);
  return [
    training && `training elbo ${signed(training.elbo, 1)}, mean of the last batches`,
    validation &&
      `validation elbo ${signed(validation.elbo, 1)} at epoch ${rounded(validation.epoch)}${turned(session, validation)}`,
  ].filter(Boolean);
}

/**
 * The beta under which something was measured, where it differs from the present one.
 * @param {Session} session
 * @param {{ beta: number }} measured
 */
function turned(session, { beta }) {
  const now = betaOf(session);
  return beta === undefined || now === undefined || short(beta) === short(now) ? "" : `, β ${short(beta)}`;
}

/** @param {Session} session */
const betaOf = ({ frame, history, settings }) =>
  frame?.meta.beta ?? history.current.train.at(-1)?.beta ?? settings.beta;
const rounded = (/** @type {number} */ epoch) => epoch.toLocaleString("en-US", { maximumFractionDigits: 1 });

/**
 * The numbers of a run in one line, for two runs beside each other.
 * @param {Session} session
 */
export function summary(session) {
  const { split, numbers } = shown(session);
  const beta = betaOf(session);
  if (!numbers || beta === undefined) return "";
  return `β ${short(beta)} · ${split} elbo ${signed(numbers.elbo, 1)} = −(${signed(numbers.distortion, 1)} + ${signed(numbers.rate, 2)})`;
}

/**
 * Facts about a run, the most important first.
 * @param {Session} session
 * @param {string} state
 */
function facts(session, state) {
  const { frame, probe, followers } = session;
  const meta = frame?.meta;
  const { step, steps, epoch, epochs } = progress(session);
  const runs = state === "running";
  return [
    epoch !== undefined &&
      epochs &&
      `epoch ${Number.isInteger(epoch) ? epoch : epoch.toFixed(epochs < 50 ? 2 : 1)} of ${whole(epochs)}`,
    step !== undefined && steps && `step ${whole(step)} of ${whole(steps)}`,
    runs && meta?.images_per_s && `${whole(Number(meta.images_per_s.toPrecision(3)))} images/s`,
    runs && typeof meta?.eta_s === "number" && `${duration(meta.eta_s)} left`,
    meta?.sigma_learned && `σₚ ${short(meta.sigma)}, learned`,
    probe?.meta.device,
    meta?.memory && bytes(meta.memory),
    followers > 1 && `${followers} watching`,
  ].filter(Boolean);
}

/**
 * The sentence about a run, with what can be done; null where there is none.
 * @param {Session} session
 * @param {boolean} steer whether this page may steer it
 * @returns {NoticeContent | null}
 */
export function notice({ status, settings, run, frame, kept }, steer) {
  const { state, alive, reason, place, gone } = status;
  const lagging =
    frame && status.step !== undefined && frame.meta.step < status.step
      ? ` The map is that of step ${whole(frame.meta.step)}, when it was last watched.`
      : "";
  if (state === "queued") {
    const where =
      place !== undefined && place > 1
        ? `In line for the device: ${place - 1} before this run.`
        : "Next in line for the device.";
    return { text: `${where} It starts by itself.${steer ? " Under Runs the line can be put in another order." : ""}` };
  }
  if (gone) return { text: reason ?? "", bad: true };
  if (state === "failed") {
    const smaller = Math.max(1, Math.floor((settings.batch_size ?? 2) / 2));
    /** @type {NoticeButton[]} */
    const actions = [
      ["Resume", "resume", {}],
      [`Resume with batch size ${smaller}`, "resume", { batch_size: smaller }],
    ];
    return { text: reason ?? "This run has failed.", actions: steer ? actions : [], bad: true };
  }
  if (state === "paused" && alive === false)
    return {
      text: `Paused and saved at step ${whole(status.step ?? 0)}.${lagging}`,
      actions: steer ? [["Resume", "resume", {}]] : [],
    };
  const ended = steer ? kept.filter((state) => state.reason === "finish").slice(-1) : [];
  /** @type {NoticeButton[]} */
  const goOn = ended.map(({ number, step }) => [`Go on from step ${whole(step)}`, "restore", { number }]);
  if (state === "finished")
    return {
      text: `Finished.${lagging}`,
      actions: goOn,
      link: [`Open ${run} in Explore`, `?model=runs/${encodeURIComponent(run)}`],
    };
  if (status.notice) return { text: status.notice };
  return frame ? null : { text: state ? "Waiting for the first snapshot …" : "Connecting …" };
}

/**
 * A note on the effective beta of a run, where it differs from the setting.
 * @param {Session} session
 */
export function effective({ frame, settings, probe }) {
  const meta = frame?.meta;
  if (!meta) return "";
  const notes = [];
  if (settings.reduction === "mean" && probe)
    notes.push(`mean over ${probe.meta.pixels} pixels: effective β = ${short(meta.effective_beta)}`);
  if (meta.scheduled) notes.push(`on its schedule (${settings.beta_schedule}), now ${short(meta.beta)}`);
  return notes.join(" · ");
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
