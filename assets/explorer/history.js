// The numbers of a run over the images it has seen: batch means, validation, and what was changed by hand on the way.
//
// A rewind begins another pass; the one before it stays, so that both can be compared.

const KEPT = 1600; // batch means a pass; beyond that, neighbours are averaged
const PASSES = 3;
export const NAMES = ["distortion", "rate", "elbo"];

class Pass {
  constructor() {
    this.train = []; // { images, step, distortion, rate, elbo, beta }
    this.validation = [];
    this.changes = []; // { images, step, changed: { beta: [from, to] } }
  }

  get lastStep() {
    return Math.max(-1, ...[this.train, this.validation].map((list) => list.at(-1)?.step ?? -1));
  }

  get isEmpty() {
    return this.train.length + this.validation.length === 0;
  }
}

export class History {
  constructor(trainImages) {
    this.trainImages = trainImages;
    this.passes = [new Pass()];
    this.records = [];
  }

  get current() {
    return this.passes.at(-1);
  }

  get earlier() {
    return this.passes.slice(0, -1);
  }

  // Lines of the log: those from number `from` on are `records`; without `from`, they come after what is known.
  log(records, from = this.records.length) {
    const isNew = from >= this.records.length;
    this.records = [...this.records.slice(0, from), ...records];
    if (isNew) for (const record of records) this.report(record);
    else this.rebuild();
  }

  // The log was written anew. What it no longer holds was rewound, or lost since the last checkpoint: it stays as a shadow.
  rebuild() {
    const end = this.records.at(-1)?.step ?? 0;
    const before = this.current;
    if (before.lastStep > end) this.begin();
    else this.passes[this.passes.length - 1] = Object.assign(new Pass(), { train: before.train });
    for (const record of this.records) this.report(record);
  }

  report(record) {
    if ("rewind" in record && !this.current.isEmpty && this.current.lastStep > record.step) this.begin();
    const { current } = this;
    const at = { images: record.epoch * this.trainImages, step: record.step };
    if (record.changed) current.changes.push({ ...at, changed: record.changed });
    if (Number.isFinite(record.distortion) && !(record.step <= (current.train.at(-1)?.step ?? -1)))
      current.train.push({ ...at, ...pick((name) => record[name]), beta: record.beta });
    if (Number.isFinite(record.validation_elbo))
      current.validation.push({ ...at, ...pick((name) => record[`validation_${name}`]), beta: record.beta });
  }

  // The means of a snapshot.
  snapshot(meta) {
    if (meta.step < this.current.lastStep) this.begin();
    const { train } = this.current;
    if (!Number.isFinite(meta.distortion) || meta.step <= (train.at(-1)?.step ?? -1)) return;
    const { step, beta } = meta;
    train.push({ images: meta.epoch * this.trainImages, step, ...pick((name) => meta[name]), beta });
    if (train.length > KEPT) this.current.train = halved(train);
  }

  begin() {
    if (this.current.isEmpty) return;
    this.passes = [...this.passes, new Pass()].slice(-PASSES);
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

// A running mean over about `span` neighbours, of the points' own numbers.
export function smoothed(points, name, span) {
  const share = 2 / (span + 1);
  let mean = points[0]?.[name];
  return points.map((point) => (mean += share * (point[name] - mean)));
}
