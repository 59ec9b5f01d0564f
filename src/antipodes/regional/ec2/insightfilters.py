"""Reachability Analyzer, asked for some ways only: by what is passed, and by headers.

A filter at the source narrows what is sent; one at the destination, what may arrive. Of the ways
that pass what they have to, the shortest that a packet takes is shown. Where there are ways, but
none such, the filters that stand against it are told.

Sources: Reachability Analyzer guide, "How Reachability Analyzer works", "Explanation codes".
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import NamedTuple

import msgspec

from antipodes.fabric.network import spaces
from antipodes.fabric.network import topology as told
from antipodes.fabric.network.accessing import Condition, Start, Way, as_begun
from antipodes.fabric.network.accessing import found as ways_between
from antipodes.fabric.network.fabric import Fabric
from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.spaces import Space
from antipodes.fabric.network.walking import Walk
from antipodes.regional.ec2 import insights
from antipodes.regional.ec2.insights import Ends, Thing
from antipodes.regional.ec2.modelinsights import HeaderFilter, InsightsPath

TRIED_MAX = 256  # packets of a way, where a hash decides who takes it
_CODES = {
    "source": "FILTER_AT_DESTINATION_SOURCE_ADDRESS",
    "source_ports": "FILTER_AT_DESTINATION_SOURCE_PORT_RANGE",
    "destination": "FILTER_AT_DESTINATION_DESTINATION_ADDRESS",
    "destination_ports": "FILTER_AT_DESTINATION_DESTINATION_PORT_RANGE",
}


class Passing(NamedTuple):
    """What ways have to pass, and what they must not, by ids with the ARNs that say them."""

    through: dict[str, str]
    around: dict[str, str]

    def suits(self, passed: AbstractSet[str]) -> bool:
        """Whether a way that passes some things is such a one."""
        return self.through.keys() <= passed and not self.around.keys() & passed


def analysed(topology: told.Topology, path: InsightsPath, passing: Passing) -> Thing:
    """The answer to a question, as a description shows it."""
    plain = insights.analysed(topology, path)
    if not plain["NetworkPathFound"] or not (any(passing) or _says(path.at_destination)):
        return plain
    ends = insights.ends_of(topology, path)
    assert ends is not None, "a path was found"
    asked = _Asked(topology, ends)
    witness = asked.first(passing, path.at_destination)
    if witness is not None:
        return insights.found(topology, asked.fabric, ends, witness)
    return {
        "NetworkPathFound": False,
        "ForwardPathComponents": plain["ForwardPathComponents"],
        "Explanations": asked.explained(passing, path.at_destination),
    }


def _says(header: HeaderFilter) -> bool:
    return header != HeaderFilter()


class _Asked:
    """The ways of a question, the shortest first."""

    def __init__(self, topology: told.Topology, ends: Ends) -> None:
        self._topology = topology
        self._ends = ends
        self.fabric = Fabric(topology)
        to = None if not ends.target else frozenset({ends.target})
        starts = [Start(ends.source, ends.start, spaces.space_of(box), None) for box in ends.boxes]
        ways = ways_between(self.fabric, starts, [Condition(ends=to)])
        self._ways = sorted(ways, key=lambda way: len(way.passed))

    def first(self, passing: Passing, header: HeaderFilter) -> Packet | None:
        """A packet that arrives with such a header, by such a way."""
        space = _space(header)
        for way in self._ways:
            for packet in islice(_witnesses(way, space), TRIED_MAX):
                there = self.fabric.walk(self._ends.start, packet).there
                hops = {step.hop.id for step in there.steps}
                if (
                    insights.comes_to(self._topology, there.end, hops, self._ends)
                    and spaces.has(space, self._arrived(there))
                    and passing.suits(self._passed(there))
                ):
                    return packet
        return None

    def _arrived(self, walk: Walk) -> Packet:
        """A packet as it was at its end, or at the door that was asked for."""
        at_door = [step.packet for step in walk.steps if step.hop.id in self._topology.doors]
        return at_door[-1] if at_door and self._ends.target in self._topology.doors else walk.packet

    def _passed(self, walk: Walk) -> set[str]:
        """What a packet has passed, by ids as AWS has them, hubs among them."""
        hops = [step.hop.id for step in walk.steps]
        attached = [self._topology.attachments.get(name) for name in hops]
        hubs = [one.hub for one in attached if one is not None]
        balancers = [one for name in hops for one in self._behind(name)]
        return {*map(insights.id_shown, hops), *hubs, *balancers}

    def _behind(self, name: str) -> Sequence[str]:
        """The load balancer that an interface is a part of, by its ARN."""
        interface = self._topology.interfaces.get(name)
        return [interface.of] if interface is not None and interface.of.startswith("arn:") else []

    def explained(self, passing: Passing, header: HeaderFilter) -> list[Thing]:
        """The filters that stand against all ways; each on its own, if one does so alone."""
        nothing = Passing({}, {})
        if self.first(passing, HeaderFilter()) is None:
            alone = [
                *((arn, Passing({name: arn}, {})) for name, arn in passing.through.items()),
                *((arn, Passing({}, {name: arn})) for name, arn in passing.around.items()),
            ]
            bad = [arn for arn, one in alone if self.first(one, HeaderFilter()) is None]
            return [
                {
                    "ExplanationCode": "COMPONENT_FILTER_RESTRICTION",
                    "Component": {"Id": _name_of(arn), "Arn": arn},
                }
                for arn in bad or [arn for arn, _ in alone]
            ]
        said = [field for field in _CODES if getattr(header, field)]
        bad = [field for field in said if self.first(nothing, _only(header, field)) is None]
        return [{"ExplanationCode": _CODES[field]} for field in bad or said]


def _only(header: HeaderFilter, field: str) -> HeaderFilter:
    return msgspec.structs.replace(HeaderFilter(), **{field: getattr(header, field)})


def _name_of(arn: str) -> str:
    return arn.rpartition("/")[2]


def _space(header: HeaderFilter) -> Space:
    """The packets that a filter fits."""
    found = spaces.space_of(spaces.everything(4))
    for field, address in ((spaces.SOURCE, header.source), (spaces.TARGET, header.destination)):
        if address:
            _, both = spaces.prefix(address)
            found = spaces.with_values(found, field, (both,))
    for field, ports in (
        (spaces.SOURCE_PORT, header.source_ports),
        (spaces.TARGET_PORT, header.destination_ports),
    ):
        if ports is not None:
            found = spaces.with_values(found, field, (ports,))
    return found


def _witnesses(way: Way, header: Space) -> Iterator[Packet]:
    """Packets of a way that arrive with a header, from one port after the other."""
    began = as_begun(header, way.passed[-1].left)
    if began is None:
        return
    for packets in way.packets:
        both = spaces.shared(packets, began)
        if both is not None:
            fields = [values[0][0] for values in both]
            for port in _numbers(both[spaces.SOURCE_PORT]):
                fields[spaces.SOURCE_PORT] = port
                yield Packet(4, *fields)


def _numbers(values: Iterable[tuple[int, int]]) -> Iterator[int]:
    return (number for low, high in values for number in range(low, high + 1))
