"""The ASGI app: pages, the browser's modules, Plotly, frames, and the live files and sockets of runs.

`streamlit run app.py` serves it; the script behind every page is pages/_main.py.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from server.lecture_link import PresenterLink
from server.routes import PreloadHeader, routes
from server.static_files import FilesFirst
from server.streamlit_shell import Shell
from server.upload_limit import UploadLimit

app = st.App(
    Path(__file__).parent / "pages" / "_main.py",
    routes=routes(),
    middleware=[
        Middleware(FilesFirst),
        Middleware(PresenterLink),
        Middleware(PreloadHeader),
        Middleware(Shell),
        Middleware(UploadLimit),
    ],
)
