"""Execution environments in simulation: the same handlers, waiting in virtual time.

Where a worker process would be killed, the greenlet is frozen and forgotten. Starting cold takes a
time that is a setting; computing takes none; what a handler waits for takes what it takes.
"""

from functools import lru_cache
from urllib.parse import urlsplit

from antipodes.regional.lambda_.invocations import (
    Invocation,
    Outcome,
    Output,
    checked_size,
    exited,
    iso_instant,
    timed_out,
)
from antipodes.regional.lambda_.networks import Outlet
from antipodes.runtime.contract import Accepted, Address, TimedOut
from antipodes.runtime.customer import CustomerProgram, Event, Headers, Reply
from antipodes.service.contract import Host, Laned
from antipodes.service.http import HttpRequest

_URLS_MAX = 1024


@lru_cache(_URLS_MAX)
def _host_and_target(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class _OwnRequest(HttpRequest):
    """A request of a program's: nobody wants its headers as bytes unless it is sent on."""

    __slots__ = ("_pairs",)

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a request
        self,
        method: str,
        target: str,
        host: str,
        headers: Headers,
        body: bytes,
        accepted: Accepted,
    ) -> None:
        self.method = method
        self.target = target
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body
        self.accepted = accepted
        if "host" not in self.headers:
            headers = [("Host", host), *headers]
            self.headers["host"] = host
        self._pairs = headers

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:  # type: ignore[override] # read only
        """All headers as they would be sent."""
        return [(name.encode("latin-1"), value.encode("utf-8")) for name, value in self._pairs]


class GreenletEnvironment:
    """One program and what it is told."""

    def __init__(  # noqa: PLR0913 - spelled out on purpose
        self,
        host: Host,
        files: dict[str, bytes],
        *,
        variables: dict[str, str],
        timeout_s: int,
        cold_start_s: float,
        stream: str,
        outlet: Outlet | None = None,
    ) -> None:
        """`outlet` is how it reaches AWS's APIs, if it is in a network that holds it back."""
        self.stream = stream
        self.usable = True
        self._runtime = host.runtime
        self._timeout_s = timeout_s
        self._cold_start_s = cold_start_s
        self._output = Output()
        self._loaded = False
        place = host.runtime.place
        self._serve = host.serve_http if outlet is None else outlet.handle
        self._accepted = Accepted(place, "", Address(place, "api"), "")
        self._program = CustomerProgram(
            host.runtime,
            files=files,
            handler=variables["_HANDLER"],
            variables={**variables, "LAMBDA_TASK_ROOT": "/var/task"},
            chance=host.runtime.chance(f"lambda/environment/{stream}"),
            output=self._output.write,
            send=self._send,
            lane=host.lane if outlet is None and isinstance(host, Laned) else None,
            signs=host.settings.verify_signatures,
        )

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run the handler on an event."""
        init_s = 0.0
        reply = Reply("ready")
        began = self._runtime.now()
        try:
            if not self._loaded:
                self._loaded = True
                await self._runtime.sleep(self._cold_start_s)
                async with self._runtime.timeout(self._timeout_s):
                    reply = await self._runtime.run_blocking(self._program.run, None)
                init_s = self._runtime.now() - began
                began = self._runtime.now()
            if reply.kind == "ready":
                async with self._runtime.timeout(self._timeout_s):
                    reply = await self._runtime.run_blocking(
                        self._program.run, self._event(invocation)
                    )
        except TimedOut:
            self.usable = False
            return self._late(invocation, began, init_s)
        return self._outcome(invocation, reply, began, init_s)

    def _event(self, invocation: Invocation) -> Event:
        return Event(
            payload=invocation.payload,
            request_id=invocation.request_id,
            arn=invocation.arn,
            deadline_wall=self._runtime.wall() + self._timeout_s,
            trace=invocation.trace,
            client_context=invocation.client_context,
        )

    def _late(self, invocation: Invocation, began: float, init_s: float) -> Outcome:
        return Outcome(
            timed_out(invocation.request_id, self._timeout_s),
            "Unhandled",
            self._output.take(),
            self._runtime.now() - began,
            init_s,
            f"{iso_instant(self._runtime.wall())} {invocation.request_id} "
            f"Task timed out after {self._timeout_s}.00 seconds\n",
        )

    def _outcome(
        self, invocation: Invocation, reply: Reply, began: float, init_s: float
    ) -> Outcome:
        last_line = ""
        payload, error = checked_size(
            reply.payload, "" if reply.kind == "response" else "Unhandled"
        )
        if reply.kind == "exit":
            payload = exited(invocation.request_id, reply.status)
            last_line = payload.decode()
        self.usable = reply.kind in {"response", "error"}
        duration_s = self._runtime.now() - began
        return Outcome(payload, error, self._output.take(), duration_s, init_s, last_line)

    async def _send(
        self, method: str, url: str, headers: Headers, body: bytes
    ) -> tuple[int, Headers, bytes]:
        """Carry a request of the program to its host, as to the region's endpoint."""
        host, target = _host_and_target(url)
        request = _OwnRequest(method, target, host, headers, body, self._accepted)
        response = await self._serve(request)
        return response.status, list(response.headers), response.body

    async def close(self) -> None:
        """Let go of the program."""
        self.usable = False
