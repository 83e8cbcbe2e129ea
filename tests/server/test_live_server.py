"""The hub: what followers of a run get, who may steer it, and what no follower and no folder can do to it."""

from __future__ import annotations

import json
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server import access, hub, launcher, runs_root
from tests.serving import Server, serving, until
from vae.files import checkpoint, control, runs
from vae.files.frame import pack
from vae.settings import Settings
from vae.training import live

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FINISHED = ROOT / "assets" / "gallery" / "digits-2d"
LONG = Settings(data="digits", hidden=(16,), batch_size=64, epochs=100_000, lr_schedule="constant", device="cpu")
NAMES = ["..", "%2e%2e", "..%2fruns", "none", ".data", "a%00b", "x" * 400, "%5c..%5cruns", "done%2flive"]


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The runs' folder of this file's own, with one finished run of the gallery in it."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("served") / "runs"
        patch.setattr(runs_root, "RUNS", root)
        shutil.copytree(FINISHED, root / "done")
        yield root


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def training(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and key of a run that trains for as long as it is left to."""
    name, key = launcher.start(LONG)
    yield name, key
    if child := launcher._children.get((folder / name).absolute()):
        child.kill()
        child.wait()
        until(lambda: (folder / name).absolute() not in launcher._children)


@pytest.fixture
def copy(folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A finished run of the test's own."""
    path = folder / re.sub(r"\W+", "-", request.node.name)[:60]
    shutil.copytree(FINISHED, path)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def a_frame(step: int, n: int = 3) -> bytes:
    return pack({"step": step, "time": time.time()}, {"mu": np.zeros((n, 2), np.float32)})


# ---- who is let in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1", "file://", "http://localhost"])
def test_a_page_of_another_site_gets_nothing(server, origin) -> None:
    with pytest.raises(InvalidStatus, match="403"), server.follow("done", origin=origin):
        pass


def test_who_is_no_browser_may_look_but_not_steer(server, copy) -> None:
    key = access.give_key(copy)
    with server.follow(copy.name, origin=None) as guest:
        assert guest.hear("run")["steer"] is False
        guest.send(token=key)
        assert guest.hear("steer")["steer"] is False
        guest.send(request={"pause": True})
        assert "key" in guest.refusal()


@pytest.mark.parametrize("name", NAMES)
def test_only_folders_right_below_the_runs_are_found(server, name) -> None:
    with pytest.raises(InvalidStatus, match=r"403|404"), server.follow(name):
        pass
    for path in (f"/room/live/{name}/probe", f"/room/live/{name}/model.safetensors", f"/room/follow/{name}"):
        assert server.get(path)[0] == 404


def test_names_as_python_sees_them() -> None:
    for name in ("", ".", "..", "../runs", "a/b", "a\\b", ".data", "\0", "x" * 400, "done/"):
        assert launcher.find(name) is None


def test_a_key_opens_its_own_run_only(server, copy) -> None:
    key = access.give_key(copy)
    assert key not in (copy / access.KEY_FILE).read_text()
    assert (copy / access.KEY_FILE).stat().st_mode & 0o777 == 0o600
    with server.follow(copy.name) as guest:
        assert guest.hear("run")["steer"] is False
        for wrong in ("", key[:-1], key + "x", 5, None, ["x"], "é" * 50, "\ud800"):
            guest.send(token=wrong)
            assert guest.hear("steer")["steer"] is False
        guest.send(token=key)
        assert guest.hear("steer")["steer"] is True
    (copy / access.KEY_FILE).write_text("")
    assert not access.opens(copy, "")


def test_a_run_without_a_key_is_steered_by_anybody_at_this_machine_alone(server, monkeypatch, folder) -> None:
    with server.follow("done") as guest:
        assert guest.hear("run")["steer"] is True
    done = folder / "done"
    assert not access.opens_to_all(done, {"host": "evil.example:8501"}, "127.0.0.1")
    assert not access.opens_to_all(done, {"host": "localhost:8501"}, "192.0.2.7")
    assert access.opens_to_all(done, {"host": "[::1]:8501"}, "::1")
    monkeypatch.setenv(access.LECTURE, "presenter's")
    with server.follow("done") as guest:
        assert guest.hear("run")["steer"] is False


def test_the_presenter_steers_every_run(server, monkeypatch, copy) -> None:
    access.give_key(copy)
    monkeypatch.setenv(access.LECTURE, "presenter's")
    status, headers, _ = server.get("/room/follow/done?a=1&presenter=presenter%27s&b=2")
    assert status == 303
    assert headers["location"] == "./done?a=1&b=2"
    assert "httponly" in headers["set-cookie"].lower()
    with server.follow(copy.name, Cookie=headers["set-cookie"].split(";")[0]) as guest:
        assert guest.hear("run")["steer"] is True
    with server.follow(copy.name, "presenter's"):
        pass
    status, headers, _ = server.get("/room/follow/done?presenter=guessed&a=1")
    assert (status, headers["location"]) == (303, "./done?a=1&presenter-key=refused")
    assert "set-cookie" not in headers
    assert "key does not fit" in server.get("/room/follow/done?a=1&presenter-key=refused")[2].decode()
    assert "key does not fit" not in server.get("/room/follow/done?a=1")[2].decode()
    fits = "/room/follow/done?presenter-key=refused&presenter=presenter%27s"
    assert server.get(fits)[1]["location"] == "./done"
    for elsewhere in ("/https:evil.example", "//evil.example/x", "/a//evil.example", "/javascript:alert(1)"):
        assert server.get(f"{elsewhere}?presenter=x")[1]["location"].startswith("./")


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://a:8501", "a:8501", True),
        ("https://a", "a", True),
        ("https://A", "a:443", True),
        ("http://a:80", "a", True),
        ("http://a", "a:8501", False),
        ("http://a.b", "a", False),
        ("null", "null", False),
        ("", "", False),
        ("ftp://a", "a", False),
    ],
)
def test_origins(origin, host, same) -> None:
    assert access.same_origin({"origin": origin, "host": host}) is same


