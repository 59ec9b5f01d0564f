"""What goes into an execution environment and what comes out, in both bodies of the runtime.

The payloads of failures have the shapes that Lambda's own have: `errorMessage` and `errorType`, and
for what a handler raised `requestId` and `stackTrace`.
"""

import base64
from datetime import UTC, datetime
from typing import Protocol

import msgspec

LOG_TAIL_BYTES = 4096
OUTPUT_BYTES_MAX = 256 << 10  # of one invocation; our own limit
RESPONSE_BYTES_MAX = (6 << 20) + 100
_TRUNCATED = b"\n(further output of this invocation was dropped)\n"


class Invocation(msgspec.Struct, frozen=True):
    """One event on its way to a handler."""

    request_id: str
    payload: bytes
    arn: str
    trace: str = ""
    client_context: str = ""  # JSON


class Outcome(msgspec.Struct, frozen=True):
    """What became of it. `error` is empty or `Unhandled`; times in seconds."""

    payload: bytes
    error: str
    output: bytes
    duration_s: float
    init_s: float = 0.0
    last_line: str = ""  # what the platform itself adds to the log


class Environment(Protocol):
    """A place where a handler runs: one event at a time, globals kept between events."""

    stream: str  # its log stream
    usable: bool  # whether it may be given another event

    async def invoke(self, invocation: Invocation) -> Outcome: ...
    async def close(self) -> None: ...


class Output:
    """What a handler printed during one invocation, up to a limit."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._dropped = False

    def write(self, data: bytes) -> None:
        """Take some more."""
        room = OUTPUT_BYTES_MAX - len(self._data)
        self._data += data[:room]
        self._dropped = self._dropped or len(data) > room

    def take(self) -> bytes:
        """Return what was printed since the last call."""
        data = bytes(self._data) + (_TRUNCATED if self._dropped else b"")
        self._data.clear()
        self._dropped = False
        return data


def failure(error_type: str, message: str) -> bytes:
    """Return the payload of a failure that the platform tells of."""
    return msgspec.json.encode({"errorType": error_type, "errorMessage": message})


def timed_out(request_id: str, timeout_s: int) -> bytes:
    """Return the payload of an invocation that took too long."""
    return failure(
        "Sandbox.Timedout",
        f"RequestId: {request_id} Error: Task timed out after {timeout_s}.00 seconds",
    )


def exited(request_id: str, status: int) -> bytes:
    """Return the payload of an invocation whose process ended (negative: by a signal)."""
    how = f"exit status {status}" if status >= 0 else f"signal: {_SIGNALS.get(-status, -status)}"
    reason = f"Runtime exited with error: {how}"
    if status == 0:
        reason = "Runtime exited without providing a reason"
    return failure("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")


_SIGNALS = {6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated"}


def checked_size(payload: bytes, error: str) -> tuple[bytes, str]:
    """Return a response and its error, or what there is instead of a response that is too large."""
    if len(payload) <= RESPONSE_BYTES_MAX:
        return payload, error
    message = (
        f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
    )
    return failure("Function.ResponseSizeTooLarge", message), "Unhandled"


def iso_instant(seconds: float) -> str:
    """Return a time as in the platform's own log lines."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def log_lines(invocation: Invocation, outcome: Outcome, memory_mb: int) -> list[str]:
    """Return the log events of an invocation, the platform's lines around the handler's."""
    request_id = invocation.request_id
    text = outcome.output.decode("utf-8", "replace")
    # A handler's printed lines are an event each; the runtime joins the lines of one by \r.
    printed = [line.replace("\r", "\n") for line in text.split("\n") if line]
    duration_ms = outcome.duration_s * 1000
    report = (
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t"
        f"Billed Duration: {max(1, -int(-duration_ms // 1))} ms\tMemory Size: {memory_mb} MB\t"
    )
    if outcome.init_s:
        report += f"Init Duration: {outcome.init_s * 1000:.2f} ms\t"
    lines = [f"START RequestId: {request_id} Version: $LATEST", *printed]
    if outcome.last_line:
        lines.append(outcome.last_line)
    return [*lines, f"END RequestId: {request_id}", report]


def log_tail(lines: list[str]) -> str:
    """Return the end of a log as Invoke gives it."""
    data = "".join(f"{line}\n" for line in lines).encode()
    return base64.b64encode(data[-LOG_TAIL_BYTES:]).decode()
