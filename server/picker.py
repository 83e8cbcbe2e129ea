"""A select box whose choice is kept in the page's address."""

from __future__ import annotations

from collections.abc import Callable
from reprlib import repr as short

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vae.errors import InputError


def pick(
    place: DeltaGenerator,
    names_with: Callable[[str], dict[str, str]],
    parameter: str,
    label: str,
    key: str,
    resolve: Callable[[str], str] | None = None,
) -> str | None:
    """The chosen id; None where there is none. The address contains the id, unless it is the first one.

    `names_with(asked)` returns id → name of the choices, where `asked` is the id in the address. If it is not among
    them, `resolve(asked)` returns another id, or raises `InputError`. The choice is stored in the session under `key`,
    which is different for every page.
    """
    _choose_from_address(names_with, parameter, label, key, resolve)
    names = names_with(st.query_params.get(parameter, ""))
    if st.session_state.get(key) not in names:
        st.session_state[key] = next(iter(names), None)
    chosen = place.selectbox(
        label, list(names), format_func=lambda name: names.get(name, name), key=key, on_change=mark_choice,
        args=(key,), label_visibility="collapsed",
    )  # fmt: skip
    if refused := st.session_state.pop(f"{key}-refused", None):
        st.error(refused)
    if chosen is not None:
        _write_address(chosen, next(iter(names)), parameter, key)
    return chosen


def choose(key: str, get: Callable[[], str]) -> None:
    """Choose the id that `get` returns; if it raises `InputError`, keep the choice and show the message."""
    mark_choice(key)
    try:
        st.session_state[key] = get()
    except InputError as error:
        st.session_state[f"{key}-refused"] = str(error)


def mark_choice(key: str) -> None:
    """Note that the user has chosen on the page, so that the address, not updated yet, is ignored in this run."""
    st.session_state[f"{key}-chosen"] = True


def _choose_from_address(
    names_with: Callable[[str], dict[str, str]],
    parameter: str,
    label: str,
    key: str,
    resolve: Callable[[str], str] | None,
) -> None:
    """Choose the id in the address when the page is opened, and when the user goes back or forward."""
    asked = st.query_params.get(parameter, "")
    is_open = key in st.session_state  # Streamlit deletes the choice when another page is opened
    followed = is_open and asked == st.session_state.get(f"{key}-address")
    if st.session_state.pop(f"{key}-chosen", False) or followed:
        return
    st.session_state[f"{key}-address"] = asked
    names = names_with(asked)
    if asked in names or not asked:
        st.session_state[key] = asked or next(iter(names), None)
        return
    try:
        if resolve is None:
            raise _missing(asked, label)
        st.session_state[key] = resolve(asked)
    except InputError as error:
        st.session_state[f"{key}-refused"] = str(error)


def _missing(asked: str, label: str) -> InputError:
    kind = label[0].lower() + label[1:]
    return InputError(f"There is no {kind} {short(asked)} here (any more); choose one from the list.")


def _write_address(chosen: str, first: str, parameter: str, key: str) -> None:
    """Write the choice into the address if it differs, which adds an entry to the browser's history."""
    if chosen != (st.query_params.get(parameter, "") or first):
        st.query_params.from_dict({} if chosen == first else {parameter: chosen})
    st.session_state[f"{key}-address"] = st.query_params.get(parameter, "")
