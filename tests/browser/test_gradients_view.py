"""The Gradients page in a real browser: its arithmetic is the library's, and what it shows is what that says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.browser.room import NAMELESS, Room, eventually, gallery
from vae.elbo import elbo
from vae.gaussian import DiagonalGaussian
from vae.inference.evidence import Plane, gap, true_posterior
from vae.inference.gradients import (
    draws_for,
    exact,
    fit,
    mean_field_kl,
    moment_matched,
    reverse_kl,
    variance_of_square,
)
from vae.inference.targets import banana, ring, two_modes

SET = """([input, value]) => {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


class Gradients(Room):
    """The page, at one of its sections."""

    def visit(self, link: str = "") -> Gradients:
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}/gradients{link and '#' + link}")
        self.page.wait_for_selector(".er-root[data-ready]")
        self.frames()
        return self

    def slide(self, selector: str, value: float) -> None:
        self.page.evaluate(SET, [self.page.locator(f"{selector} input[type=range]").element_handle(), value])
        self.frames()

    def fact(self, root: str, name: str) -> list[float]:
        """The numbers that stand beside a name."""
        facts = self.page.locator(f"{root} dl").evaluate_all(
            "(lists) => Object.fromEntries(lists.flatMap((list) => [...list.querySelectorAll('dt')].map((dt) => [dt.textContent, dt.nextElementSibling.textContent])))"
        )
        words = facts[name].replace("−", "-").replace(",", " ").replace("±", " ").split()
        return [float(word) for word in words if word not in ("nats",)]


@pytest.fixture(scope="module")
def gradients(own_page, address) -> Gradients:
    return Gradients(own_page, address).visit()


# ---- fit -------------------------------------------------------------------------------------------------------------


def steps(gradients: Gradients) -> int:
    return int(gradients.page.locator("#gr-fit").get_attribute("data-steps"))


def test_steps_by_the_exact_gradient_are_those_of_the_library(gradients) -> None:
    gradients.visit("target=banana&estimator=exact&lr=0.1")
    target, start = banana(), DiagonalGaussian(double([-1.4, 2.4]), 2 * double([0.5, 0.5]).log())
    for _ in range(12):
        gradients.page.locator("#gr-fit .gr-step").click()
    eventually(lambda: _equal(steps(gradients), 12))
    q = next(islice(fit(target, start, "exact", rate=0.1), 12, None)).q
    assert gradients.fact("#gr-fit", "KL(q ‖ p)") == pytest.approx([reverse_kl(target, q)], abs=6e-4)
    assert gradients.fact("#gr-fit", "μ") == pytest.approx(q.mu.tolist(), abs=0.006)
    assert gradients.fact("#gr-fit", "σ") == pytest.approx(q.sigma.tolist(), abs=0.006)


def _equal(found: Any, wanted: Any) -> None:
    assert found == wanted


@pytest.mark.parametrize("estimator", ["leave-one-out", "pathwise"])
def test_playing_brings_the_divergence_down_to_the_least_of_a_diagonal_q(gradients, estimator) -> None:
    gradients.visit(f"estimator={estimator}&n=300&lr=0.1&rho=0.8")
    gradients.page.locator("#gr-fit .gr-play").click()
    least = mean_field_kl(double([[1, 0.8], [0.8, 1]]))

    def fitted() -> None:
        [divergence] = gradients.fact("#gr-fit", "KL(q ‖ p)")
        assert least - 1e-3 < divergence < least + 0.05

    eventually(fitted, 90)
    gradients.page.locator("#gr-fit .gr-play").click()
    gradients.frames()
    rests = steps(gradients)
    gradients.frames()
    assert steps(gradients) == rests
    gradients.page.locator("#gr-fit .gr-reset").click()
    eventually(lambda: _equal(steps(gradients), 0))
    assert gradients.fact("#gr-fit", "μ") == [1.5, 0.5]


