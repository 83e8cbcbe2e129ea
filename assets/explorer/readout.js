// The numbers of a run in one glance, and its state in words.

import { bytes, duration, short, signed, whole } from "./format.js";

const WORDS = { queued: "queued", running: "training", paused: "paused", failed: "failed", finished: "finished" };

const HTML = `
  <span class="lv-state"></span>
  <span class="lv-bound" title="the bound on ln p(x), a mean over the latest batches">elbo <b class="lv-elbo">–</b> = −(distortion <b class="lv-distortion">–</b> + rate <b class="lv-rate">–</b>) <small>nats per image</small></span>
  <span class="lv-tested"></span>
  <span class="lv-facts"></span>
  <i class="lv-progress"></i>`;

export class Readout {
  constructor(root) {
    this.root = root;
    root.innerHTML = HTML;
    this.$ = (name) => root.querySelector(`.lv-${name}`);
  }

  // `session` is the run's, `paused` what its transport says, `watching` how many others look on.
  show(session, paused) {
    const { status, frame, probe } = session;
    const meta = frame?.meta;
    const state = status.state === "running" && paused ? "paused" : (status.state ?? "");
    this.root.dataset.state = state;
    put(this.$("state"), WORDS[state] ?? "connecting …");
    if (meta?.elbo != null && Number.isFinite(meta.elbo)) {
      put(this.$("elbo"), signed(meta.elbo, 1));
      put(this.$("distortion"), signed(meta.distortion, 1));
      put(this.$("rate"), signed(meta.rate, 2));
    }
    put(this.$("tested"), meta?.validation ? `validation ${signed(meta.validation.elbo, 1)}` : "");
    put(this.$("facts"), facts(session, state).join(" · "));
    const step = meta?.step ?? status.step ?? 0;
    const steps = meta?.steps ?? status.steps;
    this.$("progress").style.setProperty("--done", steps ? Math.min(1, step / steps) : 0);
    this.root.title = probe ? `${whole(probe.meta.parameters)} weights, ${whole(probe.meta.train_images)} training images` : "";
  }
}

// What there is to say, the most wanted first.
function facts({ status, frame, probe, followers }, state) {
  const meta = frame?.meta ?? {};
  const step = meta.step ?? status.step;
  const steps = meta.steps ?? status.steps;
  const epoch = meta.epoch ?? status.epoch;
  const epochs = meta.epochs ?? status.epochs;
  const runs = state === "running";
  return [
    Number.isFinite(epoch) && epochs && `epoch ${Number.isInteger(epoch) ? epoch : epoch.toFixed(epochs < 50 ? 2 : 1)} of ${epochs}`,
    Number.isFinite(step) && steps && `step ${whole(step)} of ${whole(steps)}`,
    runs && meta.images_per_s > 0 && `${whole(Number(meta.images_per_s.toPrecision(3)))} images/s`,
    runs && meta.eta_s != null && `${duration(meta.eta_s)} left`,
    probe?.meta.device,
    meta.memory > 0 && bytes(meta.memory),
    followers > 1 && `${followers} watching`,
  ].filter(Boolean);
}

// What a run needs a person for: { text, actions: [[label, action, more]], link }, or null.
export function notice({ status, settings, run, frame }, steer) {
  const { state, alive, reason, place } = status;
  if (state === "queued")
    return { text: place > 1 ? `In line for the device: ${place - 1} before this run. It starts by itself.` : "Next in line for the device. It starts by itself." };
  if (state === "failed") {
    const smaller = Math.max(1, Math.floor((settings.batch_size ?? 2) / 2));
    const actions = [["Resume", "resume", {}], [`Resume with batch size ${smaller}`, "resume", { batch_size: smaller }]];
    return { text: reason ?? "This run has failed.", actions: steer ? actions : [], bad: true };
  }
  if (state === "paused" && alive === false)
    return { text: `Paused and saved at step ${whole(status.step ?? 0)}.`, actions: steer ? [["Resume", "resume", {}]] : [] };
  if (state === "finished") return { text: "Finished.", link: [`Open ${run} in Explore`, `?model=runs/${encodeURIComponent(run)}`] };
  if (status.notice) return { text: status.notice };
  return frame ? null : { text: state ? "Waiting for the first snapshot …" : "Connecting …" };
}

// What effective beta a run has, where that needs saying.
export function effective({ frame, settings, probe }) {
  const meta = frame?.meta;
  if (!meta) return "";
  const notes = [];
  if (settings.reduction === "mean") notes.push(`mean over ${probe.meta.pixels} pixels: effective β = ${short(meta.effective_beta)}`);
  if (meta.scheduled) notes.push(`on its schedule (${settings.beta_schedule}), now ${short(meta.beta)}`);
  return notes.join(" · ");
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
