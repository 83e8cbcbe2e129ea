"""The runs that the page Train shows: what is chosen, what the address names, and the keys that this session has."""

from __future__ import annotations

from reprlib import repr as short
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from server import launcher, runs_root
from vae.files import runs

PARAMETERS = ("run", "with")  # of the address, and keys of the session: the run, and the one that it is compared with
TITLE_ENDS = " · "  # in a run's title, before its state


def keys() -> dict[str, str]:
    """Name → key of the runs that this session has started, or was given the key of."""
    found: dict[str, str] = st.session_state.setdefault("keys", {})
    return found


def choose(parameter: str, name: str | None) -> None:
    """Show this run from the next rerun on."""
    st.session_state[parameter] = name
    mark_choice()


def mark_choice() -> None:
    """Note that this run of the script follows a choice on the page: the address may lag behind it."""
    st.session_state["chosen"] = True


def forget_states() -> None:
    """Read the states of all runs again: one was started, renamed or deleted."""
    _states.clear()


def rename(old: str, new: str | None) -> None:
    """Show a run under its new name, or none if it was deleted (None). Its key is kept under the new name."""
    forget_states()
    choose("run", new)
    if new is None:
        return
    if key := keys().pop(old, None):
        keys()[new] = key
    st.session_state["renamed"] = old, new


def pick(picker: DeltaGenerator, comparer: DeltaGenerator) -> tuple[str | None, str | None]:
    """Draw the pickers; the chosen run, if any, and the one that it is compared with. The address names both."""
    if opened := st.session_state.pop("opened", None):  # before its picker is drawn
        choose("run", opened)
    known = _states(runs_root.RUNS, str(runs_root.RUNS.absolute()))
    _follow_address(list(known))
    for parameter in PARAMETERS:
        if st.session_state.get(parameter) not in known:
            st.session_state[parameter] = _name_in(st.session_state.get(parameter), known)
    shown = {st.session_state[parameter] for parameter in PARAMETERS}
    # those that are shown say themselves how they are doing
    titles = {name: name if name in shown else f"{name}{TITLE_ENDS}{state}" for name, state in known.items()}
    run = _picked(picker, "run", "Run", "A run …", titles) if known else None
    others = {name: title for name, title in titles.items() if name != run}
    if st.session_state["with"] not in others:
        st.session_state["with"] = None
    compare = _picked(comparer, "with", "Compare with", "Compare with …", others) if run and others else None
    if missing := st.session_state.pop("missing", None):
        st.error(missing)
    _keep_address(run, compare)
    return run, compare


def show_result(done: dict[str, str]) -> None:
    """Show the run that a fork or a resume has made; say where a run that was added to the gallery is."""
    if done["action"] == "keep":
        st.toast(f"{done['run']} is in the gallery: choose it under Explore.", icon=":material/check:")
        return
    if key := done.get("token"):
        keys()[done["run"]] = key
    forget_states()
    if done["run"] != st.session_state["run"]:
        st.session_state["opened"] = done["run"]
        st.rerun()


def are_there() -> bool:
    """Whether there is any run."""
    return bool(_states(runs_root.RUNS, str(runs_root.RUNS.absolute())))


def _picked(place: DeltaGenerator, key: str, label: str, placeholder: str, titles: dict[str, str]) -> str | None:
    return place.selectbox(
        label, list(titles), format_func=lambda name: titles.get(name, f"{name}{TITLE_ENDS}gone"), key=key,
        on_change=mark_choice, index=None, placeholder=placeholder, label_visibility="collapsed",
    )  # fmt: skip


@st.cache_data(ttl=1, show_spinner=False)
def _states(_root: Any, root: str) -> dict[str, str]:
    """Name → state of every run, the newest first."""
    return {name: runs.observe(_root / name)["state"] for name in launcher.all_runs()}


def _name_in(label: str | None, known: dict[str, str]) -> str | None:
    """The run that a picker names: it gives the title that it was drawn with, which may hold a former state."""
    if label is None or label in known:
        return label
    name = label.rpartition(TITLE_ENDS)[0]
    return name if name in known else None


def _follow_address(names: list[str]) -> None:
    """Show the runs that the address names: when the page is opened, and when someone goes back or forward."""
    asked = {name: st.query_params.get(name, "") for name in PARAMETERS}
    if st.session_state["came_from"] != st.session_state["page"] and not any(asked.values()):
        asked = st.session_state.pop("train-address", asked)  # back from another page, at what was shown
    is_open = "run" in st.session_state  # Streamlit deletes the choice when another page is opened
    if st.session_state.pop("chosen", False) or (is_open and asked == st.session_state.get("train-address")):
        return
    for parameter, name in asked.items():
        st.session_state[parameter] = name if name in names else None
        if name and name not in names:
            st.session_state["missing"] = f"There is no run {short(name)} here (any more); choose one from the list."


def _keep_address(run: str | None, compare: str | None) -> None:
    """Let the address name the runs that are shown."""
    address = {"run": run or "", "with": compare or ""}
    if {name: st.query_params.get(name, "") for name in address} != address:
        st.query_params.from_dict({name: value for name, value in address.items() if value})
    st.session_state["train-address"] = address
