"""A customer's web application in the virtual body: WSGI (PEP 3333), unmodified, in world time.

The module is loaded once, as a function's code is, and its `application` is called with one request
after another: as a server with a single thread would. What the module does when it is run as a
program (`__name__ == "__main__"`), such as to open a port, does not happen here.
"""

import asyncio
import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from antipodes.runtime.contract import Chance, Runtime
from antipodes.runtime.customer import CustomerProgram, Event, Headers, Reply, Send

APPLICATION = "application"


class WebRequest(NamedTuple):
    """What a client asks."""

    method: str
    target: str
    headers: Headers
    body: bytes


class WebAnswer(NamedTuple):
    """What the application answers."""

    status: int
    headers: Headers
    body: bytes


class WebProgram(CustomerProgram):
    """An application's module, and the requests that wait for their turn."""

    def __init__(
        self, runtime: Runtime, path: Path, *, variables: dict[str, str], chance: Chance, send: Send
    ) -> None:
        self._said: list[bytes] = []
        self._turn = asyncio.Lock()
        super().__init__(
            runtime,
            files={path.name: path.read_bytes()},
            handler=f"{path.stem}.{APPLICATION}",
            variables=variables,
            chance=chance,
            output=self._said.append,
            send=send,
        )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return b"".join(self._said).decode("utf-8", "replace")

    async def load(self) -> Reply:
        """Import the module: `ready`, or what became of it."""
        reply: Reply = await self._runtime.run_blocking(self.run, None)
        return reply

    async def answer(self, request: WebRequest) -> WebAnswer:
        """Answer one request; an exception in the application is answered as servers do."""
        payload = {**request._asdict(), "body": base64.b64encode(request.body).decode()}
        event = Event(json.dumps(payload).encode(), "", "", 0.0)
        async with self._turn:
            reply: Reply = await self._runtime.run_blocking(self.run, event)
        if reply.kind != "response":
            return WebAnswer(500, [("content-type", "text/plain")], reply.payload)
        found = json.loads(reply.payload)
        body = base64.b64decode(found["body"])
        return WebAnswer(found["status"], [tuple(pair) for pair in found["headers"]], body)

    def _call(self, event: Event) -> Reply:
        assert self._handler is not None
        asked = json.loads(event.payload)
        started: list[Any] = []
        written: list[bytes] = []

        def start_response(status: str, headers: Headers, _: Any = None) -> Callable[[bytes], None]:
            started[:] = [int(status.split(" ", 1)[0]), [list(pair) for pair in headers]]
            return written.append

        application: Any = self._handler
        try:
            parts = application(_environ(asked, self.stdout), start_response)
            try:
                written.extend(parts)
            finally:
                if hasattr(parts, "close"):
                    parts.close()
            body = b"".join(written)
            status, headers = started
        except Exception as problem:  # noqa: BLE001 - the customer's own
            self.stdout.write("\n".join(self._trace(problem)) + f"\n{problem!r}\n")
            return Reply("error", b"the application raised an exception")
        said = {"status": status, "headers": headers, "body": base64.b64encode(body).decode()}
        return Reply("response", json.dumps(said).encode())


def _environ(asked: dict[str, Any], errors: Any) -> dict[str, Any]:
    path, _, query = asked["target"].partition("?")
    body = base64.b64decode(asked["body"])
    environ = {
        "REQUEST_METHOD": asked["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, "latin-1"),
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": errors,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in asked["headers"]:
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key != "CONTENT_LENGTH":
            key = f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ
