"""The map and the lens: what stands where, what the pointer decodes, what a click keeps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.browser.room import DEEP, FLAT, MODELS, Model, Room, eventually, gallery

MIDDLE = 6403  # the test image whose mean is nearest to z = 0 in all ten dimensions of the deep model …
IN_THE_PLANES = {1942, 8885, 3629}  # … and those that are drawn nearest to it on some planes
SPOTS = [(0.5, 0.5), (-1.3, 0.2), (2.2, -1.7)]


def distances(model: Model, plane: np.ndarray, spot: np.ndarray) -> np.ndarray:
    """Of every data point from a spot of the map, (N,)."""
    return np.hypot(*(model.held_out.mu @ plane.T - spot).T)


def assert_nearest(room: Room, model: Model, distance: np.ndarray, margin: float = 1e-3) -> int:
    """The page names the point of least distance (or one that ties with it); which one."""
    shown = room.nearest(model)
    assert distance[shown] <= distance.min() + margin
    return shown


def from_z(model: Model, z: np.ndarray) -> np.ndarray:
    """Of every data point's mean from z, all dimensions counted, (N,)."""
    return np.linalg.norm(model.held_out.mu.astype(float) - z, axis=1)


def assert_beside(room: Room, model: Model, plane: np.ndarray, z: np.ndarray) -> int:
    """The point beside the lens is the one nearest to z, or, where the page says so, the only one under the pointer."""
    if room.text(".er-which") == "nearest in z":
        shown = assert_nearest(room, model, from_z(model, z))
    else:
        assert room.text(".er-which") == "pointed at"
        view = room.view()
        within = 4 * (view["x"][1] - view["x"][0]) / view["width"]  # px
        shown = assert_nearest(room, model, distances(model, plane, plane @ z), margin=within)
        assert distances(model, plane, plane @ z)[shown] < within
    assert room.number(".er-away") == pytest.approx(from_z(model, z)[shown], abs=0.00501)
    return shown


@pytest.mark.parametrize("name", MODELS)
def test_what_is_under_the_pointer_is_decoded(room, name) -> None:
    model = gallery(name)
    room.open(name)
    plane = model.plane(0, 1) if model.latent_dim == 2 else model.principal
    seen = []
    for spot in SPOTS:
        z = room.hover(*spot) @ plane
        room.assert_shows(model, z, off=1e-5)
        np.testing.assert_allclose(room.fields(), z, atol=0.00501)
        np.testing.assert_allclose(room.sliders(), z, atol=0.00501)
        room.assert_marked(plane @ z)
        assert room.number(".er-norm") == pytest.approx(np.linalg.norm(z), abs=0.00501)
        log_prior = -0.5 * (z @ z + len(z) * np.log(2 * np.pi))
        assert room.number(".er-prior") == pytest.approx(log_prior, abs=0.00501)
        assert_beside(room, model, plane, z)
        seen.append(room.picture())
    assert all(np.abs(a - b).max() > 50 for a, b in itertools.pairwise(seen))
    assert not room.pinned


def test_the_lens_works_before_plotly_has_come(new_room) -> None:
    room, model = new_room(), gallery(FLAT)
    room.page.add_init_script(  # the stand-in must show the very same map: Plotly is kept from the page
        "Object.defineProperty(window, 'Plotly', { get: () => new Promise(() => {}), set: () => {} })"
    )
    room.open(plotted=False)
    box = room.page.locator(".er-map").bounding_box()
    room.page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
    room.frames()
    fields = room.fields()
    assert np.abs(fields).min() > 0.1
    room.assert_shows(model, fields, off=0.005)
    # every class has left its colour on the canvas
    painted = room.canvas("canvas.er-cloud")[:3].reshape(3, -1).T
    colours = room.page.locator(".er-legend i").evaluate_all(
        "(dots) => dots.map((dot) => getComputedStyle(dot).backgroundColor)"
    )
    assert len(colours) == 10
    for colour in colours:
        rgb = np.array([int(part) for part in colour[4:-1].split(",")])
        assert (np.abs(painted - rgb).max(1) <= 3).sum() > 100, colour


