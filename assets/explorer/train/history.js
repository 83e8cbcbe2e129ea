// The numbers of a run over the images it has seen: batch means, validation, and the settings that were changed meanwhile.
//
// A rewind, or a return to a saved state, begins another pass. The passes before it stay, so that they can be compared.

/** @import { BoundTerms, LogRecord, SettingChanges, SnapshotMeta } from "./protocol.js" */

const MOST = 1600; // batch means in a pass; beyond that, neighbours are averaged
const PASSES = 3;
const FEW = 3; // batch means: a pass with fewer of them is dropped when the next one begins

/** @typedef {BoundTerms & { beta: number }} BatchMeans a line of the log with terms of the bound always has beta */

/** @typedef {{ images: number, step: number }} Position images that the run has seen, and steps that it has taken */

/** @typedef {Position & BatchMeans & { reported?: boolean }} TrainPoint `reported`: from the log */

/** @typedef {Position & BatchMeans & { epoch: number }} ValidationPoint */

/** @typedef {Position & { changed: SettingChanges }} ChangePoint */

export class Pass {
  constructor() {
    /** @type {TrainPoint[]} */
    this.train = [];
    /** @type {ValidationPoint[]} */
    this.validation = [];
    /** @type {ChangePoint[]} */
    this.changes = [];
    /** @type {Position | undefined} */
    this.reported = undefined; // where the last line of the log with batch means stands
  }

  get step() {
    return this.train.at(-1)?.step ?? -1;
  }
}

export class History {
  /** @param {number} trainImages */
  constructor(trainImages) {
    this.trainImages = trainImages;
    this.passes = [new Pass()];
    /** @type {LogRecord[]} */
    this.records = [];
    /** @type {number | undefined} */
    this.branch = undefined; // as in the run's status
    /** @type {number | undefined} */
    this.snapshotStep = undefined;
    this.begun = false; // a snapshot has begun a pass that the log does not know of yet
  }

  get current() {
    return this.passes[this.passes.length - 1];
  }

  get earlier() {
    return this.passes.slice(0, -1);
  }

  /**
   * Takes lines of the log; the first of `records` has the index `from` in the whole log.
   * @param {LogRecord[]} records
   * @param {number} [from] by default they follow the known ones
   */
  log(records, from = this.records.length) {
    const isNew = from >= this.records.length && !isLess(records[0]?.step, this.current.train[0]?.step);
    this.records = [...this.records.slice(0, from), ...records];
    if (isNew) for (const record of records) this.report(record);
    else this.rebuild();
  }

  /**
   * Reads the whole log again, after the run was rewound or has continued from an earlier checkpoint. A snapshot may have
   * shown that before.
   */
  rebuild() {
    const end = this.records.at(-1)?.step ?? 0;
    if (this.branch === undefined && this.current.step > end && !this.begun) this.begin();
    this.begun = false;
    const { current } = this;
    const seen = current.train.filter(({ reported }) => !reported);
    current.train = [];
    current.validation = [];
    current.changes = [];
    current.reported = undefined;
    for (const record of this.records) {
      if (seen.length && record.step >= seen[0].step && !current.train.includes(seen[0])) current.train.push(...seen);
      this.report(record);
    }
    if (!current.train.includes(seen[0])) current.train.push(...seen);
  }

  /**
   * The status or a snapshot says which branch the run is on; another branch begins another pass.
   * @param {number | undefined} branch
   */
  follow(branch) {
    if (branch === undefined || branch === this.branch) return;
    if (this.branch !== undefined) this.begin();
    this.branch = branch;
  }

  /** @param {LogRecord} record */
  report(record) {
    const { current } = this;
    const at = { images: record.epoch * this.trainImages, step: record.step };
    if (record.changed) current.changes.push({ ...at, changed: record.changed });
    if (hasTerms(record)) this.reportTrain(record, at);
    if (isValidated(record))
      current.validation.push({
        ...at,
        epoch: record.epoch,
        distortion: record.validation_distortion,
        rate: record.validation_rate,
        elbo: record.validation_elbo,
        beta: record.beta,
      });
  }

  /**
   * The means of a line cover the steps since the line before it, so their point lies in the middle of these. It is left
   * out where snapshots have more of the same steps.
   * @param {LogRecord & BatchMeans} record
   * @param {Position} at
   */
  reportTrain(record, { images, step }) {
    const { current } = this;
    const before = current.reported ?? { images: 0, step: 0 };
    current.reported = { images, step };
    if (current.step >= (before.step + step) / 2) return;
    current.train.push({
      images: (before.images + images) / 2,
      step,
      ...termsOf(record),
      beta: record.beta,
      reported: true,
    });
  }

  /**
   * Takes the means of a snapshot.
   * @param {SnapshotMeta} meta
   */
  snapshot(meta) {
    if (isLess(meta.branch, this.branch)) return; // it was sent before the run was rewound
    this.follow(meta.branch);
    if (this.branch === undefined && meta.step < (this.snapshotStep ?? 0) && meta.step < this.current.step) {
      this.begin();
      this.begun = true;
    }
    this.snapshotStep = meta.step;
    if (!hasTerms(meta) || meta.step <= this.current.step) return;
    const { step, beta } = meta;
    const { train } = this.current;
    train.push({ images: meta.epoch * this.trainImages, step, ...termsOf(meta), beta });
    if (train.length > MOST) this.current.train = halved(train);
  }

  begin() {
    this.snapshotStep = undefined;
    const passes = this.current.train.length < FEW ? this.earlier : this.passes;
    this.passes = [...passes, new Pass()].slice(-PASSES);
  }
}

/**
 * Whether both are known and a < b.
 * @param {number | undefined} a
 * @param {number | undefined} b
 */
const isLess = (a, b) => a !== undefined && b !== undefined && a < b;

/**
 * Whether there are means over batches; their terms come together or not at all.
 * @template {{ distortion?: number | null }} T
 * @param {T} numbers
 * @returns {numbers is T & BatchMeans}
 */
export const hasTerms = (numbers) => Number.isFinite(numbers.distortion);

/**
 * Whether there are numbers of the validation images; they come together or not at all.
 * @param {LogRecord} record
 * @returns {record is LogRecord & Record<"validation_distortion" | "validation_rate" | "validation_elbo" | "beta", number>}
 */
const isValidated = (record) => Number.isFinite(record.validation_elbo);

/**
 * @param {BoundTerms} numbers
 * @returns {BoundTerms}
 */
const termsOf = ({ distortion, rate, elbo }) => ({ distortion, rate, elbo });

/**
 * Averages neighbours two by two; the later point of a pair gives the position.
 * @param {TrainPoint[]} points
 */
function halved(points) {
  const out = [];
  for (let i = 1; i < points.length; i += 2) {
    const [a, b] = [points[i - 1], points[i]];
    out.push({
      ...b,
      distortion: (a.distortion + b.distortion) / 2,
      rate: (a.rate + b.rate) / 2,
      elbo: (a.elbo + b.elbo) / 2,
    });
  }
  return points.length % 2 ? [...out, points[points.length - 1]] : out;
}

/**
 * A running mean of one of the terms, over about the `share` of the images that the points span.
 * @param {TrainPoint[]} points
 * @param {keyof BoundTerms} name
 * @param {number} share
 */
export function smoothed(points, name, share) {
  if (!points.length) return [];
  const reach = share * Math.max(1, points[points.length - 1].images - points[0].images);
  let mean = points[0][name];
  return points.map((point, i) => {
    const apart = i ? point.images - points[i - 1].images : 0;
    mean += (1 - Math.exp(-apart / reach)) * (point[name] - mean);
    return mean;
  });
}
