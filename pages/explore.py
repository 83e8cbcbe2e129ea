"""Explore: the latent space of one model as a map, decoded under the pointer."""

import streamlit as st

from server.components.explore import explorer
from server.html_exports import export_menu
from server.model_opener import open_menu, resolve
from server.open_models import available, open_model
from server.picker import pick
from vae.errors import InputError

title, picker, opener, exporter, _ = st.columns([5.5, 2.1, 1.2, 1.2, 0.35], vertical_alignment="center")
title.html("<h1 class='room-title'>ELBO Room <small>q(z|x) = N(μ, σ²): every point with its room</small></h1>")
with opener:
    open_menu("model")
model = pick(picker, available, "model", "Model", "model", resolve)
if model is None:
    st.info("There is no model yet. Train one: `python -m vae train --data digits`, then reload this page.")
    st.stop()
try:
    opened = open_model(model)
except InputError as error:
    st.error(str(error))
    st.stop()
with exporter:
    export_menu(model, opened.has_points)
st.html(f"<p class='room-facts'>{opened.facts}</p>")
explorer(opened.frame, opened.encoder, key="explorer")
