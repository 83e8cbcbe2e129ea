"""Train: start a run, watch it learn, steer it while it does."""

from html import escape
from reprlib import repr as short
from typing import Any

import streamlit as st

from server import access, launcher, runs_form, runs_root, settings_form, uploaded_images
from server.components.overture import overture
from server.components.train import live_view
from server.lecture_link import follow_link, presents, qr_image
from vae.errors import InputError
from vae.files import runs

LEAD = """
<p class='room-lead'>Watch a variational autoencoder learn: its latent map forms before your eyes, and you turn beta
and the learning rate while it trains.</p>
<ul class='room-points'>
<li><b>β to 0</b>: the zones shrink to points, an autoencoder.
<b>β up</b>: they swell and overlap, until all is N(0, I).</li>
<li><b>Pause</b>, go one step or one epoch, rewind, fork, compare two runs side by side.</li>
<li><b>Share</b>: a QR code lets everyone in the room follow on their own device.</li>
</ul>"""
PRESENTER = presents()
TITLE_ENDS = " · "  # before what a run's title says of its state
MAY_TRAIN = PRESENTER or access.audience_runs() > 0


def train() -> None:
    """Start the run that the form describes, and show it; what cannot be trained is told, and nothing is lost."""
    try:
        settings = settings_form.read()
        name, key = launcher.start(settings, uploaded_images.name_of(settings.data), audience=not PRESENTER)
    except InputError as error:
        st.session_state["refused"] = str(error)
        return
    keys()[name] = key
    states.clear()
    st.session_state["new-run"] = False  # its popover has done its duty
    choose("run", name)


def keys() -> dict[str, str]:
    """Name → key of the runs that this session has started, or was given the key of."""
    return st.session_state.setdefault("keys", {})


def choose(parameter: str, name: str | None) -> None:
    st.session_state[parameter] = name
    st.session_state["chosen"] = True


def mark_choice() -> None:
    """Note that this run of the script follows a choice on the page: the address may lag behind it."""
    st.session_state["chosen"] = True


def follow_address(names: list[str]) -> None:
    """Show the runs that the address names: when the page is opened, and when someone goes back or forward."""
    asked = {name: st.query_params.get(name, "") for name in ("run", "with")}
    if st.session_state["came_from"] != st.session_state["page"] and not any(asked.values()):
        asked = st.session_state.pop("train-address", asked)  # back from another page, at what was shown
    is_open = "run" in st.session_state  # Streamlit forgets a choice when another page is opened
    if st.session_state.pop("chosen", False) or (is_open and asked == st.session_state.get("train-address")):
        return
    for parameter, name in asked.items():
        st.session_state[parameter] = name if name in names else None
        if name and name not in names:
            st.session_state["missing"] = f"There is no run {short(name)} here (any more); choose one from the list."


def keep_address(run: str | None, compare: str | None) -> None:
    """Let the address name the runs that are shown."""
    address = {"run": run or "", "with": compare or ""}
    if {name: st.query_params.get(name, "") for name in address} != address:
        st.query_params.from_dict({name: value for name, value in address.items() if value})
    st.session_state["train-address"] = address


@st.cache_data(ttl=1, show_spinner=False)
def states(_root: Any, root: str) -> dict[str, str]:
    """Name → state of every run, the newest first."""
    return {name: runs.observe(_root / name)["state"] for name in launcher.all_runs()}


def run_of(label: str | None) -> str | None:
    """The run that a picker names: it says the title that it was drawn with, and titles follow the runs' states."""
    if label is None or label in known:
        return label
    name = label.rpartition(TITLE_ENDS)[0]
    return name if name in known else None


def title_of(name: str) -> str:
    """What a run is called in a list. Those that are shown say themselves how they are doing."""
    return name if name in shown else f"{name}{TITLE_ENDS}{known.get(name, 'gone')}"


def new_run() -> None:
    """The big button, and the settings beside it."""
    button, settings = st.columns([1.2, 1], vertical_alignment="center")
    button.button("Train", type="primary", icon=":material/play_arrow:", width="stretch", on_click=train)
    with settings.popover("Settings", width="stretch"):
        settings_form.show(own_images=PRESENTER)
    if refused := st.session_state.pop("refused", None):
        st.error(refused)


def first_visit() -> None:
    words, picture = st.columns([1, 1.25], gap="large")
    with words:
        st.html(LEAD)
        if MAY_TRAIN:
            new_run()
            data = settings_form.chosen_data()
            st.caption(
                f"As it is set: {uploaded_images.choices().get(data, data)}. It goes on when you leave the page."
            )
        else:
            follow = "choose a run from the list to follow it" if known else "reload this page once a run has begun"
            st.info(f"In this lecture the presenter trains; {follow}.")
    with picture:
        overture()


