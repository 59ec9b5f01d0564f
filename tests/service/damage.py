"""What fuzzers do to a request: find a place of it to change, cut its bytes."""

from typing import Any

from antipodes.runtime.contract import Chance

PLACES_MAX = 400  # about; of a deep tree, the first


def places_in(tree: Any) -> list[tuple[Any, Any]]:
    """All places of a tree where something stands: what holds it, and at which key."""
    found: list[tuple[Any, Any]] = []
    _gather(tree, found)
    return found


def _gather(tree: Any, found: list[tuple[Any, Any]]) -> None:
    pairs = list(tree.items()) if isinstance(tree, dict) else []
    if isinstance(tree, list):
        pairs = list(enumerate(tree))
    for at, inner in pairs:
        found.append((tree, at))
        if len(found) < PLACES_MAX:
            _gather(inner, found)


def cut(data: bytes, chance: Chance) -> bytes:
    """Bytes with others in the place of some, or of all that follow."""
    at = chance.randrange(len(data) + 1)
    middle = chance.randbytes(chance.randrange(4))
    end = at + chance.randrange(3) if chance.random() < 0.7 else len(data)
    return data[:at] + middle + data[end:]
