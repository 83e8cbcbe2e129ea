"""The script of every page: the navigation and the common style."""

from pathlib import Path

import streamlit as st

from server.lecture_link import REFUSED, WRONG_KEY

ROOT = Path(__file__).parent.parent

st.set_page_config(page_title="ELBO Room", page_icon=str(ROOT / "assets" / "icon.png"), layout="wide")
st.html(Path(__file__).with_name("_style.css"))
pages = [
    st.Page("explore.py", title="Explore", default=True),
    st.Page("kl.py", title="KL effect"),
    st.Page("elbo.py", title="ELBO"),
    st.Page("gradients.py", title="Gradients"),
    st.Page("train.py", title="Train"),
]
page = st.navigation(pages, position="top")
st.session_state["came_from"] = st.session_state.get("page", page.title)
st.session_state["page"] = page.title
if st.query_params.get(REFUSED):
    del st.query_params[REFUSED]
    st.session_state["key-refused"] = page.title
if st.session_state.get("key-refused") == page.title:  # until another page is opened
    st.container(key="key-refused").error(WRONG_KEY)
else:
    st.session_state.pop("key-refused", None)
page.run()
