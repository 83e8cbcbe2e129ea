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
        _keep_address("" if chosen == next(iter(names)) else chosen, parameter, key)
    return chosen


def _mark_choice(key: str) -> None:
    """Note that this run of the script follows a choice on the page: the address may lag behind it."""
    st.session_state[f"{key}-chosen"] = True


def _follow_address(names: list[str], parameter: str, label: str, key: str) -> None:
    """Choose what the address names: on the first visit, and when someone goes back or forward."""
    asked = st.query_params.get(parameter, "")
    if st.session_state.pop(f"{key}-chosen", False) or asked == st.session_state.get(f"{key}-address"):
        return
    st.session_state[key] = asked if asked in names else next(iter(names), None)
    if asked and asked not in names:
        kind = label[0].lower() + label[1:]
        st.session_state[f"{key}-missing"] = f"There is no {kind} {short(asked)} here; choose one from the list."


def _keep_address(address: str, parameter: str, key: str) -> None:
    if address != st.query_params.get(parameter, ""):
        st.query_params.from_dict({parameter: address} if address else {})
    st.session_state[f"{key}-address"] = address
