"""Ways to do one thing, side by side: whether each is possible here, what it costs, and why.

Sums are of a month of 730 hours; every line of a sum is shown with what it is made of. Prices are
dated (world/prices.py). What costs the same by every way is left out, and so are free tiers and
what gets cheaper with the terabytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from antipodes.fabric.network.topology import HOST, NETWORK, Topology
from antipodes.questions.networks import QuestionError
from antipodes.world.prices import HOURS, network_prices


class Item(NamedTuple):
    """A line of a sum."""

    what: str
    usd: float
    made_of: str


class Option(NamedTuple):
    """One way to do it; it is possible where nothing is `against` it."""

    name: str
    items: tuple[Item, ...]
    reasons: tuple[str, ...] = ()
    against: str = ""

    @property
    def usd(self) -> float:
        """What it costs a month."""
        return sum(item.usd for item in self.items)


class Choice(NamedTuple):
    """All ways, and the one to take with the reason; None if none is possible."""

    question: str
    options: tuple[Option, ...]
    taken: Option | None
    because: str


def hourly(what: str, number: int, price: str) -> Item:
    """So many of what costs by the hour."""
    usd = network_prices()[price].usd
    return Item(what, number * HOURS * usd, f"{number} x {HOURS:g} h x {usd:g}")


def by_gb(what: str, gigabytes: float, price: str, *, times: int = 1) -> Item:
    """So much that passes what costs by the GB, once or more often."""
    usd = network_prices()[price].usd
    made_of = f"{gigabytes:g} GB x {usd:g}" + (f" x {times}" if times > 1 else "")
    return Item(what, gigabytes * usd * times, made_of)


def cheapest(options: Iterable[Option]) -> Option | None:
    """The first of those that are possible and cost least."""
    possible = [one for one in options if not one.against]
    return min(possible, key=lambda one: round(one.usd, 6)) if possible else None


# What is there.


class Estate(NamedTuple):
    """The networks of one region that have hosts, each with the zones of these."""

    region: str
    zones: dict[str, tuple[str, ...]]
    hub: str  # that most of them are attached to
    attached: tuple[str, ...]

    @property
    def number(self) -> int:
        """How many networks."""
        return len(self.zones)

    @property
    def in_zones(self) -> int:
        """How many zones, network by network."""
        return sum(map(len, self.zones.values()))

    @property
    def widest(self) -> int:
        """In how many zones something central would stand."""
        return len(dict.fromkeys(zone for zones in self.zones.values() for zone in zones))

    @property
    def not_attached(self) -> int:
        """How many attachments a hub for all of them would need that are not there."""
        return sum(one not in self.attached for one in self.zones)

    def __str__(self) -> str:
        """In words."""
        hub = f", {len(self.attached)} of them on {self.hub}" if self.hub else ""
        return f"{self.region}: networks {self.number}, zones {self.in_zones} in all{hub}"


def estate(topology: Topology, region: str = "") -> Estate:
    """The networks of a region, or of the one with most of them. Raises QuestionError."""
    zones: dict[str, dict[str, dict[str, None]]] = {}
    for one in topology.interfaces.values():
        if one.kind == HOST and not one.of.startswith("vpce-"):
            subnet = topology.subnets[one.subnet]
            there = topology.networks[subnet.network].region
            zones.setdefault(there, {}).setdefault(subnet.network, {})[subnet.zone] = None
    if not zones or (region and region not in zones):
        raise QuestionError(f"there are no hosts in {region or 'any network'}")
    chosen = region or min(zones, key=lambda name: (-len(zones[name]), name))
    found = {name: tuple(sorted(own)) for name, own in zones[chosen].items()}
    hubs: dict[str, list[str]] = {}
    for attachment in topology.attachments.values():
        if attachment.kind == NETWORK and attachment.of in found:
            hubs.setdefault(attachment.hub, []).append(attachment.of)
    hub = min(hubs, key=lambda name: (-len(hubs[name]), name)) if hubs else ""
    return Estate(chosen, found, hub, tuple(dict.fromkeys(hubs.get(hub, ()))))


# As people read it.


def lines(choice: Choice) -> Iterator[str]:
    """What is printed of a choice."""
    yield choice.question
    for option in choice.options:
        mark = "  <- this one" if option is choice.taken else ""
        price = "not possible" if option.against else f"{option.usd:.2f} USD a month"
        yield ""
        yield f"{option.name}: {price}{mark}"
        if option.against:
            yield f"    {option.against}"
            continue
        for item in option.items:
            yield f"    {item.what:44} {item.usd:10.2f}   {item.made_of}"
        for reason in option.reasons:
            yield f"    {reason}"
    yield ""
    yield f"{choice.taken.name}: {choice.because}" if choice.taken else choice.because


def record(choice: Choice) -> dict[str, Any]:
    """A choice as plain data."""
    return {
        "question": choice.question,
        "options": [
            {
                "name": one.name,
                "possible": not one.against,
                "against": one.against or None,
                "usd_a_month": None if one.against else round(one.usd, 2),
                "items": [item._asdict() for item in one.items],
                "reasons": list(one.reasons),
            }
            for one in choice.options
        ],
        "taken": choice.taken.name if choice.taken else None,
        "because": choice.because,
    }


def saved(taken: Option, options: Sequence[Option]) -> str:
    """Why the cheapest is taken."""
    others = [one for one in options if one is not taken and not one.against]
    if not others:
        return "nothing else is possible"
    second = min(others, key=lambda one: one.usd)
    less = f"{second.usd - taken.usd:.2f}"
    if less == "0.00":
        return f"it costs no more than {second.name}"
    return f"{less} USD a month less than {second.name}"
