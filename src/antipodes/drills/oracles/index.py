"""A history arranged by key, once, so that every oracle looks up instead of searching.

The nouns are those of a register with last-writer-wins copies. A *mutation* is a write or a delete
of a key. What a caller knows of it is an interval: it took effect after it began, and, if it was
acknowledged, before it ended. One whose outcome is unknown may take effect at any later time, or
never; so may an earlier attempt of one that was tried again. Of two mutations, one is *certainly
older* only if it ended (for certain) before the other began.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from antipodes.drills.history import History, Operation, Outcome

MUTATIONS = ("write", "delete")


def served(operation: Operation) -> bool:
    """Whether the caller was served."""
    return operation.outcome is Outcome.OK


def latest_s(mutation: Operation) -> float:
    """The latest moment at which a mutation may take effect."""
    if mutation.outcome is Outcome.UNKNOWN or mutation.attempts > 1:
        return math.inf
    return mutation.end_s


class KeyHistory:
    """What was done to one key."""

    def __init__(self) -> None:
        self.mutations: list[Operation] = []
        self.by_value: dict[str, Operation] = {}
        self.deletes: list[Operation] = []
        self._delete_starts: list[float] = []
        self._delete_latest: list[float] = []  # of the deletes that began there or before
        self._acknowledged: list[Operation] = []  # in the order in which they began
        self._starts: list[float] = []
        self._soonest: list[Operation] = []  # of those that began there or later, the first to end

    def arrange(self) -> None:
        """Prepare the look-ups, when all mutations are there."""
        done = sorted((m for m in self.mutations if served(m)), key=lambda m: (m.start_s, m.number))
        self._acknowledged = done
        self._starts = [m.start_s for m in done]
        self._soonest = list(accumulate(reversed(done), _sooner))[::-1]
        deletes = sorted((d for d in self.deletes if _may_have(d)), key=lambda d: d.start_s)
        self._delete_starts = [d.start_s for d in deletes]
        self._delete_latest = list(accumulate((latest_s(d) for d in deletes), max))

    def latest_s(self, value: str | None, before_s: float = math.inf) -> float:
        """The latest moment at which what left this value may have taken effect.

        Nothing found was left by a delete (begun before `before_s`), or by the emptiness at the
        beginning. A value that nobody wrote counts as having been there from the beginning.
        """
        if value is not None:
            source = self.by_value.get(value)
            return -math.inf if source is None else latest_s(source)
        position = bisect_right(self._delete_starts, before_s)
        return self._delete_latest[position - 1] if position else -math.inf

    def earliest_s(self, value: str | None) -> float:
        """The earliest moment at which what left this value may have taken effect."""
        source = None if value is None else self.by_value.get(value)
        return -math.inf if source is None else source.start_s

    def source(self, value: str | None) -> Operation | None:
        """What left this value: its write, or the last delete; None where nothing did."""
        if value is not None:
            return self.by_value.get(value)
        return max(
            (d for d in self.deletes if _may_have(d)),
            key=lambda d: (latest_s(d), d.number),
            default=None,
        )

    def newer_than(self, moment_s: float) -> Operation | None:
        """Of the acknowledged mutations that began after a moment, the first to end."""
        position = bisect_right(self._starts, moment_s)
        return self._soonest[position] if position < len(self._soonest) else None

    def all_newer_than(self, moment_s: float) -> list[Operation]:
        """The acknowledged mutations that began after a moment, as they began."""
        return self._acknowledged[bisect_right(self._starts, moment_s) :]


def _sooner(one: Operation, other: Operation) -> Operation:
    return other if other.end_s <= one.end_s else one


def _may_have(mutation: Operation) -> bool:
    return mutation.outcome is not Outcome.FAILED


class Index:
    """A history, and its keys."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.keys: dict[str, KeyHistory] = {}
        self.reads: list[Operation] = []  # that were answered
        self.by_kind: dict[str, list[Operation]] = {}
        self.by_city: dict[str, list[Operation]] = {}
        self._none = KeyHistory()
        for operation in history.operations:
            self.by_kind.setdefault(operation.kind, []).append(operation)
            self.by_city.setdefault(operation.city, []).append(operation)
        self.reads = [o for o in self.of_kind("read") if served(o)]
        for mutation in (m for kind in MUTATIONS for m in self.of_kind(kind)):
            self._add(mutation)
        for key in self.keys.values():
            key.arrange()

    def _add(self, mutation: Operation) -> None:
        key = self.keys.get(mutation.key)
        if key is None:
            key = self.keys[mutation.key] = KeyHistory()
        key.mutations.append(mutation)
        if mutation.kind == "delete":
            key.deletes.append(mutation)
        elif mutation.value is not None:
            key.by_value[mutation.value] = mutation

    def of_kind(self, kind: str) -> list[Operation]:
        """All calls of a kind, in the order of the history."""
        return self.by_kind.get(kind, [])

    def key(self, name: str) -> KeyHistory:
        """What was done to a key."""
        return self.keys.get(name, self._none)

    def sessions(self, operations: Iterable[Operation]) -> dict[tuple[str, str], list[Operation]]:
        """Calls by (session, key), as far as sessions were recorded."""
        found: dict[tuple[str, str], list[Operation]] = {}
        for operation in operations:
            if operation.session:
                found.setdefault((operation.session, operation.key), []).append(operation)
        return found


def indexed(history: History | Index) -> Index:
    """The index of a history; what is one already stays what it is."""
    return history if isinstance(history, Index) else Index(history)
