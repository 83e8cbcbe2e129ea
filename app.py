"""The door: an ASGI app with the pages, the browser's modules, Plotly's own file, the frames, and what is live of runs.

`streamlit run app.py` serves it; the script behind every page is pages/_main.py.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from pages._files_first import FilesFirst
from pages._lecture import PresenterLink
from pages._routes import PreloadHeader, routes
from pages._shell import Shell
from pages._upload_door import UploadDoor

app = st.App(
    Path(__file__).parent / "pages" / "_main.py",
    routes=routes(),
    middleware=[
        Middleware(FilesFirst),
        Middleware(PresenterLink),
        Middleware(PreloadHeader),
        Middleware(Shell),
        Middleware(UploadDoor),
    ],
)
