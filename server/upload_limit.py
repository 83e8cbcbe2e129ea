"""A limit on the memory of uploaded files in Streamlit, and their release after they have been read."""

from __future__ import annotations

import streamlit as st
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from server import access
from vae.errors import InputError

ADDRESS = "/_stcore/upload_file/"
MOST_BYTES = 2 << 30  # of everybody's files
NOT_HERE = "In a lecture the presenter opens files."
FULL = "The server holds as many uploaded files as it can; try again in a few minutes."


class UploadLimit:
    """Middleware that discards uploads beyond the limit, and refuses those of a lecture's audience.

    For a discarded upload it responds with success, since Streamlit's uploader would show an error as a number only;
    the page then finds no file and shows a message (`contents_of`).
    """

    def __init__(self, app: ASGIApp, most: int = MOST_BYTES) -> None:
        self.app, self.most = app, most
        self.coming = 0  # bytes of uploads in progress

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "PUT" or ADDRESS not in scope["path"]:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        if access.is_lecture() and not access.is_presenters(request.cookies.get(access.COOKIE)):
            await PlainTextResponse(NOT_HERE, 403)(scope, receive, send)
            return
        size = _announced(request.headers)
        if held() + self.coming + size > self.most:
            async for _ in request.stream():
                pass
            await Response(status_code=204)(scope, receive, send)
            return
        self.coming += size
        try:
            await self.app(scope, receive, send)
        finally:
            self.coming -= size


def _announced(headers: Headers) -> int:
    """Bytes of a request by its header; without one, the most that Streamlit accepts."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else int(st.get_option("server.maxUploadSize")) << 20


def held() -> int:
    """Bytes of the uploaded files that Streamlit holds for all sessions."""
    files = Runtime.instance().uploaded_file_mgr if Runtime.exists() else None
    if not isinstance(files, MemoryUploadedFileManager):
        return 0
    return sum(len(file.data) for session in list(files.file_storage.values()) for file in list(session.values()))


def contents_of(file: UploadedFile | DeletedFile) -> tuple[str, bytes]:
    """Name and bytes of an uploaded file; `InputError` if it was discarded."""
    if isinstance(file, DeletedFile):
        raise InputError(FULL)
    return file.name, file.getvalue()


def release(file: UploadedFile | DeletedFile) -> None:
    """Delete Streamlit's copy of an uploaded file, which it would hold until the end of the session."""
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
