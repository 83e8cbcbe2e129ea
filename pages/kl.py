"""KL effect: one model along beta, the weight of the rate, from an autoencoder to collapse."""

import streamlit as st

from server.beta_paths import available, open_path
from server.components.kl import kl_view
from server.picker import pick
from vae.errors import InputError

title, picker, _ = st.columns([5, 3.3, 0.35], vertical_alignment="center")
title.html("<h1 class='room-title'>ELBO Room <small>L = distortion + β · rate</small></h1>")
name = pick(picker, lambda _: available(), "path", "Beta path", "beta-path")
if name is None:
    st.info("There is no beta path yet. Make one: `python -m vae sweep --path`, then reload this page.")
    st.stop()
try:
    opened = open_path(name)
except InputError as error:
    st.error(str(error))
    st.stop()
st.html(f"<p class='room-facts'>{opened.facts}</p>")
kl_view(opened)
