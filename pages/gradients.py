"""Gradients: how the ELBO is maximised, and why with the pathwise gradient."""

import streamlit as st

from server.components.gradients import gradients_view
from server.loss_code import warm

warm()
title, _ = st.columns([8.3, 0.35], vertical_alignment="center")
title.html("<h1 class='room-title'>ELBO Room <small>∇ E<sub>q</sub>[f(z)] = E[∇f(μ + σ·ζ)]</small></h1>")
gradients_view()
