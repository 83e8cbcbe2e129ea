// The picture under the lens in words, for those who do not see it: said once the lens rests, aloud where keys moved it.

const REST = 350; // ms
const AROUND = 10; // data points whose classes are told
const SHOWN = 4; // coordinates of z that are read out

export class Description {
  // `picture` is the lens's canvas, `voice` an element that screen readers read out when it changes.
  constructor(picture, voice) {
    Object.assign(this, { picture, voice, aloud: false });
  }

  // `read()` = { z, points: { us, vs, labels }, spot: [u, v], hidden, classes, decoded }, asked once the lens rests.
  later(read) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const text = describe(read());
      this.picture.ariaLabel = text;
      if (this.aloud) this.voice.textContent = text;
      this.aloud = false;
    }, REST);
  }

  // What comes next was done with keys.
  speak() {
    this.aloud = true;
  }
}

function describe({ z, points, spot, hidden, classes, decoded }) {
  const numbers = Array.from(z.subarray(0, SHOWN), (v) => (v < 0 ? "−" : "") + Math.abs(v).toFixed(2));
  const at = `z = (${numbers.join(", ")}${z.length > SHOWN ? ", …" : ""})`;
  const near = classesAround(points, spot, hidden);
  const what = decoded ? `Image decoded at ${at}` : `Image of the data point nearest to ${at}`;
  if (!near.length) return `${what}. No data are shown.`;
  const told = near.map(([label, count]) => `${count} of class ${classes[label]}`).join(", ");
  return `${what}, ${Math.hypot(...z).toFixed(1)} σ from the middle. Nearest on the map: ${told}.`;
}

// [[class, how many of the nearest points], …], the most frequent first.
function classesAround({ us, vs, labels }, [u, v], hidden) {
  const nearest = [];
  for (let i = 0; i < us.length; i++) {
    const squared = (us[i] - u) ** 2 + (vs[i] - v) ** 2;
    if (nearest.length === AROUND && squared >= nearest.at(-1)[0]) continue;
    if (hidden.includes(labels[i])) continue;
    const at = nearest.findIndex(([other]) => other > squared);
    nearest.splice(at < 0 ? nearest.length : at, 0, [squared, labels[i]]);
    if (nearest.length > AROUND) nearest.pop();
  }
  const counts = new Map();
  for (const [, label] of nearest) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