def test_the_data_point_beside_the_lens_is_the_nearest_with_its_own_costs(room) -> None:
    model = gallery(FLAT)
    room.open()
    rng = np.random.default_rng(0)
    for spot in rng.uniform(-3, 3, (8, 2)):
        at = room.hover(*spot)
        i = assert_nearest(room, model, distances(model, np.eye(2), at))
        assert room.text(".er-class") == str(model.held_out.labels[i])
        assert room.number(".er-distortion") == pytest.approx(model.held_out.distortion[i], abs=0.0501)
        assert room.number(".er-rate") == pytest.approx(model.rate[i], abs=0.00501)
        original = np.broadcast_to(model.held_out.images[i], (3, *model.held_out.images.shape[2:]))
        np.testing.assert_array_equal(room.picture(".er-original"), original)
        reconstruction = model.bytes(model.held_out.mu[i])
        np.testing.assert_allclose(room.picture(".er-reconstruction"), reconstruction, rtol=0, atol=0.51)


@pytest.mark.parametrize("plane", ["pca", "0,1", "4,8", "3d", "1,5,7"])
def test_nearest_means_nearest_in_all_dimensions_whatever_is_drawn(room, plane) -> None:
    model = gallery(DEEP)
    row = int(from_z(model, np.zeros(10)).argmin())
    assert model.held_out.index[row] == MIDDLE
    room.open(DEEP, f"plane={plane}")
    room.page.locator(".er-origin").click()
    room.frames()
    assert room.nearest(model) == row
    assert room.text(".er-which") == "nearest in z"
    assert room.text(".er-away") == "0.95"
    assert room.text(".er-class") == str(model.held_out.labels[row])
    assert room.number(".er-distortion") == pytest.approx(model.held_out.distortion[row], abs=0.0501)
    assert room.number(".er-rate") == pytest.approx(model.rate[row], abs=0.00501)
    original = np.broadcast_to(model.held_out.images[row], (3, *model.held_out.images.shape[2:]))
    np.testing.assert_array_equal(room.picture(".er-original"), original)
    if "," in plane and plane.count(",") == 1:
        rows = model.plane(*map(int, plane.split(",")))
        np.testing.assert_allclose(ringed(room), rows @ model.held_out.mu[row], atol=0.01)
    eventually(lambda: _assert_told(room, model, np.zeros(10)))
    room.page.locator(".er-draw-posterior").click()
    room.z()
    assert room.nearest(model) == row
    assert room.text(".er-which") == "chosen"
    assert room.link["point"] == str(row)


def ringed(room: Room) -> np.ndarray:
    """Where the ring around the data point beside the lens stands, in coordinates of the map."""
    at = room.page.evaluate(
        """() => {
          const { e, f } = document.querySelector(".er-point").transform.baseVal.consolidate().matrix;
          const box = document.querySelector(".er-overlay").getBoundingClientRect();
          return [box.left + e, box.top + f];
        }"""
    )
    assert room.page.locator(".er-point").is_visible()
    return room.data(*at)


def _assert_told(room: Room, model: Model, z: np.ndarray) -> None:
    """The description for screen readers counts the classes of the ten means nearest to z."""
    counts = np.bincount(model.held_out.labels[np.argsort(from_z(model, z))[:10]])
    text = room.page.locator(".er-decoded").get_attribute("aria-label")
    assert f"Nearest in z: {counts.max()} of class {counts.argmax()}" in text


def test_the_planes_alone_would_say_other_points() -> None:
    """The drawn distance is no distance in z: the test above could not pass by it."""
    model = gallery(DEEP)
    drawn = [distances(model, rows, np.zeros(2)).argmin() for rows in (model.principal, model.plane(0, 1))]
    found = {int(model.held_out.index[i]) for i in drawn}
    assert MIDDLE not in found
    assert found & IN_THE_PLANES