# ---- what a follower gets -------------------------------------------------------------------------------------------


def test_a_finished_run_says_all_at_once(server) -> None:
    run = runs.read(FINISHED)
    with server.follow("done") as guest:
        said = guest.receive()
    assert said["type"] == "run"
    assert said["name"] == "done"
    assert said["status"]["state"] == "finished"
    assert said["status"]["alive"] is False
    assert said["log"] == run.log
    assert said["classes"] == list(run.classes)
    assert said["train_images"] == run.train_images
    assert Settings.of(said["settings"]) == run.settings
    assert said["followers"] == 1


def test_followers_are_counted(server) -> None:
    with server.follow("done") as first:
        first.hear("run")
        with server.follow("done") as second:
            assert second.hear("run")["followers"] == 2
            assert first.hear("status")["followers"] == 2
        assert first.hear("status")["followers"] == 1
    until(lambda: not server.hub.rooms)


def test_new_lines_of_a_log_come_alone_and_a_rewritten_one_from_its_start(server, copy) -> None:
    with server.follow(copy.name) as guest:
        before = guest.hear("run")["log"]
        with open(copy / runs.LOG, "a") as log:
            log.write('{"step": 99999, "epoch": 1}\n{"step": 1000')
        said = guest.hear("log")
        assert said["records"] == [{"step": 99999, "epoch": 1}]
        assert "from" not in said
        (copy / runs.LOG).write_text("".join(json.dumps(record) + "\n" for record in before[:3]))
        assert guest.hear("log") == {"type": "log", "records": before[:3], "from": 0}


def test_a_frame_comes_as_it_is_and_a_damaged_one_never(server, copy) -> None:
    path = copy / live.FRAME
    path.parent.mkdir()
    whole = a_frame(7)
    path.write_bytes(whole)
    with server.follow(copy.name) as guest:
        assert guest.hear("frame")["data"] == whole
        for damaged in (b"", b"ELBF", whole[:-1], b"\xff" * 100, b"ELBF\xff\xff\xff\xff{}", b"ELBF\2\0\0\0[]"):
            path.write_bytes(damaged)
            time.sleep(hub.POLL_EVERY + 0.1)
        notice = guest.hear("status", lambda m: "notice" in m["status"])["status"]["notice"]
        assert "damaged" in notice
        path.write_bytes(a_frame(8))
        assert guest.frame()["step"] == 8
        guest.hear("status", lambda m: "notice" not in m["status"])


