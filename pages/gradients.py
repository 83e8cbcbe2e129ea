"""Gradients: how the bound is climbed, and why by the pathwise gradient."""

import streamlit as st

from pages._code import warm
from pages._gradients_component import gradients_view

warm()
title, _ = st.columns([8.3, 0.35], vertical_alignment="center")
title.html("<h1 class='room-title'>ELBO Room <small>∇ E<sub>q</sub>[f(z)] = E[∇f(μ + σ·ζ)]</small></h1>")
gradients_view()
