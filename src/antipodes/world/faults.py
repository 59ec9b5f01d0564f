"""What can be wrong with the ways between places: a closed set of small frozen records.

A fault says which directions of which links it is about (`affects`) and what it does to each of
them (`effect`, a `Condition` whose delay is extra). Effects compose, in any order to the same
result: delays add, jitters add as independent deviations do, the narrowest bandwidth counts, losses
and the shares of datagrams combine as independent ones do, the longest hold counts, one cut is
enough. So installing and healing need no undo: what holds is computed from what is installed.

Killing a process is no fault of a link: hosting does that, and peers see their connections end. A
dark place is silence instead. Nor is a control plane that is down: no direction suffers, and hosts
ask the world whether they may answer.

The ends of a link are places or groups (`places.py`); a region covers its zones. As plain
dictionaries, faults cross between processes and stand in drills' files; `kind` names the record.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, Self, get_args

import msgspec

from antipodes.runtime.contract import Condition
from antipodes.world.addresses import ANYCAST_ZONES
from antipodes.world.errors import InvalidFault
from antipodes.world.places import ANYTHING, covers, crosses, kind_of

EXTRA_MS_MAX = 600_000.0
BANDWIDTH_MBIT_S_MAX = 1_000_000.0
BYTES_S_PER_MBIT_S = 125_000.0
_GROUP_WORDS = {
    ANYTHING: "everything else",
    "region/*": "every region",
    "edge/*": "every edge location",
    "city/*": "every city",
    "site/*": "every site",
}


class _Ends(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    a: str
    b: str


class LinkFault(_Ends, frozen=True, kw_only=True):
    """Something is wrong on the way from `a` to `b`, and back unless `both_ways` is false."""

    both_ways: bool = True

    def __post_init__(self) -> None:
        for field, end in (("a", self.a), ("b", self.b)):
            if not end:
                raise InvalidFault(f"{field}: a place or a group of places is needed")
        if self.a == self.b and "*" not in self.a and kind_of(self.a) != "region":
            raise InvalidFault(f"b: {self.b} has no link to itself")

    def affects(self, source: str, destination: str) -> bool:
        """Whether this direction suffers."""
        return crosses(self.a, self.b, source, destination) or (
            self.both_ways and crosses(self.a, self.b, destination, source)
        )

    def with_ends(self, rename: Callable[[str, str], str]) -> Self:
        """Return the same fault, its ends replaced by `rename(field, end)`."""
        return msgspec.structs.replace(self, a=rename("a", self.a), b=rename("b", self.b))

    def _between(self) -> str:
        """Return the directions in words."""
        if self.both_ways:
            return f"between {_words(self.a)} and {_words(self.b)}"
        return f"from {_words(self.a)} to {_words(self.b)}"


class PlaceFault(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """Something is wrong with all that enters or leaves a place; what is inside it goes on."""

    place: str

    def __post_init__(self) -> None:
        if not self.place:
            raise InvalidFault("place: a place is needed")
        if "*" in self.place:
            raise InvalidFault(f"place: {self.place} is a group; name one place")

    def affects(self, source: str, destination: str) -> bool:
        """Whether this direction suffers."""
        return covers(self.place, source) != covers(self.place, destination)

    def with_ends(self, rename: Callable[[str, str], str]) -> Self:
        """Return the same fault, its place replaced by `rename("place", place)`."""
        return msgspec.structs.replace(self, place=rename("place", self.place))


class OtherFault(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """Something else than a way is broken: no direction suffers as a whole."""

    def affects(self, source: str, destination: str) -> bool:
        """Whether this direction suffers: none does."""
        return False

    @property
    def effect(self) -> Condition:
        """What it does to a direction: nothing."""
        return Condition(0.0)


class CutLink(LinkFault, frozen=True, tag="cut-link"):
    """Nothing gets through; streams stall until the link is healed."""

    @property
    def effect(self) -> Condition:
        """What it does to a direction."""
        return Condition(0.0, cut=True)

    def describe(self) -> str:
        """Return the fault in words."""
        return f"nothing passes {self._between()}"


class SlowLink(LinkFault, frozen=True, tag="slow-link"):
    """Each slowed direction takes longer by `extra_ms`, with a standard deviation."""

    extra_ms: float
    jitter_ms: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_slow(self.extra_ms, self.jitter_ms)

    @property
    def effect(self) -> Condition:
        """What it does to a direction."""
        return Condition(self.extra_ms / 1000, self.jitter_ms / 1000)

    def describe(self) -> str:
        """Return the fault in words."""
        return f"{_slow_words(self.extra_ms, self.jitter_ms)} each way {self._between()}"


class LossyLink(LinkFault, frozen=True, tag="lossy-link"):
    """A share of what is sent is lost (1: all of it, which is a cut)."""

    loss: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.loss <= 1:
            raise InvalidFault(f"loss: {self.loss} is not a share above 0 and up to 1")

    @property
    def effect(self) -> Condition:
        """What it does to a direction."""
        return Condition(0.0, loss=self.loss, cut=self.loss >= 1)

    def describe(self) -> str:
        """Return the fault in words."""
        return f"{_number(self.loss * 100)} % is lost {self._between()}"


class NarrowLink(LinkFault, frozen=True, tag="narrow-link"):
    """Each narrowed direction of each connection carries so much and no more."""

    bandwidth_mbit_s: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.bandwidth_mbit_s <= BANDWIDTH_MBIT_S_MAX:
            raise InvalidFault(
                f"bandwidth_mbit_s: {self.bandwidth_mbit_s} is not above 0 and up to "
                f"{_number(BANDWIDTH_MBIT_S_MAX)}"
            )

    @property
    def effect(self) -> Condition:
        """What it does to a direction."""
        return Condition(0.0, bandwidth_bytes_s=self.bandwidth_mbit_s * BYTES_S_PER_MBIT_S)

    def describe(self) -> str:
        """Return the fault in words."""
        return f"at most {_number(self.bandwidth_mbit_s)} Mbit/s {self._between()}"


class DuplicatingLink(LinkFault, frozen=True, tag="duplicating-link"):
    """A share of datagrams arrives twice; byte streams hide it, as TCP does."""

    share: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_share(self.share)

    @property
    def effect(self) -> Condition:
        """What it does to a direction."""
        return Condition(0.0, duplicated=self.share)

    def describe(self) -> str:
        """Return the fault in words."""
        return f"{_number(self.share * 100)} % of datagrams arrive twice {self._between()}"


class ReorderingLink(LinkFault, frozen=True, tag="reordering-link"):
    """A share of datagrams is held back, and overtaken; byte streams wait for what is late."""

    share: float
    held_ms: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_share(self.share)
        if not 0 < self.held_ms <= EXTRA_MS_MAX:
            raise InvalidFault(
                f"held_ms: {self.held_ms} is not above 0 and up to {_number(EXTRA_MS_MAX)}"
            )

    @property
    def effect(self) -> Condition:
        """What it does to a direction."""
        return Condition(0.0, held=self.share, held_s=self.held_ms / 1000)

    def describe(self) -> str:
        """Return the fault in words."""
        return (
            f"{_number(self.share * 100)} % is held back by {_number(self.held_ms)} ms "
            f"{self._between()}"
        )


class DarkPlace(PlaceFault, frozen=True, tag="dark-place"):
    """Nothing gets in or out, without a word; a dark edge location attracts no more traffic."""

    @property
    def effect(self) -> Condition:
        """What it does to a direction."""
        return Condition(0.0, cut=True)

    def describe(self) -> str:
        """Return the fault in words."""
        return f"{self.place} is dark: nothing gets in or out"


class SlowPlace(PlaceFault, frozen=True, tag="slow-place"):
    """All that enters or leaves takes longer by `extra_ms` each way: a grey failure."""

    extra_ms: float
    jitter_ms: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_slow(self.extra_ms, self.jitter_ms)

    @property
    def effect(self) -> Condition:
        """What it does to a direction."""
        return Condition(self.extra_ms / 1000, self.jitter_ms / 1000)

    def describe(self) -> str:
        """Return the fault in words."""
        return f"{self.place} is slow: {_slow_words(self.extra_ms, self.jitter_ms)} in and out"


class ControlPlane(OtherFault, frozen=True, tag="control-plane"):
    """A service's API is unavailable; what it has configured goes on. Without a region: everywhere.

    Which services have a control plane, and where, is for those to say who host them.
    """

    service: str
    region: str = ""

    def __post_init__(self) -> None:
        if not self.service:
            raise InvalidFault("service: a service is needed")

    def with_ends(self, rename: Callable[[str, str], str]) -> Self:
        """Return the same fault, its region replaced by `rename("region", region)`."""
        if not self.region:
            return self
        region = rename("region", self.region)
        if "/" in region or "*" in region:
            raise InvalidFault(f"region: {self.region} is not a region")
        return msgspec.structs.replace(self, region=region)

    def describe(self) -> str:
        """Return the fault in words."""
        where = f" in {self.region}" if self.region else ""
        return f"the control plane of {self.service}{where} is unavailable"


class AcceleratorZone(OtherFault, frozen=True, tag="accelerator-zone"):
    """One of the two networks that accelerators' addresses are in is lost, at every edge location.

    Nothing passes to or from its addresses; those of the other network lead where they did.
    """

    zone: str

    def __post_init__(self) -> None:
        if self.zone not in ANYCAST_ZONES:
            raise InvalidFault(f"zone: {self.zone!r} is neither a nor b")

    def with_ends(self, rename: Callable[[str, str], str]) -> Self:
        """Return the same fault: it names no place."""
        del rename
        return self

    def describe(self) -> str:
        """Return the fault in words."""
        return f"the accelerators' network zone {self.zone} is lost"


Fault = (
    CutLink
    | SlowLink
    | LossyLink
    | NarrowLink
    | DuplicatingLink
    | ReorderingLink
    | DarkPlace
    | SlowPlace
    | ControlPlane
    | AcceleratorZone
)
KINDS = tuple(str(kind.__struct_config__.tag) for kind in get_args(Fault))


def to_dict(fault: Fault) -> dict[str, Any]:
    """Return a fault as plain JSON."""
    plain: dict[str, Any] = msgspec.to_builtins(fault)
    return plain


def from_dict(plain: object) -> Fault:
    """Return the fault that a plain dictionary describes, or raise InvalidFault."""
    try:
        fault: Fault = msgspec.convert(plain, Fault)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$.")
        field = path.rstrip("`")
        if field == "kind" or "`kind`" in text:
            raise InvalidFault(f"kind: {text}; one of {', '.join(KINDS)}") from None
        raise InvalidFault(f"{field}: {text}" if field else text) from None
    return fault


def combine(base: Condition, effects: Iterable[Condition]) -> Condition:
    """Return what becomes of a direction under all effects; their order does not matter."""
    parts = [base, *effects]
    if len(parts) == 1:
        return base
    bandwidths = [part.bandwidth_bytes_s for part in parts if part.bandwidth_bytes_s > 0]
    return Condition(
        delay_s=math.fsum(part.delay_s for part in parts),
        jitter_s=math.hypot(*sorted(part.jitter_s for part in parts)),
        loss=_any_of(part.loss for part in parts),
        bandwidth_bytes_s=min(bandwidths, default=0.0),
        cut=any(part.cut for part in parts),
        duplicated=_any_of(part.duplicated for part in parts),
        held=_any_of(part.held for part in parts),
        held_s=max(part.held_s for part in parts),
    )


def _any_of(shares: Iterable[float]) -> float:
    """The share to which at least one of several independent things happens."""
    counted = sorted(share for share in shares if share > 0)
    return counted[0] if len(counted) == 1 else 1 - math.prod(1 - share for share in counted)


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise InvalidFault(f"share: {share} is not above 0 and up to 1")


def _check_slow(extra_ms: float, jitter_ms: float) -> None:
    for field, value in (("extra_ms", extra_ms), ("jitter_ms", jitter_ms)):
        if not 0 <= value <= EXTRA_MS_MAX:
            raise InvalidFault(f"{field}: {value} is not between 0 and {_number(EXTRA_MS_MAX)}")
    if extra_ms == 0 and jitter_ms == 0:
        raise InvalidFault("extra_ms: 0 without jitter_ms changes nothing")


def _words(end: str) -> str:
    if end in _GROUP_WORDS:
        return _GROUP_WORDS[end]
    return f"every zone of {end[:-2]}" if end.endswith("/*") else end


def _slow_words(extra_ms: float, jitter_ms: float) -> str:
    spread = f" (± {_number(jitter_ms)} ms)" if jitter_ms else ""
    return f"{_number(extra_ms)} ms more{spread}"


def _number(value: float) -> str:
    """Return up to three decimals, and none that say nothing."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
