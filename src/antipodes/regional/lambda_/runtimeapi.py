"""The Lambda Runtime API (2018-06-01) for one worker: events out, results in.

One event at a time. The worker asks for the next event and waits, for ever if need be; it posts the
result or the error, or that it could not even start. Whoever owns the worker sees each of these as
a *word* of its own.
"""

from collections.abc import Awaitable
from typing import Any, NamedTuple

from antipodes.regional.lambda_.invocations import Invocation
from antipodes.runtime.contract import Runtime
from antipodes.service.http import HttpRequest, HttpResponse

_BASE = "/2018-06-01/runtime/"
_JSON = [("content-type", "application/json")]
_ACCEPTED = HttpResponse(202, _JSON, b'{"status":"OK"}')


class Word(NamedTuple):
    """What the worker (or its end) said."""

    kind: str  # "ready", "response", "error", "init error", "exit"
    body: bytes = b""
    status: int = 0


def _refusal(status: int, error_type: str, message: str) -> HttpResponse:
    body = f'{{"errorType":"{error_type}","errorMessage":"{message}"}}'
    return HttpResponse(status, _JSON, body.encode())


class RuntimeApi:
    """The API's state for one worker."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._listening: Any = None  # the owner's future of the next word
        self._words: list[Word] = []
        self._asking: Any = None  # the worker's future of the next event
        self._current = ""

    # The owner's side.

    @property
    def asked(self) -> bool:
        """Whether the worker waits for an event, and its owner knows."""
        return self._asking is not None and not self._words

    async def hear(self) -> Word:
        """Wait for the worker's next word."""
        if self._words:
            return self._words.pop(0)
        self._listening = self._runtime.future()
        try:
            word: Word = await self._listening
        finally:
            self._listening = None
        return word

    def say(self, word: Word) -> None:
        """Let the owner hear a word."""
        if self._listening is not None and not self._listening.done():
            self._listening.set_result(word)
        else:
            self._words.append(word)

    def give(self, invocation: Invocation, deadline_wall: float) -> None:
        """Give the waiting worker an event."""
        assert self._asking is not None, "the worker has not asked for an event"
        headers = [
            *_JSON,
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(int(deadline_wall * 1000))),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.arn),
        ]
        if invocation.trace:
            headers.append(("Lambda-Runtime-Trace-Id", f"Root={invocation.trace};Sampled=0"))
        if invocation.client_context:
            headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
        asking, self._asking = self._asking, None
        self._current = invocation.request_id
        asking.set_result(HttpResponse(200, headers, invocation.payload))

    def reset(self) -> None:
        """Forget a worker that is gone: nobody will read what it asked for."""
        asking, self._asking = self._asking, None
        self._words.clear()
        self._current = ""
        if asking is not None and not asking.done():
            asking.set_result(_refusal(500, "Runtime.Closed", "the environment is closed"))

    # The worker's side.

    def handle(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        """Answer one request of the worker."""
        path = request.target.partition("?")[0]
        if not path.startswith(_BASE):
            return _refusal(404, "InvalidPath", "no such path")
        call = path.removeprefix(_BASE)
        if request.method == "GET" and call == "invocation/next":
            return self._next()
        if request.method == "POST" and call == "init/error":
            self.say(Word("init error", request.body))
            return _ACCEPTED
        parts = call.split("/")
        if request.method == "POST" and len(parts) == 3 and parts[0] == "invocation":  # noqa: PLR2004 - invocation/ID/KIND
            return self._result(parts[1], parts[2], request.body)
        return _refusal(404, "InvalidPath", "no such path")

    async def _next(self) -> HttpResponse:
        if self._asking is not None:
            return _refusal(403, "InvalidStateTransition", "an event is being waited for already")
        self._asking = asking = self._runtime.future()
        self.say(Word("ready"))
        response: HttpResponse = await asking
        return response

    def _result(self, request_id: str, kind: str, body: bytes) -> HttpResponse:
        if kind not in {"response", "error"}:
            return _refusal(404, "InvalidPath", "no such path")
        if request_id != self._current:
            return _refusal(400, "InvalidRequestID", "no such invocation is under way")
        self._current = ""
        self.say(Word(kind, body))
        return _ACCEPTED
