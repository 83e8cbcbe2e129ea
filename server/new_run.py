"""Starting a run: the button, its settings, and what the page Train shows before there is any."""

from __future__ import annotations

import streamlit as st

from server import access, chosen_runs, launcher, settings_form, uploaded_images
from server.components.overture import overture
from server.lecture_link import presents
from vae.errors import InputError

LEAD = """
<p class='room-lead'>Watch a variational autoencoder learn: its latent map forms before your eyes, and you turn beta
and the learning rate while it trains.</p>
<ul class='room-points'>
<li><b>β to 0</b>: the zones shrink to points, an autoencoder.
<b>β up</b>: they swell and overlap, until all is N(0, I).</li>
<li><b>Pause</b>, go one step or one epoch, rewind, fork, compare two runs side by side.</li>
<li><b>Share</b>: a QR code lets everyone in the room follow on their own device.</li>
</ul>"""


def may_train() -> bool:
    return presents() or access.audience_runs() > 0


def form() -> None:
    """Draw the button and the settings, one below the other."""
    st.button("Train", type="primary", width="stretch", on_click=_train)
    _show_refusal()
    settings_form.show(own_images=presents())


def first_visit() -> None:
    """Draw what is there before a run is chosen: what the page is for, the button, and a map that unfolds."""
    words, picture = st.columns([1, 1.25], gap="large")
    with words:
        st.html(LEAD)
        if may_train():
            _button_beside_settings()
            data = settings_form.chosen_data()
            st.caption(
                f"As it is set: {uploaded_images.choices().get(data, data)}. It goes on when you leave the page."
            )
        else:
            any_runs = chosen_runs.are_there()
            follow = "choose a run from the list to follow it" if any_runs else "reload this page once a run has begun"
            st.info(f"In this lecture the presenter trains; {follow}.")
    with picture:
        overture()


def _button_beside_settings() -> None:
    button, settings = st.columns([1.2, 1], vertical_alignment="center")
    button.button("Train", type="primary", icon=":material/play_arrow:", width="stretch", on_click=_train)
    with settings.popover("Settings", width="stretch"):
        settings_form.show(own_images=presents())
    _show_refusal()


def _show_refusal() -> None:
    if refused := st.session_state.pop("refused", None):
        st.error(refused)


def _train() -> None:
    """Start the run that the form describes, and show it; if it cannot be trained, the page says why."""
    try:
        settings = settings_form.read()
        name, key = launcher.start(settings, uploaded_images.name_of(settings.data), audience=not presents())
    except InputError as error:
        st.session_state["refused"] = str(error)
        return
    chosen_runs.keys()[name] = key
    chosen_runs.forget_states()
    st.session_state["new-run"] = False  # closes its popover
    chosen_runs.choose("run", name)