def test_a_point_that_is_pointed_at_is_the_one_beside_the_lens(room, fresh) -> None:
    model = gallery(DEEP)
    room.open(DEEP, "plane=4,8")
    room.page.keyboard.press("Escape")
    rows = model.plane(4, 8)
    drawn = model.held_out.mu @ rows.T
    alone = np.argsort(np.partition(distances_between(drawn), 1, axis=1)[:, 1])[::-1]  # the loneliest first
    view = room.view()
    seen = []
    for i in [i for i in alone if np.abs(drawn[i]).max() < 3][:6]:
        at = room.hover(*drawn[i])
        z = rows.T @ at  # what is orthogonal to the plane has stayed 0
        if np.hypot(*(at - drawn[i])) * view["width"] / (view["x"][1] - view["x"][0]) > 1.5:
            continue
        assert room.text(".er-which") == "pointed at"
        assert room.nearest(model) == i
        np.testing.assert_allclose(ringed(room), drawn[i], atol=0.01)
        seen.append(from_z(model, z).argmin() != i)
        room.hover(*(drawn[i] + [8 * (view["x"][1] - view["x"][0]) / view["width"], 0]))
        assert_beside(room, model, rows, rows.T @ room.data(*room.pixel(*room.fields()[[4, 8]])))
    assert sum(seen) > 1  # points that are not the nearest in z
    # a link to what is pointed at brings the same point
    i = next(i for i in alone if np.abs(drawn[i]).max() < 3)
    room.hover(*drawn[i])
    link = room.page.evaluate(
        """() => new Promise((done) => {
          navigator.clipboard.writeText = (text) => { done(text); return Promise.resolve(); };
          document.querySelector(".er-share").click();
        })"""
    )
    fresh.page.goto(link)
    assert fresh.ready(DEEP).nearest(model) == room.nearest(model) == i


def test_a_click_pins_the_lens_and_a_click_on_it_or_escape_lets_go(room) -> None:
    model = gallery(FLAT)
    room.open()
    empty = (-3.3, 2.9)  # far from any data point
    assert distances(model, np.eye(2), np.array(empty)).min() > 0.5
    for release in ("click", "Escape"):
        z = room.click(*empty)
        assert room.pinned
        assert room.text(".er-pin") == "pinned"
        assert "point" not in room.link
        np.testing.assert_allclose(room.z(), z, atol=6e-5)
        pinned = room.picture()
        room.assert_shows(model, z, off=1e-5)

        room.hover(1.0, 1.0)
        np.testing.assert_array_equal(room.picture(), pinned)
        np.testing.assert_allclose(room.z(), z, atol=6e-5)

        if release == "click":
            room.click(*empty)
        else:
            room.page.keyboard.press("Escape")
        eventually(lambda: _assert_free(room))
        moved = room.hover(1.0, 1.2)
        np.testing.assert_allclose(room.fields(), moved, atol=0.00501)
        assert np.abs(room.picture() - pinned).max() > 50
    eventually(lambda: _no_z(room))


def _assert_free(room: Room) -> None:
    assert not room.pinned


def _no_z(room: Room) -> None:
    assert "z" not in room.link


def test_a_click_on_a_data_point_takes_its_very_mean(room) -> None:
    model = gallery(FLAT)
    room.open()
    mu = model.held_out.mu
    alone = np.argsort(np.partition(distances_between(mu), 1, axis=1)[:, 1])[::-1]  # the loneliest first
    inside = [i for i in alone if np.abs(mu[i]).max() < 3.5][:2]
    for i in inside:
        x, y = room.pixel(*mu[i])
        room.page.mouse.click(x + 3, y - 2)  # a hand does not hit the very pixel
        room.frames()
        assert room.nearest(model) == i
        np.testing.assert_allclose(room.z(), mu[i], atol=6e-5)
        assert room.link["point"] == str(i)
        np.testing.assert_array_equal(room.picture(), room.picture(".er-reconstruction"))
        room.page.keyboard.press("Escape")


def distances_between(mu: np.ndarray) -> np.ndarray:
    squares = (mu**2).sum(1)
    return np.sqrt(np.maximum(squares[:, None] + squares - 2 * mu @ mu.T, 0))