def test_q_follows_the_pointer_and_the_exact_gradient_is_that_of_where_it_is(gradients) -> None:
    gradients.visit("target=ring&estimator=pathwise&n=1000")
    plane = gradients.page.locator("#gr-fit .gr-plane:visible")
    box = plane.bounding_box()
    left, right, top, bottom = 46, 8, 8, 26  # the margins of the axes
    width, height = box["width"] - left - right - 2, box["height"] - top - bottom - 2
    unit = min(width, height) / (2 * 3.6)

    def pixel(z: list[float]) -> tuple[float, float]:
        return box["x"] + 1 + left + width / 2 + unit * z[0], box["y"] + 1 + top + height / 2 - unit * z[1]

    mouse = gradients.page.mouse
    mouse.move(*pixel([0.7, 0.3]))
    mouse.down()
    mouse.move(*pixel([-0.5, 1.0]), steps=4)
    mouse.up()
    eventually(lambda: _near(gradients.fact("#gr-fit", "μ"), [-0.5, 1.0], 0.03))
    mouse.move(*pixel([-0.5 + 0.7, 1.0]))
    mouse.down()
    mouse.move(*pixel([-0.5 + 1.2, 1.0]), steps=4)
    mouse.up()
    eventually(lambda: _near(gradients.fact("#gr-fit", "σ"), [1.2, 0.7], 0.03))
    mu, sigma = (gradients.fact("#gr-fit", name) for name in ("μ", "σ"))
    q = DiagonalGaussian(double(mu), 2 * double(sigma).log())
    target = ring()
    wanted = exact(target.log_density, q).mu
    _near(gradients.fact("#gr-fit", "exact ∂ μ"), wanted.tolist(), 0.2)
    _near(gradients.fact("#gr-fit", "KL(q ‖ p)"), [reverse_kl(target, q)], 0.1)
    [error] = gradients.fact("#gr-fit", "standard error")
    estimated = np.array(gradients.fact("#gr-fit", "estimated ∂ μ"))
    assert np.hypot(*(estimated - gradients.fact("#gr-fit", "exact ∂ μ"))) < 4.5 * error + 0.02


@pytest.mark.parametrize(("dial", "first", "then"), [("n", 10, [11, 12]), ("lr", 0.05, [0.055, 0.057])])
def test_arrow_keys_leave_a_named_value(gradients, dial, first, then) -> None:
    """A pointer is caught by the values that a dial names; the keyboard is not."""
    gradients.visit()
    number = gradients.page.locator(f"#gr-fit .gr-{dial} input[type=text]")
    assert float(number.input_value()) == first
    gradients.page.locator(f"#gr-fit .gr-{dial} input[type=range]").focus()
    for value in then:
        gradients.page.keyboard.press("ArrowRight")
        assert float(number.input_value()) == value
    for _ in range(3):
        gradients.page.keyboard.press("ArrowLeft")
    assert float(number.input_value()) < first


def test_on_a_line_the_mean_of_q_is_dragged(gradients) -> None:
    gradients.visit("target=line")
    box = gradients.page.locator("#gr-fit .gr-plane:visible").bounding_box()
    left, right, height = 46, 8, box["height"]  # the margins of the axis, which goes from -5 to 5

    def pixel(z: float) -> float:
        return box["x"] + 1 + left + (z + 5) / 10 * (box["width"] - left - right - 2)

    mouse = gradients.page.mouse
    mouse.move(pixel(-2), box["y"] + height / 2)
    mouse.down()
    mouse.move(pixel(0.5), box["y"] + height / 2, steps=4)
    mouse.up()
    eventually(lambda: _near(gradients.fact("#gr-fit", "μ"), [0.5], 0.05))
    assert gradients.fact("#gr-fit", "σ") == [1]


def _near(found: list[float], wanted: list[float], tolerance: float) -> None:
    assert found == pytest.approx(wanted, abs=tolerance)


def test_the_score_function_scatters_more_than_the_pathwise_gradient(gradients) -> None:
    gradients.visit("target=modes&n=500")
    found = {}
    for estimator in ("pathwise", "score", "leave-one-out"):
        gradients.page.locator(f'#gr-fit [data-value="{estimator}"]').click()
        gradients.frames()
        [found[estimator]] = gradients.fact("#gr-fit", "spread of one")
    assert found["score"] > 1.5 * found["leave-one-out"]
    assert found["leave-one-out"] > found["pathwise"]
    arrows = gradients.canvas("#gr-fit .gr-plane:visible canvas:nth-child(2)")
    assert (arrows[3] > 60).sum() > 3000


