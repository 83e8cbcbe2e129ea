"""Managing runs: the order of those that wait, other names, deleting and taking that back."""

from __future__ import annotations

import shutil

import pytest
from streamlit.testing.v1 import AppTest
from test_launch import LONG, ROOT, SHORT, button, component, folder, lecture, page, state  # noqa: F401

from server import access, launcher, run_management, runs_root
from server.lecture_link import WRONG_KEY
from tests.serving import until
from vae.errors import InputError
from vae.files import control, runs
from vae.settings import Settings

pytestmark = pytest.mark.slow

FINISHED = ROOT / "assets" / "gallery" / "digits-2d"


@pytest.fixture
def finished(folder) -> str:  # noqa: F811
    shutil.copytree(FINISHED, folder / "done")
    return "done"


def test_those_who_wait_are_put_in_order_renamed_and_deleted(folder) -> None:  # noqa: F811
    """Behind a run of 100,000 epochs; and each has its turn in the order that was asked for last."""
    first, _ = launcher.start(LONG)
    until(lambda: state(first) == "running", 120)
    others = [launcher.start(SHORT)[0] for _ in range(3)]
    until(lambda: {runs.read_status(folder / name).get("place") for name in others} == {1, 2, 3}, 120)
    a, b, c = run_management.waiting()
    run_management.move(c, up=True)
    assert run_management.waiting() == [a, c, b]
    run_management.move(c, up=True)
    run_management.move(c, up=True)  # is the first of them, and stays it
    assert run_management.waiting() == [c, a, b]
    until(lambda: [runs.read_status(folder / name)["place"] for name in (c, a, b)] == [1, 2, 3])
    assert state(first) == "running"
    key = access.give_key(folder / a)
    run_management.rename(a, " The one in the middle ")
    assert access.opens(folder / "The one in the middle", key)
    assert not (folder / a).exists()
    assert run_management.waiting() == [c, "The one in the middle", b]
    run_management.delete(b)
    assert run_management.deleted() == [b]
    assert run_management.waiting() == [c, "The one in the middle"]
    assert launcher.find(b) is None
    for refused in (run_management.delete, lambda name: run_management.rename(name, "x")):
        with pytest.raises(InputError, match="being trained"):
            refused(first)
    control.ask(folder / first, finish=True)
    until(lambda: state("The one in the middle") == "finished", 120)
    assert Settings.of(runs.read_status(runs_root.RUNS / run_management.DELETED / b)["settings"]) == SHORT
    times = [runs.read_status(folder / name)["updated"] for name in (first, c, "The one in the middle")]
    assert times == sorted(times)
    assert control.read(folder / c).ahead == 0  # it has had its turn
    with pytest.raises(InputError, match="does not wait"):
        run_management.move(c, up=True)
    assert run_management.bring_back(b) == b
    assert "left the queue" in runs.observe(folder / b)["reason"]


def test_a_deleted_run_is_brought_back_or_removed_for_good(folder, finished) -> None:  # noqa: F811
    run_management.delete(finished)
    shutil.copytree(FINISHED, folder / finished)
    run_management.delete(finished)
    assert run_management.deleted() == ["done", "done-2"]
    assert launcher.all_runs() == []
    shutil.copytree(FINISHED, folder / finished)
    assert run_management.bring_back("done-2") == "done-2"
    assert run_management.bring_back("done") == "done-3"
    run_management.delete("done")
    run_management.erase("done")
    assert run_management.deleted() == []
    for gone in (run_management.erase, run_management.bring_back):
        with pytest.raises(InputError, match="no deleted run"):
            gone("done")
    assert runs.read(folder / "done-3").finished


@pytest.mark.parametrize(
    "name", ["", " ", ".", "..", ".x", "a/b", "../a", "a\\b", "a:b", "x" * 81, "a\nb", "a\0b", "\u202ex"]
)
def test_a_bad_name_is_refused_and_nothing_is_moved(name, folder, finished) -> None:  # noqa: F811
    with pytest.raises(InputError, match=r"A name has at most 80 characters.*\.$"):
        run_management.rename(finished, name)
    assert launcher.all_runs() == [finished]


def test_a_name_that_is_taken_is_refused(folder, finished) -> None:  # noqa: F811
    shutil.copytree(FINISHED, folder / "other")
    with pytest.raises(InputError, match="already"):
        run_management.rename(finished, "other")
    with pytest.raises(InputError, match="no run"):
        run_management.rename("nowhere", "x")


def test_who_may_manage(folder, finished, lecture) -> None:  # noqa: F811
    """In a lecture the presenter, and whoever has the key of a run; else who sits at the machine."""
    key = access.give_key(folder / finished)
    assert run_management.may_manage(finished, None, presents=True)
    assert not run_management.may_manage(finished, None, presents=False)
    assert not run_management.may_manage(finished, "x", presents=False)
    assert run_management.may_manage(finished, key, presents=False)


def test_the_page_renames_deletes_and_brings_back(folder, finished) -> None:  # noqa: F811
    app = page(run=finished)
    app.session_state["manage"] = True  # its popover is open
    app.run()
    app.text_input(key="name-done").set_value("a name/of mine").run()
    button(app, "Rename").click().run()
    assert "A name has" in app.error[0].value
    app.text_input(key="name-done").set_value("a name of mine").run()
    button(app, "Rename").click().run()
    assert not app.exception
    assert component(app)["run"] == "a name of mine"
    assert component(app)["renamed"] == ["done", "a name of mine"]
    button(app, "Delete a name of mine …").click().run()
    button(app, "Cancel").click().run()
    button(app, "Delete a name of mine …").click().run()
    assert launcher.all_runs() == ["a name of mine"]
    button(app, "Delete").click().run()
    assert not app.exception
    assert launcher.all_runs() == []
    assert not component(app)


def test_a_wrong_presenters_key_is_told_on_the_page(folder, lecture) -> None:  # noqa: F811
    app = AppTest.from_file(str(ROOT / "pages" / "_main.py"), default_timeout=600)
    app.query_params["presenter-key"] = "refused"
    app.run()
    assert not app.exception
    assert "presenter-key" not in app.query_params
    assert [error.value for error in app.run().error] == [WRONG_KEY]  # until another page is turned to
    assert WRONG_KEY not in [error.value for error in app.switch_page("train.py").run().error]