def test_a_class_that_is_hidden_is_neither_shown_nor_picked(room) -> None:
    model = gallery(FLAT)
    room.open()
    labels = model.held_out.labels

    def visible() -> list[bool]:
        return room.page.evaluate("document.querySelector('.er-plot').data.map((trace) => trace.visible !== false)")

    def pressed() -> list[bool]:
        buttons = room.page.locator(".er-legend button")
        return [state == "true" for state in buttons.evaluate_all("(all) => all.map((b) => b.ariaPressed)")]

    def assert_shown(classes: set[int]) -> None:
        assert [c for c, shown in enumerate(visible()) if shown] == sorted(classes)
        assert [c for c, shown in enumerate(pressed()) if shown] == sorted(classes)

    def button(c: int):
        return room.page.locator(".er-legend button").nth(c)

    everyone = set(range(10))
    at = room.hover(*model.held_out.mu[np.flatnonzero(labels == 1)[0]])
    hidden = int(labels[room.nearest(model)])
    button(hidden).click()
    eventually(lambda: assert_shown(everyone - {hidden}))
    room.hover(2.0, 2.0)
    at = room.hover(*at)
    distance = np.where(labels == hidden, np.inf, distances(model, np.eye(2), at))
    assert labels[assert_nearest(room, model, distance)] != hidden
    eventually(lambda: _assert_link(room, hidden=str(hidden)))

    button(hidden).click()
    eventually(lambda: assert_shown(everyone))
    room.hover(2.0, 2.0)
    room.hover(*at)
    assert labels[room.nearest(model)] == hidden

    button(4).dblclick()
    eventually(lambda: assert_shown({4}))
    room.hover(*at)
    assert labels[room.nearest(model)] == 4
    button(4).dblclick()
    eventually(lambda: assert_shown(everyone))


def _assert_link(room: Room, **parts: str) -> None:
    assert parts.items() <= room.link.items()


def test_nothing_is_nearest_where_every_class_is_hidden(room) -> None:
    room.open(link="hidden=0,1,2,3,4,5,6,7,8,9")
    room.hover(1.0, 1.0)
    assert not room.page.locator(".er-zone").is_visible()
    assert not room.page.locator(".er-nearest").is_visible()
    room.page.locator(".er-draw-posterior").click()
    room.frames()
    assert not room.pinned


VALUES = {
    "rate": ("rate, nats", lambda model: model.rate),
    "distortion": ("distortion, nats", lambda model: model.held_out.distortion),
    "volume": ("ln posterior volume, Σ ln σ", lambda model: 0.5 * model.held_out.logvar.astype(float).sum(1)),
}


@pytest.mark.parametrize("name", [FLAT, DEEP])
def test_points_are_coloured_by_what_they_cost(room, name) -> None:
    model = gallery(name)
    room.open(name)
    assert not room.page.locator(".er-plot .colorbar").count()
    for colour, (title, values) in VALUES.items():
        room.page.select_option("select.er-colour", colour)
        expected = values(model)

        def coloured(title: str = title, expected: np.ndarray = expected) -> None:
            axis, colours = room.page.evaluate(
                """() => {
                  const { data, _fullLayout: layout } = document.querySelector(".er-plot");
                  const { cmin, cmax } = layout.coloraxis;
                  return [{ cmin, cmax, title: layout.coloraxis.colorbar.title.text }, data.map((t) => [...t.marker.color])];
                }"""
            )
            assert axis["title"] == title
            # the outermost hundredth on each side has the colour of the bar's end
            assert axis["cmin"] == pytest.approx(np.quantile(expected, 0.01), rel=0.01)
            assert axis["cmax"] == pytest.approx(np.quantile(expected, 0.99), rel=0.01)
            assert room.page.locator(".er-plot .colorbar").is_visible()
            for c, values in enumerate(colours):
                np.testing.assert_allclose(values, expected[model.held_out.labels == c], rtol=1e-4, atol=1e-4)

        eventually(coloured)
    room.page.select_option("select.er-colour", "class")
    eventually(lambda: _assert_no_bar(room))