def test_the_posterior_of_an_image_is_fitted_from_the_encoders_q(gradients) -> None:
    row = 263
    gradients.visit(f"target=posterior&image={row}&estimator=exact&lr=0.002")
    gradients.page.wait_for_selector("#gr-fit .gr-image canvas", state="visible")
    model = gallery("mnist-2d")
    held_out = model.held_out
    x = torch.from_numpy(held_out.images[row]).float() / 255
    q = DiagonalGaussian(torch.from_numpy(held_out.mu[row]), torch.from_numpy(held_out.logvar[row]))
    assert f"test image {held_out.index[row]} " in gradients.text("#gr-fit .gr-image p")
    assert gradients.fact("#gr-fit", "μ") == pytest.approx(q.mu.tolist(), abs=1e-3)
    [begun] = gradients.fact("#gr-fit", "KL(q ‖ p)")
    assert begun == pytest.approx(gap(model.vae, x, q, true_posterior(Plane(model.vae), x)), abs=0.01)
    for _ in range(20):
        gradients.page.locator("#gr-fit .gr-step").click()
    eventually(lambda: _equal(steps(gradients), 20))
    assert gradients.fact("#gr-fit", "KL(q ‖ p)")[0] < begun


# ---- variance --------------------------------------------------------------------------------------------------------


def test_the_table_is_the_closed_forms_and_what_was_measured_comes_to_them(gradients) -> None:
    gradients.visit("tab=variance")
    gradients.slide("#gr-variance .gr-dims", 2)  # 4 dimensions
    gradients.slide("#gr-variance .gr-mu", 0.5)
    mu = torch.full((4,), 0.5).double()
    closed = {
        name: variance_of_square(name, mu, 1.0, 16).mu for name in ("score", "baseline", "leave-one-out", "pathwise")
    }

    def measured() -> None:
        assert int(gradients.page.locator("#gr-variance").get_attribute("data-draws")) > 30_000
        for name, variance in closed.items():
            cells = gradients.page.locator(f'[data-estimator="{name}"] td').all_inner_texts()
            assert float(cells[0]) == pytest.approx(variance, rel=6e-3)
            assert float(cells[1]) == pytest.approx(variance, rel=0.25)

    eventually(measured, 120)
    wanted = draws_for(variance_of_square("pathwise", mu, 1.0).mu, 0.1)
    assert _draws(gradients, "pathwise") == pytest.approx(wanted, rel=0.01)
    assert _draws(gradients, "score") == pytest.approx(
        draws_for(variance_of_square("score", mu, 1.0).mu, 0.1), rel=0.01
    )
    gradients.page.locator("#gr-variance .gr-error input[type=text]").fill("0.2")
    gradients.page.locator("#gr-variance .gr-error input[type=text]").press("Enter")
    eventually(lambda: _near([_draws(gradients, "pathwise")], [wanted / 4], 1.01))


def _draws(gradients: Gradients, estimator: str) -> float:
    text = gradients.page.locator(f'[data-estimator="{estimator}"] td').nth(2).inner_text().replace(",", "")
    return float(text.removesuffix("k")) * (1000 if text.endswith("k") else 1)


def test_measuring_afresh_begins_with_other_draws(gradients) -> None:
    gradients.visit("tab=variance")
    many = eventually(lambda: _at_least(gradients, 20_000), 120)
    before = gradients.text('[data-estimator="score"] td:nth-child(3)')
    gradients.page.locator("#gr-variance .gr-afresh").click()
    eventually(lambda: _below(gradients, many))
    eventually(lambda: _other(gradients, before), 120)


def _at_least(gradients: Gradients, draws: int) -> int:
    found = int(gradients.page.locator("#gr-variance").get_attribute("data-draws"))
    assert found > draws
    return found


def _below(gradients: Gradients, draws: int) -> None:
    assert int(gradients.page.locator("#gr-variance").get_attribute("data-draws")) < draws