def test_a_folder_that_vanishes_says_so_and_others_go_on(server, copy) -> None:
    with server.follow(copy.name) as guest, server.follow("done") as other:
        guest.hear("run")
        shutil.rmtree(copy)
        status = guest.status(lambda status: status["state"] == "failed")
        assert "gone" in status["reason"]
        guest.send(request={"beta": 1})
        guest.refusal()
        shutil.copytree(FINISHED, copy)
        guest.status(lambda status: status["state"] == "finished")
        other.send(request={"beta": 1})
        assert "finished" in other.refusal()


def test_damaged_settings_say_so(server, copy) -> None:
    with server.follow(copy.name) as guest:
        guest.hear("run")
        (copy / runs.SETTINGS).write_text("{")
        status = guest.status(lambda status: status["state"] == "failed")
        assert status["reason"].endswith(".")
        shutil.copy(FINISHED / runs.SETTINGS, copy / runs.SETTINGS)
        assert guest.hear("run")["status"]["state"] == "finished"


def test_a_view_is_relayed_to_the_others_and_shown_to_who_comes_later(server, copy) -> None:
    key = access.give_key(copy)
    with server.follow(copy.name, key) as presenter, server.follow(copy.name) as guest:
        guest.hear("run")
        guest.send(view={"z": [9, 9]})
        assert "key" in guest.refusal()
        presenter.send(view={"z": [1, 2], "zoom": 3})
        assert guest.hear("view")["view"] == {"z": [1, 2], "zoom": 3}
        with server.follow(copy.name) as late:
            assert late.hear("view")["view"] == {"z": [1, 2], "zoom": 3}
        presenter.send(view=[1])
        presenter.refusal()


def test_who_does_not_keep_up_gets_the_latest_and_holds_up_nobody(server, copy) -> None:
    path = copy / live.FRAME
    path.parent.mkdir()
    path.write_bytes(a_frame(0))
    with server.follow(copy.name, queue=1) as slow, server.follow(copy.name) as quick:
        slow.hear("run")
        slow.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        [(room, _)] = [entry for name, entry in server.hub.rooms.items() if name == copy.name]
        quick.frame()
        for step in range(1, 12):  # of 4 MB each, far more than all buffers on the way
            beside = path.with_name("beside")
            beside.write_bytes(a_frame(step, 500_000))
            beside.rename(path)
            assert quick.frame(lambda meta, step=step: meta["step"] == step)
        assert all(len(follower.queue) < 5 for follower in room.followers)
        steps = []
        while not steps or steps[-1] < 11:
            steps.append(slow.frame()["step"])
        assert len(steps) < 11


def test_texts_that_nobody_takes_end_the_connection() -> None:
    follower = hub.Follower()
    for _ in range(hub.MAX_QUEUE[0]):
        follower.send_text("x")
    assert not follower.too_slow.is_set()
    follower.send_text("x")
    assert follower.too_slow.is_set()
    assert not follower.queue
    large = hub.Follower()
    large.send_text("x" * (hub.MAX_QUEUE[1] + 1))
    assert large.too_slow.is_set()


def test_the_server_gives_signs_of_life_and_misses_those_of_a_page(server, copy, monkeypatch) -> None:
    """A network that drops everything closes nothing; a program that never sent a heartbeat is not expected to."""
    monkeypatch.setattr(hub, "HEARTBEAT_EVERY", 0.05)
    monkeypatch.setattr(hub, "TIMEOUT", 0.5)
    with server.follow(copy.name) as page, server.follow(copy.name) as program:
        page.hear("heartbeat")
        program.hear("heartbeat")
        page.send(heartbeat=True)
        assert program.hear("status", lambda said: said["followers"] == 1)
        program.hear("heartbeat")
        program.send(request={"beta": 1.0})
        program.refusal()
    for junk in (False, 1, "x"):
        with server.follow(copy.name) as guest:
            guest.send(heartbeat=junk)
            guest.refusal()


# ---- what a follower says -------------------------------------------------------------------------------------------

