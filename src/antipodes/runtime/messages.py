"""What was said between places: a bounded ring of messages for whoever watches a simulation.

Nothing is kept until somebody watches, and never what the laptop or the supervisor says or hears:
they stand outside the world.
"""

from collections import deque
from typing import Any, NamedTuple

OUTSIDE = frozenset({"laptop", "supervisor"})
HEAD_MAX = 120
_KINDS = {"syn": "open", "data": "data", "eof": "eof", "reset": "reset", "refused": "reset"}


class Message(NamedTuple):
    """One message that has arrived."""

    sent_s: float
    arrived_s: float
    source: str
    destination: str
    kind: str  # open, data, eof or reset
    size: int
    head: str  # the first line of the data, as far as it can be printed
    trace: str


class MessageRing:
    """The newest messages."""

    def __init__(self, limit: int) -> None:
        self._kept: deque[Message] = deque(maxlen=limit)

    def note(  # noqa: PLR0913, PLR0917 - all that is known of a message
        self,
        sent_s: float,
        arrived_s: float,
        source: str,
        destination: str,
        kind: str,
        value: Any,
        trace: str,
    ) -> None:
        """Keep a message that arrived; the answer to an opening is no message of its own."""
        if kind not in _KINDS or source in OUTSIDE or destination in OUTSIDE:
            return
        data = value if kind == "data" else b""
        self._kept.append(
            Message(
                sent_s, arrived_s, source, destination, _KINDS[kind], len(data), _head(data), trace
            )
        )

    def messages(self) -> list[Message]:
        """Return what is kept, by arrival."""
        return list(self._kept)


def _head(data: bytes) -> str:
    line = data[: 4 * HEAD_MAX].partition(b"\n")[0].rstrip(b"\r")
    text = line.decode("utf-8", "replace")[:HEAD_MAX]
    return "".join(c if c.isprintable() else "." for c in text)
