"""The picture beside the button of a first run: posteriors on their way from the prior to where a shipped model has them."""

from __future__ import annotations

import numpy as np

from tests.browser.room import Room, eventually, gallery
from tests.browser.test_live_view import INK

MODEL = gallery("digits-2d")
MOVED = """async ([module, frame, shares]) => {
  const { Overture } = await import(module);
  const root = document.body.appendChild(document.createElement("div"));
  const overture = new Overture(root, frame);
  while (!overture.model) await new Promise((done) => setTimeout(done, 20));
  const at = shares.map((share) => {
    overture.move(share);
    return overture.shown.map((array) => [...array]);
  });
  root.remove();
  return at;
}"""
RESOURCE = (
    "(part) => performance.getEntriesByType('resource').map(({ name }) => name).find((name) => name.includes(part))"
)


def test_posteriors_go_from_the_prior_to_where_the_model_has_them(own_page, address) -> None:
    room = Room(own_page, address)
    room.page.emulate_media(reduced_motion="reduce")
    room.page.goto(f"{address}/train")
    canvas = room.page.locator('[data-testid="stMain"] .er-root canvas')

    def drawn() -> None:
        assert canvas.evaluate(INK) > 10_000

    eventually(drawn)
    still = canvas.evaluate(INK)
    module, frame = (room.page.evaluate(RESOURCE, part) for part in ("/overture.js", "/room/frame/"))
    begin, end = np.array(room.page.evaluate(MOVED, [module, frame, [0, 1]]))
    held_out = MODEL.held_out
    variance = np.exp(held_out.logvar.astype(float))
    np.testing.assert_array_equal(begin, np.array([0, 0, 1, 0, 1])[:, None] * np.ones(len(held_out.mu)))
    np.testing.assert_allclose(end[:2], held_out.mu.T, atol=1e-6)
    np.testing.assert_allclose(end[[2, 4]], variance.T, rtol=1e-5)
    canvas.click()  # shows it, though what moves by itself is unwanted

    def moving() -> None:
        assert abs(canvas.evaluate(INK) - still) > 0.1 * still

    eventually(moving, 5)
