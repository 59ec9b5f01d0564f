"""Connections of application load balancers' clients.

HTTP, and an end when nothing happens for the idle timeout, or after the first answer that comes
when the connection is older than the load balancer keeps them (edit-load-balancer-attributes).
"""

import dataclasses
from collections.abc import Awaitable, Callable

from antipodes.regional.elbv2.forwarding import Policy
from antipodes.runtime.contract import Accepted, PlainReceiver, Receiver, Stream, Timer
from antipodes.service.contract import Host
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer

BODY_BYTES_MAX = 64 << 20


class ClientConnection(PlainReceiver):
    """A client's connection, whose requests `answer` answers."""

    def __init__(
        self,
        host: Host,
        accepted: Accepted,
        answer: Callable[[HttpRequest], Awaitable[HttpResponse]],
        policy: Callable[[], Policy | None],
    ) -> None:
        """`policy` says how the load balancer treats silence, or None once it is gone."""
        self._answer = answer
        self._policy = policy
        self._runtime = host.runtime
        # A server of its own, whose handler knows the connection.
        server = HttpServer(
            self._runtime, self._handle, store=host.store, body_bytes_max=BODY_BYTES_MAX
        )
        self._http: Receiver = server.receiver(accepted)
        self._stream: Stream
        self._timer: Timer
        self._began_at = self._active_at = self._runtime.now()
        self._busy = 0

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream
        self._http.connection_made(stream)
        self._timer = self._runtime.later(self._idle_s(), self._check_idle)

    def data_received(self, data: bytes) -> None:
        self._active_at = self._runtime.now()
        self._http.data_received(data)

    def eof_received(self) -> bool | None:
        return self._http.eof_received()

    def pause_writing(self) -> None:
        self._http.pause_writing()

    def resume_writing(self) -> None:
        self._http.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._timer.cancel()
        http, self._http = self._http, PlainReceiver()
        http.connection_lost(error)

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        self._busy += 1
        try:
            answer = await self._answer(request)
        finally:
            self._busy -= 1
            self._active_at = self._runtime.now()
        return dataclasses.replace(answer, last=True) if self._is_old() else answer

    def _is_old(self) -> bool:
        policy, age = self._policy(), self._active_at - self._began_at
        return policy is None or age >= self._runtime.deadline(policy.keep_alive_s)

    def _idle_s(self) -> float:
        policy = self._policy()
        return self._runtime.deadline(policy.idle_s) if policy is not None else 0.0

    def _check_idle(self) -> None:
        since = self._runtime.now() - self._active_at
        left = self._idle_s() - since
        if self._busy:
            left = max(left, 1.0)
        if left > 0:
            self._timer = self._runtime.later(left, self._check_idle)
        elif self._stream.get_write_buffer_size():
            self._stream.abort()  # the client does not take its answers
        else:
            self._stream.close()