JUNK = [
    "",
    "nonsense",
    "[]",
    "5",
    "null",
    '{"request": NaN}',
    "{}",
    '{"what": 1}',
    "[" * 10_000,
    '{"request": ' * 1000,
    '{"request": 1' + "0" * 5000 + "}",
    '{"action": {"action": "fork"}}',
    '{"action": "delete"}',
    '{"action": "resume", "batch_size": true}',
    '{"action": "resume", "batch_size": "64; rm"}',
    '{"view": "x"}',
    "x" * 100_000,
]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: junk[:20])
def test_junk_is_refused_in_a_sentence_and_the_next_is_heard(server, junk) -> None:
    with server.follow("done") as guest:
        guest.socket.send(junk)
        guest.refusal()
        guest.socket.send(junk.encode())
        guest.refusal()
        guest.send(request={"beta": 1.0})
        assert "finished" in guest.refusal()


def test_too_much_at_once_is_refused(server) -> None:
    with server.follow("done") as guest:
        for _ in range(int(hub.BURST) + 60):
            guest.send(request={"beta": 1.0})
        reasons = [guest.refusal() for _ in range(int(hub.BURST) + 60)]
    assert any("too much" in reason for reason in reasons)
    assert "finished" in reasons[0]


# ---- a run that trains ----------------------------------------------------------------------------------------------


def test_frames_come_while_it_trains_and_every_control_is_applied(server, training) -> None:
    name, key = training
    with server.follow(name) as follower, server.follow(name, key) as guest:
        guest.frame(lambda meta: meta["step"] > 0)
        first = guest.frame()
        second = guest.frame(lambda meta: meta["step"] > first["step"])
        assert {"z", "mu", "logvar", "axes", "reconstructions"} - set(first["arrays"]) == {"z"}
        assert guest.frame(lambda meta: meta["step"] > second["step"])["state"] == "running"
        guest.send(request={"beta": 0.25, "lr": 2e-3})
        asked = guest.hear("accepted")["id"]
        applied = guest.frame(lambda meta: meta["control"] >= asked)
        assert (applied["beta"], applied["lr"]) == (0.25, 2e-3)
        follower.send(request={"beta": 9})
        assert "key" in follower.refusal()
        assert follower.frame(lambda meta: meta["control"] >= asked)["beta"] == 0.25


def test_pause_steps_that_add_up_and_an_epoch(server, training) -> None:
    name, key = training
    with server.follow(name, key) as guest:
        guest.frame()
        guest.send(request={"pause": True})
        guest.status(lambda status: status["state"] == "paused")
        at = runs.read_status(runs_root.RUNS / name)["step"]
        for _ in range(5):
            guest.send(request={"step": True})
        guest.frame(lambda meta: meta["step"] == at + 5)
        guest.send(request={"epoch": True})
        guest.frame(lambda meta: meta["step"] == at + 5 + 17)  # 1078 images, 64 a step
        guest.send(request={"resume": True, "pace": 50})
        guest.frame(lambda meta: meta["step"] > at + 25)
        guest.send(request={"pace": None})
        until(lambda: control.read(runs_root.RUNS / name).pace is None)


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        [],
        "pause",
        {"beta": -1},
        {"beta": "1"},
        {"beta": None},
        {"beta": True},
        {"beta": 1e400},
        {"lr": 0},
        {"lr": 100},
        {"sigma": 1e9},
        {"pace": 0},
        {"pace": "fast"},
        {"pause": False},
        {"step": 3},
        {"pause": True, "step": True},
        {"until": 5},
        {"id": 7},
        {"__class__": 1},
        {"x" * 5000: 1},
    ],
    ids=str,
)
def test_asks_beyond_the_limits_are_refused(server, training, wanted) -> None:
    name, key = training
    before = control.read(runs_root.RUNS / name)
    with server.follow(name, key) as guest:
        until(lambda: runs.observe(runs_root.RUNS / name)["state"] == "running")
        guest.socket.send(json.dumps({"request": wanted}).replace("Infinity", "1e400"))
        guest.refusal()
    assert control.read(runs_root.RUNS / name) == before


