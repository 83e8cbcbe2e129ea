"""The arithmetic of the live view: sliders, axes, motion, the view, the history of a run."""

from __future__ import annotations

from typing import Any

import numpy as np


def test_the_mathematics_of_sliders_axes_motion_and_view(node) -> None:
    def of(module: str, code: str) -> Any:
        return node.call(module, f"(m) => {{ {code} }}")

    # a logarithmic slider: its ends, its middle, there and back
    scale = "const s = new m.LogScale(0.001, 100, { zero: true, named: [1] });"
    assert of(
        "widgets/scale.js",
        scale + "return [s.value(0), s.value(0.02), s.value(1), s.position(0), s.position(100), s.position(1e6)]",
    ) == [0, 0, 100, 0, 1, 1]
    assert of("widgets/scale.js", scale + "return s.value(s.position(1) + 0.01)") == 1
    values = [0.001, 0.0042, 0.05, 0.37, 2.5, 31, 100]
    back = of("widgets/scale.js", scale + f"return {values}.map((v) => s.value(s.position(v)))")
    np.testing.assert_allclose(back, values, rtol=0.01)
    # round numbers along an axis
    assert of("plot/ticks.js", "return m.ticks(-3.2, 3.2, 7)") == [-3, -2, -1, 0, 1, 2, 3]
    np.testing.assert_allclose(of("plot/ticks.js", "return m.ticks(0.11, 0.43, 4)"), [0.2, 0.3, 0.4])
    # half of the way in half of the time; from there, not back, when another snapshot comes
    morph = """
      const at = (x) => [[x], [0], [1], [0], [1]].map((a) => Float32Array.from(a));
      const morph = new m.Morph();
      morph.target(at(0), 0); morph.target(at(1), 100); morph.interval = 100; morph.startedAt = 100;
      morph.advance(150);
      const half = morph.us[0];
      morph.target(at(2), 150);
      const kept = morph.us[0];
      morph.advance(150 + morph.interval);
      return [half, kept, morph.us[0], morph.settled];"""
    assert of("map/morph.js", morph) == [0.5, 0.5, 2, True]
    # the view holds all points, stays while they stay about as large, follows when they leave
    camera = """
      const c = new m.Camera(), r = { left: 0, top: 0, width: 800, height: 600 };
      const cloud = (x) => [[[-x, x], [-x, x]]];
      c.follow(cloud(4), r); const first = c.goal;
      c.follow(cloud(3.6), r); const same = c.goal === first;
      c.follow(cloud(50), r);
      while (c.advance(16)) ;
      const { x, y } = c.view(r);
      c.take(2, 0, 0); const taken = c.auto;
      return [same, x[0] < -50 && x[1] > 50 && y[0] < -50 && y[1] > 50, y[1] < 60, taken];"""
    assert of("map/camera.js", camera) == [True, True, True, False]
    # a rewind is told once, whether a snapshot or the log speaks of it first
    history = """
      const passes = (order) => {
        const h = new m.History(100);
        h.log([1, 2, 3, 4].map((step) => ({ step, epoch: step, distortion: 2, rate: 1, elbo: -3 })));
        const snapshot = (step) => h.snapshot({ step, epoch: step, distortion: 2, rate: 1, elbo: -3, beta: 1 });
        snapshot(5);
        if (order === "log") h.log([], 0);
        snapshot(1); snapshot(2);
        if (order === "snapshot") h.log([], 0);
        return [h.passes.length, h.earlier[0].train.length, h.current.train.map(({ step }) => step)];
      };
      return [passes("log"), passes("snapshot")];"""
    assert of("train/history.js", history) == [[2, 5, [1, 2]]] * 2
    # a rewind, a frame that was on its way before it, and a return, of which a frame tells before the log does
    branches = """
      const h = new m.History(100);
      const line = (step) => ({ step, epoch: step, distortion: 2, rate: 1, elbo: -3 });
      const snapshot = (step, branch) => h.snapshot({ ...line(step), beta: 1, branch });
      h.follow(0);
      h.log([2, 4, 6].map(line)); snapshot(8, 0);
      h.follow(1); h.log([], 0); snapshot(1, 1); snapshot(9, 0); snapshot(2, 1); snapshot(3, 1);
      snapshot(9, 2); h.follow(2); h.log([2, 4, 6, 8].map(line)); snapshot(10, 2);
      return h.passes.map(({ train }) => train.map(({ step }) => step));"""
    assert of("train/history.js", branches) == [[2, 4, 6, 8], [1, 2, 3], [2, 4, 6, 8, 9, 10]]
