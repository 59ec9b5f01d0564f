"""What happened, in order: events and spans with a running digest.

The console, the reports, the trace of a request and the determinism check all read this one record.
It keeps the newest entries only (`limit`); the digest covers all of them, ever.
"""

import hashlib
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

NOTES_MAX = 1024

Span = tuple[str, str, float, float, dict[str, Any]]  # trace, name, start, end, more


class RunJournal:
    """A bounded record of events with a digest of everything that was ever noted."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        place: str = "",
        limit: int = 20_000,
        digested: bool = True,
    ) -> None:
        """Where no two runs are alike, a digest says nothing, and need not be made."""
        self._digested = digested
        self._now = now
        self._place = place
        self._entries: deque[dict[str, Any]] = deque(maxlen=limit)
        self._spans: deque[Span] = deque(maxlen=limit)
        self._encode = msgspec.msgpack.Encoder(enc_hook=repr).encode
        self._notes: list[bytes] = []  # not yet in the digest
        self._digest = hashlib.blake2b(digest_size=16)
        self._counted = 0
        self._markers: dict[str, int] = {}

    def record(self, kind: str, **fields: Any) -> None:
        """Note an event now."""
        entry = {"at": self._now(), "kind": kind, **fields}
        self._entries.append(entry)
        if self._digested:
            self.absorb(self._encode(entry))

    def span(self, trace: str, name: str, started: float, **fields: Any) -> None:
        """Note that the piece of work `name` of a traced request ran from `started` to now."""
        self.worked(trace, name, started, fields)

    def worked(self, trace: str, name: str, started: float, fields: dict[str, Any]) -> None:
        """Note a span whose further fields are in a dictionary already, which is kept."""
        entry = (trace, name, started, self._now(), fields)
        self._spans.append(entry)
        if self._digested:
            self.absorb(self._encode(entry))

    def sometimes(self, name: str) -> None:
        """Note that a rare path was taken; only counted, and no part of the digest."""
        self._markers[name] = self._markers.get(name, 0) + 1

    def markers(self) -> dict[str, int]:
        """Return how often each rare path was taken, by name."""
        return dict(sorted(self._markers.items()))

    def absorb(self, note: bytes) -> None:
        """Let something into the digest that is too frequent to keep."""
        notes = self._notes
        notes.append(note)
        if len(notes) >= NOTES_MAX:
            self._digest.update(b"".join(notes))
            self._counted += len(notes)
            notes.clear()

    @property
    def count(self) -> int:
        """How many notes there have been."""
        return self._counted + len(self._notes)

    def entries(self, kind: str = "") -> list[dict[str, Any]]:
        """Return the events kept, of one kind or of all."""
        return [e for e in self._entries if not kind or e["kind"] == kind]

    def spans(self, *traces: str) -> list[dict[str, Any]]:
        """Return the spans kept of some requests, each request's by start."""
        found: dict[str, list[dict[str, Any]]] = {trace: [] for trace in traces}
        for of, name, started, ended, fields in self._spans:
            if of in found:
                span = {"trace": of, "name": name, "place": self._place}
                found[of].append({**span, "start": started, "end": ended, **fields})
        return [
            span
            for spans in found.values()
            for span in sorted(spans, key=lambda s: (s["start"], s["end"]))
        ]

    def digest(self) -> str:
        """Return the digest of all that was noted so far, in hexadecimal."""
        self._digest.update(b"".join(self._notes))
        self._counted += len(self._notes)
        self._notes.clear()
        return self._digest.hexdigest()


class PlacedJournal:
    """A journal shared with others, as seen from one place: spans tell where they were."""

    def __init__(self, behind: RunJournal, place: str) -> None:
        self._behind = behind
        self._place = place
        self._worked = behind.worked
        self.record = behind.record
        self.sometimes = behind.sometimes

    def span(self, trace: str, name: str, started: float, **fields: Any) -> None:
        """Note that the piece of work `name` of a traced request ran from `started` to now."""
        if "place" not in fields:
            fields["place"] = self._place
        self._worked(trace, name, started, fields)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)
