"""Many simulated visitors with the page open: each fetches files over HTTP and has a session on Streamlit's WebSocket.

    python -m bench.people ADDRESS

They run no JavaScript and draw nothing. The first line of the standard input is the number of visitors and the files
that each fetches; each further line is an action of all at once, and its results are written as one line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

Act = Callable[..., Awaitable[dict[str, float]]]
CONNECTIONS = 6  # of a browser to one server
IMAGES = 40  # images whose posteriors are requested
TIMEOUT = 100.0  # seconds


class Connection:
    """A persistent HTTP connection."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and undecoded body of a request; reconnects if the server has closed the idle connection."""
        kept = self.streams is not None
        try:
            return await self._ask(path, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            if not kept:
                raise
            return await self._ask(path, body)

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
        self.streams = None

    async def _ask(self, path: str, body: bytes | None) -> tuple[int, bytes]:
        if self.streams is None:
            name, _, port = self.host.rpartition(":")
            self.streams = await asyncio.open_connection(name, int(port))
        reader, writer = self.streams
        method = "GET" if body is None else "POST"
        length = "" if body is None else f"content-length: {len(body)}\r\n"
        head = f"{method} {path} HTTP/1.1\r\nhost: {self.host}\r\naccept-encoding: gzip\r\n{length}\r\n"
        writer.write(head.encode() + (body or b""))
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if headers.get("transfer-encoding") == "chunked":
            return int(lines[0].split()[1]), await _chunks(reader)
        return int(lines[0].split()[1]), await reader.readexactly(int(headers.get("content-length", 0)))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    data = b""
    while size := int(await reader.readline(), 16):
        data += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return data


class Person:
    """A visitor who opens the page and keeps it open."""

    def __init__(self, number: int, address: str, files: list[str]) -> None:
        self.number, self.files = number, files
        self.host = urlsplit(address).netloc
        self.free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for _ in range(CONNECTIONS):
            self.free.put_nowait(Connection(self.host))
        self.bytes = 0
        self.socket: ClientConnection

    async def fetch(self, path: str, body: bytes | None = None) -> int:
        """Fetch a file on the next free connection; returns the status."""
        connection = await self.free.get()
        try:
            status, data = await connection.ask(path, body)
        finally:
            self.free.put_nowait(connection)
        self.bytes += len(data)
        if status not in (200, 503):
            raise RuntimeError(f"/{path.split('/')[1]} was answered {status}")
        return status

    async def open(self) -> dict[str, float]:
        began = time.monotonic()
        await self.fetch("/")
        files = asyncio.gather(*map(self.fetch, self.files))
        streamlit = [Subprotocol("streamlit")]
        self.socket = await connect(
            f"ws://{self.host}/_stcore/stream", subprotocols=streamlit, max_size=None, proxy=None, open_timeout=TIMEOUT
        )
        shown = await self.run()
        ran = time.monotonic() - began
        await self.fetch("/" + shown["frame"])
        await files
        return {"script_s": ran, "everything_s": time.monotonic() - began, "megabytes": self.bytes / 1e6}

    async def follow(self, model: str) -> dict[str, float]:
        """Open the page again, with a link to a model."""
        began = time.monotonic()
        shown = await self.run(query_string=f"model={model}")
        await self.fetch("/" + shown["frame"])
        return {"everything_s": time.monotonic() - began}

    async def ask(self) -> dict[str, float]:
        """Open the ELBO page and request the posterior of an image; retry while the server is busy."""
        shown = await self.run(page_name="elbo")
        question, refused = json.dumps({"image": self.number % IMAGES}).encode(), 0
        began = time.monotonic()
        while await self.fetch(f"/{shown['evidence']}/posterior", question) == 503:
            refused += 1
            await asyncio.sleep(1)
        return {"everything_s": time.monotonic() - began, "refused": refused}

    async def run(self, **state: str) -> dict[str, Any]:
        """Run the page's script; returns the data of the browser's component."""
        message = BackMsg()
        message.rerun_script.SetInParent()
        for name, value in state.items():
            setattr(message.rerun_script, name, value)
        await self.socket.send(message.SerializeToString())
        handed: dict[str, Any] = {}
        while True:
            heard = ForwardMsg()
            heard.ParseFromString(await self.socket.recv(decode=False))
            if heard.WhichOneof("type") == "delta" and heard.delta.new_element.HasField("bidi_component"):
                handed = json.loads(heard.delta.new_element.bidi_component.json)
            if heard.WhichOneof("type") == "script_finished" and handed:
                return handed


async def all_at_once(
    people: list[Person], act: Callable[..., Awaitable[dict[str, float]]], *of: str
) -> dict[str, Any]:
    """The measurements of all visitors, their errors, and the processor time of the simulation."""

    async def one(person: Person) -> dict[str, float]:
        async with asyncio.timeout(TIMEOUT):
            return await act(person, *of)

    began = time.process_time()
    found = await asyncio.gather(*map(one, people), return_exceptions=True)
    errors = Counter(f"{type(e).__name__}: {e}" for e in found if isinstance(e, BaseException))
    measured = [one for one in found if isinstance(one, dict)]
    return {"measured": measured, "errors": dict(errors), "cpu_s": time.process_time() - began}


async def main(address: str) -> None:
    count, files = json.loads(sys.stdin.readline())
    people = [Person(number, address, files) for number in range(count)]
    print(json.dumps("here"), flush=True)
    acts: dict[str, Act] = {"open": Person.open, "follow": Person.follow, "ask": Person.ask}
    while words := (await asyncio.to_thread(sys.stdin.readline)).split():
        print(json.dumps(await all_at_once(people, acts[words[0]], *words[1:])), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
