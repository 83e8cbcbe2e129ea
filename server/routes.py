"""The routes of the app, and the files that a page lets the browser preload."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server import beta_paths, evidence_requests, hub, loss_code, published, run_files, tsne_requests
from server.published import FIRST_PAGE, PREFIX, module_path, plotly_path
from vae.files.browser_modules import needed_by, pages, sources


def routes() -> list[BaseRoute]:
    return [
        Route("/" + published.plotly_path(), published.plotly_response),
        Route(f"/{published.katex_path()}/{{file:path}}", published.katex_response),
        Route(f"/{PREFIX}/frame/{{key}}", published.frame_response),
        Route(f"/{PREFIX}/path/{{key}}/{{stop}}", beta_paths.decoder),
        Route(f"/{published.CODE}/{{visitor}}", loss_code.answer, methods=["POST"]),
        Route(f"/{PREFIX}/evidence/{{visitor}}/{{key}}/{{kind}}", evidence_requests.answer, methods=["POST"]),
        Route(f"/{PREFIX}/tsne/{{key}}", tsne_requests.answer, methods=["POST"]),
        Route(f"/{PREFIX}/follow/{{run}}", run_files.follow_page),
        WebSocketRoute(f"/{PREFIX}/live/{{run}}", hub.Hub().follow),
        Route(f"/{PREFIX}/live/{{run}}/model.safetensors", run_files.model),
        Route(f"/{PREFIX}/live/{{run}}/{{file}}", run_files.live_file),
        Route(f"/{PREFIX}/{{version}}/{{name:path}}", published.module_response),
    ]


class PreloadHeader:
    """Middleware that adds a `Link` header to pages, so that the browser preloads the modules of the view."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        plotly_link = f"<./{plotly_path()}>; rel=preload; as=script"
        entries = {"" if page == FIRST_PAGE else page: f"{page}/streamlit.js" for page in pages()}
        self.links = {page: _preload(entry) for page, entry in entries.items()}
        self.links[""] = plotly_link.encode() + b", " + self.links[""]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        value = self.links.get(path.rstrip("/").rpartition("/")[2], self.links[""])

        async def with_header(message: Message) -> None:
            if message["type"] == "http.response.start" and any(
                name == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"]
            ):
                message["headers"] = [*message["headers"], (b"link", value)]
            await send(message)

        ours = path.startswith(f"/{PREFIX}/")  # pages without Streamlit name their files themselves
        await self.app(scope, receive, with_header if scope["type"] == "http" and not ours else send)


def _preload(entry: str) -> bytes:
    """Value of the `Link` header that names the module `entry` and all that it imports."""
    return ", ".join(f"<./{module_path(name)}>; rel=modulepreload" for name in needed_by(entry, sources())).encode()
