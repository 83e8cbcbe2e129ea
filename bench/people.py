"""Many who have the page open, as the server sees them: files over HTTP, and a session on Streamlit's WebSocket.

    python -m bench.people ADDRESS

They run no JavaScript and paint nothing. The first line of the standard input names how many they are and the files
that each fetches; each further line is a thing that all do at once, answered by a line of what came of it.
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
CONNECTIONS = 6  # that a browser opens to one server
IMAGES = 40  # that they ask about
PATIENCE = 100.0  # seconds


class Connection:
    """A connection that is kept for one request after the other."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body, as they come over the wire; by a new connection where the server has closed an idle one."""
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
    """One who opens the page, and stays."""

    def __init__(self, number: int, address: str, files: list[str]) -> None:
        self.number, self.files = number, files
        self.host = urlsplit(address).netloc
        self.free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for _ in range(CONNECTIONS):
            self.free.put_nowait(Connection(self.host))
        self.bytes = 0
        self.socket: ClientConnection

    async def fetch(self, path: str, body: bytes | None = None) -> int:
        """The status of what is fetched, once a connection is free."""
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
            f"ws://{self.host}/_stcore/stream", subprotocols=streamlit, max_size=None, proxy=None, open_timeout=PATIENCE
        )
        shown = await self.run()
        ran = time.monotonic() - began
        await self.fetch("/" + shown["frame"])
        await files
        return {"script_s": ran, "everything_s": time.monotonic() - began, "megabytes": self.bytes / 1e6}

    async def follow(self, model: str) -> dict[str, float]:
        """Open the page anew, with a link to a model."""
        began = time.monotonic()
        shown = await self.run(query_string=f"model={model}")
        await self.fetch("/" + shown["frame"])
        return {"everything_s": time.monotonic() - began}

    async def ask(self) -> dict[str, float]:
        """Go to the ELBO page, and ask for the posterior of one of some images; again where the server is busy."""
        shown = await self.run(page_name="elbo")
        question, refused = json.dumps({"image": self.number % IMAGES}).encode(), 0
        began = time.monotonic()
        while await self.fetch(f"/{shown['evidence']}/posterior", question) == 503:
            refused += 1
            await asyncio.sleep(1)
        return {"everything_s": time.monotonic() - began, "refused": refused}

    async def run(self, **state: str) -> dict[str, Any]:
        """Have the page's script run; what it hands to the browser's component."""
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
    """What each of them measured, what went wrong, and what it took of a processor to play them."""

    async def one(person: Person) -> dict[str, float]:
        async with asyncio.timeout(PATIENCE):
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
