"""ELBO: the true posterior of an image beside q(z|x), and ln p(x) = ELBO + gap, all computed."""

import streamlit as st

from server.components.elbo import elbo_view
from server.evidence_requests import open_evidence
from server.open_models import available
from server.picker import pick
from vae.errors import InputError

title, picker, _ = st.columns([5, 3.3, 0.35], vertical_alignment="center")
title.html("<h1 class='room-title'>ELBO Room <small>ln p(x) = ELBO + KL(q(z|x) ‖ p(z|x))</small></h1>")
model = pick(picker, available, "model", "Model", "evidence-model")
if model is None:
    st.info("There is no model yet. Train one: `python -m vae train --data digits`, then reload this page.")
    st.stop()
try:
    opened = open_evidence(model)
except InputError as error:
    st.error(str(error))
    st.stop()
st.html(f"<p class='room-facts'>{opened.facts}</p>")
if opened.remark:
    st.warning(opened.remark)
elbo_view(opened)