def _assert_no_bar(room: Room) -> None:
    assert not room.page.locator(".er-plot .colorbar").count()


def assert_equal_axes(room: Room) -> float:
    """One unit is as long across as up, in what Plotly shows; how long, in pixels."""
    view = room.view()
    across = view["width"] / (view["x"][1] - view["x"][0])
    up = view["height"] / (view["y"][1] - view["y"][0])
    assert across == pytest.approx(up, rel=1e-3)
    return across


def test_zoom_pan_and_home(room) -> None:
    room.open()
    home = room.view()
    unit = assert_equal_axes(room)

    # the wheel zooms about the pointer
    at = room.hover(1.0, 1.0)
    pointer = room.pixel(*at)
    for _ in range(4):
        room.page.mouse.wheel(0, -100)

    def zoomed() -> float:
        assert assert_equal_axes(room) > 1.2 * unit
        np.testing.assert_allclose(room.data(*pointer), at, atol=0.02)
        return assert_equal_axes(room)

    closer = eventually(zoomed)
    np.testing.assert_allclose(room.hover(*at), room.fields(), atol=0.00501)  # the lens has gone along

    # dragging moves the map with the hand, and is no click
    room.page.mouse.down()
    room.page.mouse.move(pointer[0] + 60, pointer[1] - 35, steps=5)
    room.page.mouse.move(pointer[0] + 120, pointer[1] - 70, steps=5)
    room.page.mouse.up()

    def panned() -> None:
        np.testing.assert_allclose(room.data(pointer[0] + 120, pointer[1] - 70), at, atol=3 / closer)
        assert assert_equal_axes(room) == pytest.approx(closer, rel=1e-3)

    eventually(panned)
    assert not room.pinned

    # what is in view is so again after a reload, and home is still where it was
    before = room.view()
    room.page.wait_for_selector('.er-root:not([data-address="behind"])')
    assert "view" in room.link
    room.page.reload()
    now = room.ready(FLAT).view()
    np.testing.assert_allclose(now["x"] + now["y"], before["x"] + before["y"], atol=1e-3)
    room.page.locator('.modebar-btn[data-title="Reset axes"]').click()

    def at_home() -> None:
        now = room.view()
        np.testing.assert_allclose(now["x"] + now["y"], home["x"] + home["y"], atol=1e-6)
        assert "view" not in room.link

    eventually(at_home)


def test_axes_stay_equal_and_points_stay_put_when_the_window_changes(room) -> None:
    model = gallery(FLAT)
    room.open()
    sizes = [(1000, 700), (1440, 620), (700, 900), (1440, 900)]
    for width, height in sizes:
        before = room.view()
        room.page.set_viewport_size({"width": width, "height": height})

        def fits(before: dict = before) -> None:
            now = room.view()
            assert (now["width"], now["height"]) != (before["width"], before["height"])
            box = room.page.locator(".er-map").bounding_box()
            plot = room.page.locator(".er-plot .main-svg").first.bounding_box()
            assert plot["width"] == pytest.approx(box["width"], abs=3)
            assert plot["height"] == pytest.approx(box["height"], abs=3)
            assert_equal_axes(room)
            assert_rings(room)

        eventually(fits)
        at = room.hover(0.7, 0.4)
        np.testing.assert_allclose(room.fields(), at, atol=0.00501)
        room.assert_shows(model, at, off=1e-5)


