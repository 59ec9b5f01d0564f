"""What a look at the networks finds, in one form: a kind, the ids it is about, and a sentence."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that somebody should look at."""

    kind: str
    ids: tuple[str, ...]
    said: str
