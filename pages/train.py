"""Train: start a run, watch it learn, steer it while it does."""

from html import escape

import streamlit as st

from server import chosen_runs, launcher, new_run, run_share, runs_form
from server.components.train import live_view
from server.lecture_link import presents

title, picker, comparer, manager, opener, sharer, _ = st.columns(
    [3.2, 2.6, 2.5, 1.15, 1.4, 1.15, 0.35], vertical_alignment="center"
)
title.html("<h1 class='room-title'>ELBO Room</h1>")
run, compare = chosen_runs.pick(picker, comparer)
if run is None:
    new_run.first_visit()
    st.stop()
key = chosen_runs.keys().get(run)
with manager.popover("Runs", width="stretch", key="manage", on_change="rerun") as popover:
    if popover.open:
        runs_form.show(run, key, presents(), chosen_runs.rename)
if new_run.may_train():
    with opener.popover("New run", width="stretch", key="new-run", on_change="rerun"):
        new_run.form()
with sharer.popover("Share", width="stretch", key="share", on_change="rerun") as popover:
    if popover.open:
        run_share.share(run)
if remark := launcher.remark_of(run):
    st.html(f"<p class='room-note'>{escape(remark)}</p>")
done = live_view(run, compare, key, st.session_state.pop("renamed", None))
if done:
    chosen_runs.show_result(done)
run_share.show_enlarged(run)