def assert_rings(room: Room) -> None:
    """Dashes of the prior's rings on the canvas at 1, 2 and 3 σ, and none between."""
    alpha = room.canvas("canvas.er-zones")[3]
    box = room.page.locator("canvas.er-zones").bounding_box()

    def share(radius: float) -> float:
        """How much of the circle is drawn on, where it lies within the axes."""
        angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
        spots = np.array([room_pixels(u, v) for u, v in radius * np.stack([np.cos(angles), np.sin(angles)], 1)])
        rows, columns = spots[:, 1].round().astype(int), spots[:, 0].round().astype(int)
        within = (rows > 0) & (rows < alpha.shape[0] - 1) & (columns > 0) & (columns < alpha.shape[1] - 1)
        around = [alpha[rows[within] + dy, columns[within] + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        return (np.max(around, axis=0) > 0).mean()

    origin, unit = np.array(room.page.evaluate(ORIGIN)), assert_equal_axes(room)

    def room_pixels(u: float, v: float) -> np.ndarray:
        return origin + unit * np.array([u, -v]) - [box["x"], box["y"]]

    for radius in (1, 2, 3):
        assert share(radius) > 0.4, radius
    for radius in (0.5, 1.5, 2.5):
        assert share(radius) < 0.1, radius


ORIGIN = """() => {
  const { xaxis, yaxis } = document.querySelector(".er-plot")._fullLayout;
  const box = document.querySelector(".er-plot").getBoundingClientRect();
  return [box.left + xaxis._offset + xaxis.d2p(0), box.top + yaxis._offset + yaxis.d2p(0)];
}"""


def test_the_rings_of_the_prior_lie_at_one_two_and_three_sigma(room) -> None:
    room.open()
    assert_rings(room)
    names = room.page.locator(".er-ring").evaluate_all(
        """(all) => all.map((text) => {
          const box = text.getBoundingClientRect();
          return [text.textContent, box.left + box.width / 2, box.top + box.height / 2];
        })"""
    )
    assert [name for name, _, _ in names] == ["1σ", "2σ", "3σ"]
    for radius, (_, x, y) in enumerate(names, 1):
        assert np.hypot(*room.data(x, y)) == pytest.approx(radius, abs=0.05)


@pytest.mark.parametrize(("plane", "axes"), [("pca", None), ("3,7", (3, 7)), ("6,2", (6, 2))])
def test_planes_of_a_deep_model_hold_every_point_where_it_projects(room, plane, axes) -> None:
    model = gallery(DEEP)
    room.open(DEEP, f"plane={plane}")
    rows = model.plane(*axes) if axes else model.principal
    traces = room.page.evaluate("document.querySelector('.er-plot').data.map((trace) => [[...trace.x], [...trace.y]])")
    for c, trace in enumerate(traces):
        expected = model.held_out.mu[model.held_out.labels == c] @ rows.T
        np.testing.assert_allclose(np.array(trace).T, expected, atol=1e-5)
    # moving within the plane leaves alone what is orthogonal to it
    room.slider(9, "number").fill("1.5")
    room.page.keyboard.press("Escape")
    at = room.hover(1.0, -1.0)
    fields = room.fields()
    np.testing.assert_allclose(rows @ fields, at, atol=0.02)
    outside = np.eye(10) - rows.T @ rows
    np.testing.assert_allclose(outside @ fields, outside @ (1.5 * np.eye(10)[9]), atol=0.02)
    room.assert_shows(model, fields, off=0.005)


def test_choosing_other_axes(room) -> None:
    room.open(DEEP)
    room.page.select_option("select.er-plane", "axes")
    room.page.select_option("select.er-across", "4")
    room.page.select_option("select.er-up", "8")

    def shown() -> None:
        titles = room.page.evaluate(
            """() => {
              const { xaxis, yaxis } = document.querySelector(".er-plot")._fullLayout;
              return [xaxis.title.text, yaxis.title.text];
            }"""
        )
        assert titles == ["z₅", "z₉"]
        _assert_link(room, plane="4,8")
        assert_equal_axes(room)

    eventually(shown)
    # no dimension can be taken twice
    disabled = room.page.locator(".er-up option").evaluate_all(
        "(all) => all.filter((o) => o.disabled).map((o) => o.value)"
    )
    assert disabled == ["4"]
    room.page.select_option("select.er-plane", "pca")
    eventually(lambda: _assert_no_plane(room))


def _assert_no_plane(room: Room) -> None:
    assert "plane" not in room.link
    assert not room.page.locator(".er-across").is_visible()
