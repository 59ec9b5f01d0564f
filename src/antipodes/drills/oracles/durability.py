"""What became of acknowledged writes: after a region was lost, and after everything was healed.

A replica *keeps* a mutation if it holds its value, or what is there may be newer. Nothing there is
newer only where a delete may be. What replaced an acknowledged mutation although it was certainly
older is a violation of last-writer-wins (`older_won`); an item that is back although its deletion
was acknowledged, and no write may have come after it, is a resurrection.
"""

from typing import NamedTuple

from antipodes.drills.history import History, Loss, Operation
from antipodes.drills.oracles.index import MUTATIONS, Index, indexed, served


class OlderWon(NamedTuple):
    """A mutation that lost to an older one, in a region."""

    region: str
    winner: Operation
    loser: Operation


class Resurrection(NamedTuple):
    """An item that is there although it was deleted last."""

    region: str
    key: str
    value: str
    deletion: Operation


def _kept(index: Index, mutation: Operation, content: dict[str, str]) -> bool:
    return index.key(mutation.key).latest_s(content.get(mutation.key)) >= mutation.start_s


def unreplicated(history: History | Index, loss: Loss) -> list[Operation]:
    """The acknowledged mutations of a lost region that no survivor had, oldest first.

    An answer that was under way when the region died was given by it: a call that began before and
    was answered by the region, at its first attempt, counts.
    """
    index = indexed(history)
    missing = [
        mutation
        for kind in MUTATIONS
        for mutation in index.of_kind(kind)
        if mutation.served_by == loss.region
        and served(mutation)
        and _before(mutation, loss.at_s)
        and not any(_kept(index, mutation, content) for content in loss.found.values())
    ]
    return sorted(missing, key=lambda o: (o.end_s, o.number))


def _before(mutation: Operation, at_s: float) -> bool:
    return mutation.end_s <= at_s or (mutation.start_s <= at_s and mutation.attempts == 1)


def lost_writes(history: History | Index) -> list[Operation]:
    """The acknowledged writes that are in none of the replicas after healing."""
    index = indexed(history)
    contents = list(index.history.final.values())
    return [
        write
        for write in index.of_kind("write")
        if served(write) and not any(_kept(index, write, content) for content in contents)
    ]


def diverged_keys(history: History | Index) -> list[str]:
    """The keys whose value differs between replicas after healing and quiet."""
    contents = list(indexed(history).history.final.values())
    if not contents:
        return []
    first = contents[0]
    different: dict[str, None] = {}
    for content in contents[1:]:
        different.update(dict.fromkeys(k for k, v in content.items() if first.get(k) != v))
        different.update(dict.fromkeys(key for key in first if key not in content))
    return sorted(different)


def resurrected(history: History | Index) -> list[Resurrection]:
    """The items that are there after healing, although they were deleted after all else."""
    index = indexed(history)
    return [
        Resurrection(region, name, value, deletion)
        for region, content in index.history.final.items()
        for name, value in sorted(content.items())
        if index.key(name).deletes
        for deletion in _deletions_after(index, name, value)
    ]


def _deletions_after(index: Index, name: str, value: str) -> list[Operation]:
    """The first acknowledged deletion that certainly came after what left a value, if any."""
    key = index.key(name)
    newer = key.all_newer_than(key.latest_s(value))
    return [m for m in newer if m.kind == "delete"][:1]


def older_won(history: History | Index, tolerance_s: float = 0.0) -> list[OlderWon]:
    """The acknowledged mutations that lost to what had certainly ended before they began.

    Versions follow the clocks of regions. Where those may differ, what began less than
    `tolerance_s` later may lose.
    """
    index = indexed(history)
    found: dict[int, OlderWon] = {}
    for region, content in index.history.final.items():
        for name, key in index.keys.items():
            value = content.get(name)
            winner = key.source(value)
            if winner is None:
                continue
            for loser in key.all_newer_than(key.latest_s(value) + tolerance_s):
                found.setdefault(loser.number, OlderWon(region, winner, loser))
    return sorted(found.values(), key=lambda o: (o.loser.end_s, o.loser.number))
