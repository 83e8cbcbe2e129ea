"""A picker whose choice stands in the page's address."""

from __future__ import annotations

from reprlib import repr as short

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def pick(place: DeltaGenerator, names: dict[str, str], parameter: str, label: str, key: str) -> str | None:
    """The chosen one of `names`, by id; None where there is none. The address names all but the first of them."""
    _follow_address(list(names), parameter, label, key)
    if st.session_state.get(key) not in names:
        st.session_state[key] = next(iter(names), None)
    chosen = place.selectbox(
        label, list(names), format_func=lambda name: names.get(name, name), key=key, on_change=_mark_choice,
        args=(key,), label_visibility="collapsed",
    )  # fmt: skip
    if missing := st.session_state.pop(f"{key}-missing", None):
        st.error(missing)
    if chosen is not None:
        _keep_address(chosen, next(iter(names)), parameter, key)
    return chosen


def _mark_choice(key: str) -> None:
    """Note that this run of the script follows a choice on the page: the address may lag behind it."""
    st.session_state[f"{key}-chosen"] = True


def _follow_address(names: list[str], parameter: str, label: str, key: str) -> None:
    """Choose what the address names: when the page is opened, and when someone goes back or forward."""
    asked = st.query_params.get(parameter, "")
    is_open = key in st.session_state  # Streamlit forgets a choice when another page is opened
    if st.session_state.pop(f"{key}-chosen", False) or (is_open and asked == st.session_state.get(f"{key}-address")):
        return
    st.session_state[key] = asked if asked in names else next(iter(names), None)
    if asked and asked not in names:
        kind = label[0].lower() + label[1:]
        st.session_state[f"{key}-missing"] = f"There is no {kind} {short(asked)} here; choose one from the list."


def _keep_address(chosen: str, first: str, parameter: str, key: str) -> None:
    """Let the address name what is chosen, where it does not: that is another entry of the browser's history."""
    if chosen != (st.query_params.get(parameter, "") or first):
        st.query_params.from_dict({} if chosen == first else {parameter: chosen})
    st.session_state[f"{key}-address"] = st.query_params.get(parameter, "")
