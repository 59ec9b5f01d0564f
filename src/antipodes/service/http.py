"""HTTP/1.1 over the runtime's streams: a server and a client, small and quick.

(contract for now; the body follows)
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from antipodes.runtime.contract import Accepted, Address, Receiver, Runtime, Store


@dataclass(slots=True)
class HttpRequest:
    """One request as read: header names in lower case, the last of repeated ones wins.

    `raw_headers` has all of them in order and as sent; `target` is the raw path and query.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    accepted: Accepted
    raw_headers: list[tuple[bytes, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class HttpResponse:
    """One answer; content-length is added on the wire."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


HttpHandler = Callable[[HttpRequest], "HttpResponse | Awaitable[HttpResponse]"]


class HttpServer:
    """Serves a handler: plain functions answer inline, coroutines get a task."""

    def __init__(
        self,
        runtime: Runtime,
        handler: HttpHandler,
        *,
        store: Store | None = None,
        body_bytes_max: int = 64 << 20,
    ) -> None:
        raise NotImplementedError

    def receiver(self, accepted: Accepted) -> Receiver:
        """A receiver for one new connection: pass this method to `Runtime.listen`."""
        raise NotImplementedError


class HttpClient:
    """Requests over the world from the runtime's place, reusing quiet connections."""

    def __init__(self, runtime: Runtime) -> None:
        raise NotImplementedError

    async def request(
        self,
        to: Address,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        keep_alive: bool = True,
        source_ip: str = "",
        trace: str = "",
    ) -> HttpResponse:
        """Send and wait for the whole answer. Raises Gone; a caller sets its own timeout."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the quiet connections."""
        raise NotImplementedError