def _other(gradients: Gradients, before: str) -> None:
    assert gradients.text('[data-estimator="score"] td:nth-child(3)') not in (before, "…")


# ---- the trick -------------------------------------------------------------------------------------------------------


def trick(gradients: Gradients, side: str) -> dict[str, float]:
    nodes = gradients.page.locator(f"#gr-trick .gr-{side}-side [data-node]").evaluate_all(
        "(nodes) => nodes.map((node) => [node.dataset.node, node.querySelector('.gr-number').textContent])"
    )
    edges = gradients.page.locator(f"#gr-trick .gr-{side}-side [data-edge]").evaluate_all(
        "(edges) => edges.map((edge) => [edge.dataset.edge, edge.querySelector('.gr-slope').textContent.split('= ').at(-1)])"
    )
    return {name: float(text.replace("−", "-")) for name, text in nodes + edges if text not in ("", "?")}


def test_the_same_noise_moves_with_mu_and_sigma_and_carries_the_gradients(gradients) -> None:
    gradients.visit("tab=trick")
    before = trick(gradients, "moved")
    for mu, sigma in ((1.5, 0.5), (-2.0, 1.75)):
        gradients.slide("#gr-trick .gr-mu", mu)
        gradients.slide("#gr-trick .gr-sigma", sigma)
        now = trick(gradients, "moved")
        assert now["zeta"] == before["zeta"]
        assert (now["mu"], now["sigma"]) == (mu, sigma)
        assert now["z"] == pytest.approx(mu + sigma * now["zeta"], abs=0.02)
        assert now["f"] == pytest.approx(now["z"] ** 2, abs=0.06)
        assert now["z-f"] == now["mu-z"] == pytest.approx(2 * now["z"], abs=0.015)
        assert now["sigma-z"] == pytest.approx(2 * now["z"] * now["zeta"], abs=0.06)


def test_a_draw_stops_the_gradient_and_another_is_drawn_wherever_mu_goes(gradients) -> None:
    gradients.visit("tab=trick")
    before = trick(gradients, "drawn")
    assert "mu-z" not in before
    assert "sigma-z" not in before
    assert before["z-f"] == pytest.approx(2 * before["z"], abs=0.015)
    gradients.slide("#gr-trick .gr-mu", before["mu"] + 0.01)
    after = trick(gradients, "drawn")
    assert abs(after["z"] - before["z"]) > 0.02
    assert gradients.page.locator("#gr-trick .gr-wall").count() == 2


def test_a_click_takes_another_draw_through_the_graph(gradients) -> None:
    gradients.visit("tab=trick")
    strip = gradients.page.locator("#gr-trick .gr-moved-side canvas")
    box = strip.bounding_box()
    found = set()
    for share in (0.3, 0.5, 0.7):
        strip.click(position={"x": share * box["width"], "y": 0.3 * box["height"]})
        gradients.frames()
        found.add(trick(gradients, "moved")["zeta"])
    assert len(found) == 3
    assert sorted(found)[0] < -1 < 1 < sorted(found)[2]


# ---- two divergences -------------------------------------------------------------------------------------------------


def two(gradients: Gradients, way: str, name: str) -> list[float]:
    return gradients.fact(f'#gr-divergences [data-way="{way}"]', name)


def to_the_optimum(gradients: Gradients) -> None:
    gradients.page.locator("#gr-divergences .gr-optimum").click()
    eventually(lambda: _equal(gradients.page.locator("#gr-divergences").get_attribute("data-steps"), "700"))


def assert_stage(gradients: Gradients, stage: str, note: str) -> None:
    """What is said of how far both q have come: nothing is called fitted before it is."""

    def said() -> None:
        names = gradients.page.locator("#gr-divergences .gr-narrow dt").all_inner_texts()
        assert names[:3:2] == [f"{stage}, reverse", f"{stage}, forward"]
        assert gradients.text("#gr-divergences .gr-stage-of-both") == note

    eventually(said)