def share(run: str) -> None:
    """The link for those who follow, as a QR code too; and the key, for those who steer."""
    link = follow_link(run, st.context.url)
    st.markdown("**Follow this run** on any device, read-only")
    st.code(link, language=None)
    st.html(f"<img class='room-qr' alt='QR code of the link' src='{qr_image(link)}'>")
    if access.is_local():
        st.caption("Only this machine can reach it now; `make lecture` opens it to the network.")
    st.button("Enlarge the code", on_click=lambda: st.session_state.update(share=False, enlarged=True), width="stretch")
    if key := keys().get(run):
        with st.expander("Steering key"):  # not to be seen by all who look at the code
            st.caption("Whoever enters it can steer this run.")
            st.code(key, language=None)
    else:
        st.text_input(
            "Steering key, to steer this run from here", key="entered-key", type="password", on_change=take_key
        )


def open_done(done: dict[str, str]) -> None:
    """Show the run that has come of a fork or of going on; say where a kept one is."""
    if done["action"] == "keep":
        st.toast(f"{done['run']} is in the gallery: choose it under Explore.", icon=":material/check:")
        return
    if key := done.get("token"):
        keys()[done["run"]] = key
    states.clear()
    if done["run"] != st.session_state["run"]:
        st.session_state["opened"] = done["run"]
        st.rerun()


def renamed(old: str, new: str | None) -> None:
    """Show a run under its new name, or none where it is gone; its key goes along."""
    states.clear()
    if new is None:
        choose("run", None)
        return
    if key := keys().pop(old, None):
        keys()[new] = key
    st.session_state["renamed"] = old, new
    choose("run", new)


def take_key() -> None:
    if key := st.session_state["entered-key"].strip():
        keys()[st.session_state["run"]] = key


@st.dialog("Follow this run", width="large")
def enlarged(run: str) -> None:
    link = follow_link(run, st.context.url)
    st.html(
        f"<img class='room-qr room-qr-large' alt='QR code of the link' src='{qr_image(link)}'>"
        f"<p class='room-link'>{escape(link)}</p>"
    )


if opened := st.session_state.pop("opened", None):  # before its picker is drawn
    choose("run", opened)
known = states(runs_root.RUNS, str(runs_root.RUNS.absolute()))
follow_address(list(known))
for parameter in ("run", "with"):
    if st.session_state.get(parameter) not in known:
        st.session_state[parameter] = run_of(st.session_state.get(parameter))

shown = {st.session_state["run"], st.session_state["with"]}
title, picker, comparer, manager, opener, sharer, _ = st.columns(
    [3.2, 2.6, 2.5, 1.15, 1.4, 1.15, 0.35], vertical_alignment="center"
)
title.html("<h1 class='room-title'>ELBO Room</h1>")
run = None
if known:
    run = picker.selectbox(
        "Run", list(known), format_func=title_of, key="run", on_change=mark_choice,
        index=None, placeholder="A run …", label_visibility="collapsed",
    )  # fmt: skip
others = [name for name in known if name != run]
if st.session_state["with"] not in others:
    st.session_state["with"] = None
compare = None
if run and others:
    compare = comparer.selectbox(
        "Compare with", others, format_func=title_of, key="with", on_change=mark_choice,
        index=None, placeholder="Compare with …", label_visibility="collapsed",
    )  # fmt: skip
if missing := st.session_state.pop("missing", None):
    st.error(missing)
keep_address(run, compare)
if run is None:
    first_visit()
    st.stop()
with manager.popover("Runs", width="stretch", key="manage", on_change="rerun") as popover:
    if popover.open:
        runs_form.show(run, keys().get(run), PRESENTER, renamed)
if MAY_TRAIN:
    with opener.popover("New run", width="stretch", key="new-run", on_change="rerun"):
        st.button("Train", type="primary", width="stretch", on_click=train)
        if refused := st.session_state.pop("refused", None):
            st.error(refused)
        settings_form.show(own_images=PRESENTER)
with sharer.popover("Share", width="stretch", key="share", on_change="rerun") as popover:
    if popover.open:
        share(run)
if remark := launcher.remark_of(run):
    st.html(f"<p class='room-note'>{escape(remark)}</p>")
done = live_view(run, compare, keys().get(run), st.session_state.pop("renamed", None))
if done:
    open_done(done)
if st.session_state.pop("enlarged", False):
    enlarged(run)