def test_the_live_files_and_the_model_are_served_fresh(server, training) -> None:
    name, key = training
    with server.follow(name, key) as guest:
        meta = guest.frame(lambda meta: meta["manifold_step"] > 0)
        for file in ("probe", "decoder", "manifold"):
            status, headers, body = server.get(f"/room/live/{name}/{file}")
            assert (status, headers["cache-control"]) == (200, "no-store")
            assert body[:4] == b"ELBF"
        guest.send(request={"save": True})
        asked = guest.hear("accepted")["id"]
        guest.status(lambda status: status.get("control", 0) >= asked)
        status, headers, body = server.get(f"/room/live/{name}/model.safetensors")
    assert status == 200
    assert f"{name}.safetensors" in headers["content-disposition"]
    model = checkpoint.read(body)
    assert model.training == {}
    assert model.step >= meta["step"] > 0
    assert server.get(f"/room/live/{name}/control.json")[0] == 404
    assert server.get(f"/room/live/{name}/{access.KEY_FILE}")[0] == 404
    assert server.get("/room/live/done/probe")[0] == 404


def test_a_fork_made_over_the_wire_waits_beside_the_run_it_came_of(server, training) -> None:
    name, key = training
    with server.follow(name, key) as guest:
        guest.frame()
        guest.send(action="fork")
        guest.send(action="fork")
        assert "still" in guest.refusal()
        done = guest.hear("done")
    assert done["run"] == f"{name}-fork"
    assert done["token"] != key
    assert runs.observe(runs_root.RUNS / name)["state"] == "running"
    with server.follow(done["run"], done["token"]) as guest:
        assert guest.status()["state"] == "paused"
        guest.send(request={"resume": True})
        assert guest.status(lambda status: status.get("place") == 1)["state"] == "queued"
        guest.send(request={"finish": True})
        guest.status(lambda status: status.get("alive") is False)


def test_a_killed_trainer_is_told_of_and_resumed_from_the_page(server, training) -> None:
    name, key = training
    with server.follow(name, key) as guest:
        guest.frame()
        launcher._children[(runs_root.RUNS / name).absolute()].kill()
        guest.status(lambda status: "killed by the system" in status.get("reason", ""))
        guest.send(request={"pace": 1.0})
        assert "resume" in guest.refusal()
        guest.send(action="resume")
        assert guest.hear("done")["run"] == name
        assert guest.frame(lambda meta: meta["state"] == "running")


def test_another_server_finds_the_run_and_its_key(training) -> None:
    name, key = training
    with serving() as another, another.follow(name, key) as guest:
        guest.frame(lambda meta: meta["state"] == "running")
        guest.send(request={"save": True})
        assert guest.hear("accepted")


# ---- the page for followers -----------------------------------------------------------------------------------------


def test_the_page_for_followers_is_escaped_and_runs_only_its_own_script(server, folder) -> None:
    name = '"><img src=x onerror=alert(1)>'
    shutil.copytree(FINISHED, folder / name)
    status, headers, body = server.get("/room/follow/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E")
    shutil.rmtree(folder / name)
    page = body.decode()
    assert status == 200
    assert "<img" not in page
    assert "{{" not in page
    policy = headers["content-security-policy"]
    [nonce] = re.findall(r"'nonce-([^']+)'", policy)
    assert re.findall(r"<script[^>]*>", page) == [f'<script type="module" nonce="{nonce}">']
    assert "default-src 'none'" in policy
    assert "'unsafe" not in policy.split("style-src")[0]
    assert "link" not in headers
    for address in re.findall(r'href="\.\./\.\./([^"]+)"', page) + re.findall(r'data-module="([^"]+)"', page):
        assert server.get(f"/{address}")[0] == 200
    assert server.get("/room/follow/done")[2].decode() != page


def test_a_host_header_adds_nothing_to_the_policy(server) -> None:
    _, headers, _ = server.get("/room/follow/done", Host="x; script-src *")
    assert "*" not in headers["content-security-policy"]


def test_the_room_is_left_by_who_goes_without_a_word(server) -> None:
    with server.follow("done") as guest:
        guest.hear("run")
        guest.socket.socket.shutdown(socket.SHUT_RDWR)
        with pytest.raises(ConnectionClosed):
            guest.hear("frame")
    until(lambda: not server.hub.rooms)