@pytest.mark.parametrize("rho", [0.9, -0.5])
def test_mean_field_is_as_narrow_as_the_closed_form(gradients, rho) -> None:
    gradients.visit(f"tab=divergences&rho={rho}")
    assert_stage(gradients, "start", "not fitted yet: drag q, both begin there")
    to_the_optimum(gradients)
    assert_stage(gradients, "fitted", "fitted")
    _near(two(gradients, "reverse", "variances"), [1 - rho**2] * 2, 0.006)
    _near(two(gradients, "forward", "variances"), [1, 1], 0.011)
    least = mean_field_kl(double([[1, rho], [rho, 1]]))
    _near(two(gradients, "reverse", "KL(q ‖ p)"), [least], 2e-3)
    _near(gradients.fact("#gr-divergences .gr-narrow", "fitted, reverse"), [1 - rho**2], 2e-3)
    _near(gradients.fact("#gr-divergences .gr-narrow", "1/(Σ⁻¹)₁₁"), [1 - rho**2], 6e-4)


def test_reverse_seeks_a_mode_and_forward_covers_both(gradients) -> None:
    gradients.visit("tab=divergences&target=modes")
    to_the_optimum(gradients)
    target = two_modes()
    matched = moment_matched(target)
    seeking = np.array(two(gradients, "reverse", "μ"))
    assert np.abs(seeking) == pytest.approx([2**0.5] * 2, abs=0.03)
    _near(two(gradients, "reverse", "variances"), [0.49, 0.49], 0.03)
    _near(two(gradients, "forward", "μ"), matched.mu.tolist(), 0.02)
    _near(two(gradients, "forward", "variances"), (matched.sigma**2).tolist(), 0.04)
    assert two(gradients, "reverse", "KL(q ‖ p)") < two(gradients, "forward", "KL(q ‖ p)")
    assert two(gradients, "forward", "KL(p ‖ q)") < two(gradients, "reverse", "KL(p ‖ q)")
    assert not gradients.page.locator("#gr-divergences .gr-narrow").is_visible()


# ---- the loss as code ------------------------------------------------------------------------------------------------


def executed(gradients: Gradients, wanted: float | None = None) -> float:
    """The loss that the page shows, once it is `wanted`."""

    def shown() -> float:
        found = float(gradients.page.locator("#gr-code").get_attribute("data-loss") or "nan")
        assert found == found
        if wanted is not None:
            assert found == pytest.approx(wanted, rel=1e-5)
        return found

    return eventually(shown)


def by_library(row: int, size: int, seed: int, beta: float) -> float:
    model = gallery("mnist-2d")
    x = torch.from_numpy(model.held_out.images[row : row + size].astype(np.float32) / 255)
    zeta = torch.randn((size, 2), generator=torch.Generator().manual_seed(seed))
    return elbo(model.vae, x, zeta).loss(beta).item()


def test_the_code_is_executed_on_the_model(gradients) -> None:
    gradients.visit("tab=code")
    executed(gradients, by_library(0, 8, 1, 1.0))
    gradients.page.locator("#gr-code .gr-beta input[type=text]").fill("4")
    gradients.page.locator("#gr-code .gr-beta input[type=text]").press("Enter")
    executed(gradients, by_library(0, 8, 1, 4.0))
    gradients.page.locator("#gr-code .gr-again").click()
    executed(gradients, by_library(0, 8, 2, 4.0))
    gradients.page.locator("#gr-code .gr-others").click()
    executed(gradients, by_library(8, 8, 2, 4.0))
    gradients.page.locator('#gr-code [data-value="64"]').click()
    loss = executed(gradients, by_library(8, 64, 2, 4.0))
    assert f"{loss:.2f}" in gradients.text("#gr-code .gr-result")
    assert gradients.page.locator("#gr-code .gr-row").count() == 11


