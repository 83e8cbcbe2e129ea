// The numbers of a run over the images it has seen: batch means, validation, and what was changed by hand on the way.
//
// A rewind, or a return to what was before one, begins another pass; the one before it stays, so that both can be compared.

const KEPT = 1600; // batch means a pass; beyond that, neighbours are averaged
const PASSES = 3;
const FEW = 3; // batch means: a pass with fewer is not worth a shadow
export const NAMES = ["distortion", "rate", "elbo"];

class Pass {
  constructor() {
    this.train = []; // { images, step, distortion, rate, elbo, beta }, and whether the log has `reported` it
    this.validation = []; // the same at the `epoch` in which it was measured
    this.changes = []; // { images, step, changed: { beta: [from, to] } }
  }

  get step() {
    return this.train.at(-1)?.step ?? -1;
  }
}

export class History {
  constructor(trainImages) {
    this.trainImages = trainImages;
    this.passes = [new Pass()];
    this.records = [];
    this.branch = undefined; // how often the run was rewound, or returned to; unknown of one that an older version trains
  }

  get current() {
    return this.passes.at(-1);
  }

  get earlier() {
    return this.passes.slice(0, -1);
  }

  // Lines of the log: those from number `from` on are `records`; without `from`, they come after what is known.
  log(records, from = this.records.length) {
    const isNew = from >= this.records.length && !(records[0]?.step < this.current.train[0]?.step);
    this.records = [...this.records.slice(0, from), ...records];
    if (isNew) for (const record of records) this.report(record);
    else this.rebuild();
  }

  // The log was written anew: the run was rewound, or went on from an earlier checkpoint. Snapshots may have said so first.
  rebuild() {
    const end = this.records.at(-1)?.step ?? 0;
    if (this.branch === undefined && this.current.step > end && !this.begun) this.begin();
    this.begun = false;
    const seen = this.current.train.filter(({ reported }) => !reported);
    Object.assign(this.current, { train: [], validation: [], changes: [], reported: undefined });
    for (const record of this.records) {
      if (record.step >= seen[0]?.step && !this.current.train.includes(seen[0])) this.current.train.push(...seen);
      this.report(record);
    }
    if (!this.current.train.includes(seen[0])) this.current.train.push(...seen);
  }

  // The run's log is that of another branch from here on.
  follow(branch) {
    if (branch === undefined || branch === this.branch) return;
    if (this.branch !== undefined) this.begin();
    this.branch = branch;
  }

  report(record) {
    const { current } = this;
    const at = { images: record.epoch * this.trainImages, step: record.step };
    if (record.changed) current.changes.push({ ...at, changed: record.changed });
    if (Number.isFinite(record.distortion)) this.reportTrain(record, at);
    if (Number.isFinite(record.validation_elbo))
      current.validation.push({
        ...at,
        epoch: record.epoch,
        ...pick((name) => record[`validation_${name}`]),
        beta: record.beta,
      });
  }

  // A report's means are those since the report before: they stand in the middle, where no snapshots were seen meanwhile.
  reportTrain(record, { images, step }) {
    const { current } = this;
    const before = current.reported ?? { images: 0, step: 0 };
    current.reported = { images, step };
    if (current.step >= (before.step + step) / 2) return;
    const means = pick((name) => record[name]);
    current.train.push({ images: (before.images + images) / 2, step, ...means, beta: record.beta, reported: true });
  }

  // The means of a snapshot.
  snapshot(meta) {
    if (meta.branch < this.branch) return; // it was on its way when the run was rewound
    this.follow(meta.branch);
    if (this.branch === undefined && meta.step < (this.snapshotStep ?? 0) && meta.step < this.current.step) {
      this.begin();
      this.begun = true;
    }
    this.snapshotStep = meta.step;
    if (!Number.isFinite(meta.distortion) || meta.step <= this.current.step) return;
    const { step, beta } = meta;
    const { train } = this.current;
    train.push({ images: meta.epoch * this.trainImages, step, ...pick((name) => meta[name]), beta });
    if (train.length > KEPT) this.current.train = halved(train);
  }

  begin() {
    this.snapshotStep = undefined;
    const kept = this.current.train.length < FEW ? this.earlier : this.passes;
    this.passes = [...kept, new Pass()].slice(-PASSES);
  }
}

const pick = (value) => Object.fromEntries(NAMES.map((name) => [name, value(name)]));

// Neighbours averaged two by two; of each pair the later one says where it stands.
function halved(points) {
  const out = [];
  for (let i = 1; i < points.length; i += 2)
    out.push({ ...points[i], ...pick((name) => (points[i - 1][name] + points[i][name]) / 2) });
  return points.length % 2 ? [...out, points.at(-1)] : out;
}

// A running mean of the numbers `name`, over about a `share` of the images that the points span.
export function smoothed(points, name, share) {
  if (!points.length) return [];
  const reach = share * Math.max(1, points.at(-1).images - points[0].images);
  let mean = points[0][name];
  return points.map((point, i) => {
    const apart = i ? point.images - points[i - 1].images : 0;
    return (mean += (1 - Math.exp(-apart / reach)) * (point[name] - mean));
  });
}
