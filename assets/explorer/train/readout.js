// The numbers of a run in one glance, and its state in words.

import { bytes, duration, short, signed, whole } from "../core/format.js";

const WORDS = { queued: "queued", running: "training", paused: "paused", failed: "failed", finished: "finished" };

const HTML = `
  <span class="lv-state"></span>
  <span class="lv-bound"><span class="lv-split">training</span> elbo <b class="lv-elbo">–</b> = −(distortion <b class="lv-distortion">–</b> + rate <b class="lv-rate">–</b>) <small>nats per image</small></span>
  <span class="lv-tested"></span>
  <span class="lv-facts"></span>
  <i class="lv-progress"></i>`;

export class Readout {
  constructor(root) {
    this.root = root;
    root.innerHTML = HTML;
    this.$ = (name) => root.querySelector(`.lv-${name}`);
  }

  // `session` is the run's, `paused` what its transport says.
  show(session, paused) {
    const { status, probe } = session;
    const { split, numbers, about } = shown(session);
    const trains = ["running", "paused"].includes(status.state) && status.alive !== false;
    const state = trains ? (paused ? "paused" : "running") : (status.state ?? "");
    this.root.dataset.state = state;
    put(this.$("state"), WORDS[state] ?? "connecting …");
    this.$("bound").hidden = !numbers;
    this.$("bound").title = about;
    put(this.$("split"), split);
    for (const [name, digits] of [
      ["elbo", 1],
      ["distortion", 1],
      ["rate", 2],
    ])
      put(this.$(name), numbers ? signed(numbers[name], digits) : "–");
    put(this.$("tested"), others(session).join(" · "));
    put(this.$("facts"), facts(session, state).join(" · "));
    const { step = 0, steps } = progress(session);
    this.$("progress").style.setProperty("--done", steps ? Math.min(1, step / steps) : 0);
    this.root.title = probe
      ? `${whole(probe.meta.parameters)} weights, ${whole(probe.meta.train_images)} training images`
      : "";
  }
}

// How far a run is: by its latest snapshot while it trains, by its last word afterwards.
const progress = ({ status, frame }) => (frame && status.alive !== false ? frame.meta : status);

// The latest means over batches: there is no snapshot of what nobody watched.
function latest({ frame, history }) {
  const { meta } = frame ?? {};
  const known = history.current.train.at(-1);
  return meta?.elbo != null && !(known?.step > meta.step) ? meta : known;
}

// The bound that stands first: on the test split once there is one, else on the training images.
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

// The bounds on other images or of another moment, each with what it is measured on and when.
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

// Under which beta something was measured, where that is no longer the run's.
function turned(session, { beta }) {
  const now = betaOf(session);
  return beta === undefined || now === undefined || short(beta) === short(now) ? "" : `, β ${short(beta)}`;
}

const betaOf = ({ frame, history, settings }) =>
  frame?.meta.beta ?? history.current.train.at(-1)?.beta ?? settings.beta;
const rounded = (epoch) => epoch.toLocaleString("en-US", { maximumFractionDigits: 1 });

// One line for a run beside another.
export function summary(session) {
  const { split, numbers } = shown(session);
  if (!numbers) return "";
  return `β ${short(betaOf(session))} · ${split} elbo ${signed(numbers.elbo, 1)} = −(${signed(numbers.distortion, 1)} + ${signed(numbers.rate, 2)})`;
}

// What there is to say, the most wanted first.
function facts(session, state) {
  const { frame, probe, followers } = session;
  const meta = frame?.meta ?? {};
  const { step, steps, epoch, epochs } = progress(session);
  const runs = state === "running";
  return [
    Number.isFinite(epoch) &&
      epochs &&
      `epoch ${Number.isInteger(epoch) ? epoch : epoch.toFixed(epochs < 50 ? 2 : 1)} of ${whole(epochs)}`,
    Number.isFinite(step) && steps && `step ${whole(step)} of ${whole(steps)}`,
    runs && meta.images_per_s > 0 && `${whole(Number(meta.images_per_s.toPrecision(3)))} images/s`,
    runs && meta.eta_s != null && `${duration(meta.eta_s)} left`,
    meta.sigma_learned && `σₚ ${short(meta.sigma)}, learned`,
    probe?.meta.device,
    meta.memory > 0 && bytes(meta.memory),
    followers > 1 && `${followers} watching`,
  ].filter(Boolean);
}

// What a run needs a person for: { text, actions: [[label, action, more]], link }, or null.
export function notice({ status, settings, run, frame, kept }, steer) {
  const { state, alive, reason, place, gone } = status;
  const lagging =
    frame && frame.meta.step < status.step
      ? ` The map is that of step ${whole(frame.meta.step)}, when it was last watched.`
      : "";
  if (state === "queued") {
    const where = place > 1 ? `In line for the device: ${place - 1} before this run.` : "Next in line for the device.";
    return { text: `${where} It starts by itself.${steer ? " Under Runs the line can be put in another order." : ""}` };
  }
  if (gone) return { text: reason, bad: true };
  if (state === "failed") {
    const smaller = Math.max(1, Math.floor((settings.batch_size ?? 2) / 2));
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

// What effective beta a run has, where that needs saying.
export function effective({ frame, settings, probe }) {
  const meta = frame?.meta;
  if (!meta) return "";
  const notes = [];
  if (settings.reduction === "mean")
    notes.push(`mean over ${probe.meta.pixels} pixels: effective β = ${short(meta.effective_beta)}`);
  if (meta.scheduled) notes.push(`on its schedule (${settings.beta_schedule}), now ${short(meta.beta)}`);
  return notes.join(" · ");
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