def test_every_term_has_its_line_and_hovering_lights_both(gradients) -> None:
    gradients.visit("tab=code")
    executed(gradients)
    terms, lines = (
        gradients.page.locator(f"#gr-code {part} [data-term]").evaluate_all(
            "(all) => all.map((one) => one.dataset.term)"
        )
        for part in (".gr-terms", ".gr-code")
    )
    assert len(lines) == 10
    assert sorted(terms) == sorted(lines)
    for name in lines:
        for part in (".gr-terms", ".gr-code"):
            gradients.page.locator(f'#gr-code {part} [data-term="{name}"]').hover()
            lit = gradients.page.locator("#gr-code .gr-lit").evaluate_all("(all) => all.map((one) => one.dataset.term)")
            assert lit == [name, name]
            assert name in gradients.text("#gr-code .gr-detail")


def test_what_the_server_refuses_is_said_in_a_sentence(gradients) -> None:
    gradients.visit("tab=code")
    executed(gradients)
    refused = {"status": 200, "body": json.dumps({"error": "There is no such model."})}
    gradients.page.route("**/room/code/**", lambda route: route.fulfill(**refused))
    gradients.page.locator("#gr-code .gr-again").click()
    eventually(lambda: _equal(gradients.text("#gr-code .gr-message"), "There is no such model."))
    gradients.page.unroute("**/room/code/**")
    gradients.page.locator("#gr-code .gr-again").click()
    eventually(lambda: _equal(gradients.page.locator("#gr-code .gr-message").is_visible(), False))


# ---- the page --------------------------------------------------------------------------------------------------------


def test_a_link_brings_back_what_was_chosen_and_what_it_says_wrongly_is_passed_over(gradients) -> None:
    gradients.visit("tab=trick")
    gradients.page.locator('[data-tab="fit"]').click()
    gradients.page.locator('#gr-fit [data-value="score"]').click()
    gradients.page.locator("#gr-fit select").select_option("ring")
    eventually(lambda: _equal(gradients.link, {"target": "ring", "estimator": "score"}))
    gradients.page.reload()
    gradients.page.wait_for_selector(".er-root[data-ready]")
    assert gradients.page.locator("#gr-fit select").input_value() == "ring"
    assert gradients.page.locator('#gr-fit [data-value="score"]').get_attribute("aria-checked") == "true"
    gradients.visit("tab=none&target=toString&n=-5&lr=x&rho=2&estimator=constructor&full=7&image=1e99")
    assert gradients.page.locator("#gr-fit").is_visible()
    assert gradients.page.locator("#gr-fit select").input_value() == "correlated"
    assert gradients.page.locator("#gr-fit .gr-n input[type=text]").input_value() == "10"


def test_a_posterior_that_cannot_be_had_is_said_in_a_sentence(browser, address) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        context.set_default_timeout(60_000)
        gradients = Gradients(context.new_page(), address).visit()
        gradients.page.route("**/room/evidence/**", lambda route: route.abort())
        gradients.page.locator("#gr-fit select").select_option("posterior")
        eventually(lambda: _sentence(gradients.text(".gr-lost")))
        eventually(lambda: _equal(gradients.page.locator("#gr-fit select").input_value(), "correlated"))


def _sentence(text: str) -> None:
    assert text.startswith("The server did not answer")
    assert text.endswith(".")


@pytest.fixture
def phone(browser, address) -> Iterator[Gradients]:
    with browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True) as context:
        context.set_default_timeout(60_000)
        yield Gradients(context.new_page(), address).visit()


def test_on_a_phone_every_section_fits_its_width(phone) -> None:
    gradients = phone
    for tab in ("fit", "variance", "trick", "divergences", "code"):
        gradients.page.locator(f'[data-tab="{tab}"]').click()
        gradients.page.wait_for_selector(f"#gr-{tab}", state="visible")
        gradients.frames()
        wide = gradients.page.evaluate(
            "document.querySelector('.er-root').scrollWidth - document.querySelector('.er-root').clientWidth"
        )
        assert wide <= 1, tab


def test_everything_on_the_page_has_a_name(gradients) -> None:
    gradients.visit()
    for tab in ("fit", "variance", "trick", "divergences", "code"):
        gradients.page.locator(f'[data-tab="{tab}"]').click()
        gradients.page.wait_for_selector(f"#gr-{tab}", state="visible")
        gradients.frames()
        assert gradients.page.evaluate(NAMELESS, ".er-root") == [], tab
