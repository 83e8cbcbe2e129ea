"""The form to manage runs: the queue for the device, renaming, deleting, and the deleted runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from server import run_management
from vae.errors import InputError

Renamed = Callable[[str, str | None], None]


def show(run: str, key: str | None, presents: bool, renamed: Renamed) -> None:
    """Draw the form for the open `run`; `renamed(old, new)` is called after renaming, or deleting (new = None)."""
    in_charge = run_management.may_manage(run, None, presents)
    _queue(in_charge)
    if run_management.may_manage(run, key, presents):
        _open_run(run, renamed)
    else:
        st.caption("Who has the key of this run can rename and delete it: enter it under Share.")
    if in_charge:
        _deleted()
    if message := st.session_state.pop("manage-refused", None):
        st.error(message)


def _queue(in_charge: bool) -> None:
    st.markdown("**Waiting for the device**, the next first")
    names = run_management.waiting()
    if not names:
        st.caption("No run waits.")
    for i, name in enumerate(names):
        label, up, down = st.columns([2.4, 1, 1], vertical_alignment="center")
        label.text(f"{i + 1}. {name}")
        if in_charge:
            for column, sign, what, off in ((up, "↑", "earlier", i == 0), (down, "↓", "later", i == len(names) - 1)):
                column.button(
                    sign, key=f"{what}-{name}", help=f"{name} {what}", disabled=off, width="stretch",
                    on_click=_attempt, args=(run_management.move, name, what == "earlier"),
                )  # fmt: skip


def _open_run(run: str, renamed: Renamed) -> None:
    st.markdown("**The open run**")
    field, button = st.columns([1.6, 1], vertical_alignment="bottom")
    new = field.text_input("Name", run, key=f"name-{run}", max_chars=run_management.LONGEST_NAME)
    button.button("Rename", width="stretch", on_click=_rename, args=(run, new, renamed))
    _confirmed(f"Delete {run} …", f"Delete {run}?", "Delete", _delete, run, renamed)


def _deleted() -> None:
    names = run_management.deleted()
    if not names:
        return
    st.markdown("**Deleted**, still on the disk")
    name = st.selectbox("Deleted run", names, label_visibility="collapsed")
    st.button("Bring back", width="stretch", on_click=_attempt, args=(run_management.bring_back, name))
    _confirmed(
        "Remove for good …",
        f"Remove {name} from the disk? This cannot be undone.",
        "Remove",
        _attempt,
        run_management.erase,
        name,
    )


def _confirmed(first: str, question: str, yes: str, action: Callable[..., Any], *args: Any) -> None:
    """A button that asks for confirmation before it calls `action`."""
    if st.session_state.get("manage-asked") != question:
        st.button(first, width="stretch", on_click=_set_question, args=(question,))
        return
    st.warning(question)
    no, go = st.columns(2)
    no.button("Cancel", width="stretch", on_click=_set_question, args=(None,))
    go.button(yes, type="primary", width="stretch", on_click=action, args=args)


def _set_question(question: str | None) -> None:
    st.session_state["manage-asked"] = question


def _try(action: Callable[..., Any], *args: Any) -> bool:
    """Call `action`; whether it succeeded. The message of an `InputError` is shown below the form."""
    _set_question(None)
    try:
        action(*args)
    except InputError as error:
        st.session_state["manage-refused"] = str(error)
        return False
    return True


def _attempt(action: Callable[..., Any], *args: Any) -> None:
    _try(action, *args)


def _rename(run: str, new: str, renamed: Renamed) -> None:
    if new.strip() != run and _try(run_management.rename, run, new):
        renamed(run, new.strip())


def _delete(run: str, renamed: Renamed) -> None:
    if _try(run_management.delete, run):
        renamed(run, None)
