"""One packet's way and its answer's, as a person reads them."""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, NamedTuple

from antipodes.fabric.network import packets
from antipodes.fabric.network.fabric import Both, Fabric
from antipodes.fabric.network.measures import measured
from antipodes.fabric.network.topology import Topology
from antipodes.fabric.network.walking import Step, Walk
from antipodes.questions.networks import Ends, is_address
from antipodes.world.world import World

PROTOCOLS = {"tcp": packets.TCP, "udp": packets.UDP, "icmp": packets.ICMP}
EPHEMERAL_PORT = 49152
_PING = {4: 8 << 8, 6: 128 << 8}
OneWay = Callable[[str, str], float]


class Asked(NamedTuple):
    """A packet that somebody asks after."""

    source: str
    target: str
    protocol: str = "tcp"
    port: int = 443
    from_port: int = EPHEMERAL_PORT
    ipv6: bool = False  # where no end is called by an address


def walked(topology: Topology, asked: Asked) -> Both:
    """Follow the packet. Raises QuestionError."""
    ends = Ends(topology)
    target = ends.target(asked.target, asked.source, _version(asked))
    version = ip_address(target).version
    start, source = ends.source(asked.source, version)
    protocol = PROTOCOLS[asked.protocol]
    if protocol == packets.ICMP:
        protocol = packets.ICMP if version == 4 else packets.ICMPV6  # noqa: PLR2004 - IPv4
        packet = packets.Packet.of(source, target, protocol, _PING[version])
    else:
        packet = packets.Packet.of(source, target, protocol, asked.port, port=asked.from_port)
    return Fabric(topology, version).walk(start, packet)


def _version(asked: Asked) -> int:
    """The family of the packet: that of an address, if one is named."""
    for name in (asked.target, asked.source):
        if is_address(name):
            return ip_address(name).version
    return 6 if asked.ipv6 else 4


def as_record(
    both: Both, one_way_ms: OneWay, names: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Both ways as plain data; `reached` is whether an answer came back."""
    back = both.back
    return {
        "reached": both.there.passed and back is not None and back.passed,
        "forward": _way(both.there, one_way_ms, names),
        "return": None if back is None else _way(back, one_way_ms, names),
    }


def _way(walk: Walk, one_way_ms: OneWay, names: Mapping[str, str]) -> dict[str, Any]:
    measures = measured(walk.steps, one_way_ms)
    return {
        "outcome": walk.end.outcome,
        "hops": [_step(step, names) for step in walk.steps],
        "latency_ms": round(measures.latency_ms, 3),
        "mtu": measures.mtu,
        "gbps": measures.gbps,
        "charges": list(measures.charges),
    }


def _step(step: Step, names: Mapping[str, str]) -> dict[str, Any]:
    rule = step.rule
    return {
        "kind": step.hop.kind,
        "id": step.hop.id,
        "name": names.get(step.hop.id),
        "place": step.hop.place,
        "rule": None if rule is None else rule.name,
        "packet": str(step.packet),
    }


def way_between(world: World) -> OneWay:
    """The world's latency in one direction, when nothing is broken."""
    return lambda source, target: world.rtt_ms(source, target) / 2


def lines(record: dict[str, Any]) -> Iterator[str]:
    """What is printed of a walk."""
    for name, title in (("forward", "there"), ("return", "back")):
        way = record[name]
        if way is None:
            continue
        last = ""
        for hop in way["hops"]:
            rule = f"  by {hop['rule']}" if hop["rule"] else ""
            changed = f"  {hop['packet']}" if hop["packet"] != last else ""
            last = hop["packet"]
            called = hop["id"] + (f" ({hop['name']})" if hop["name"] else "")
            yield f"{title:5}  {hop['kind']:15} {called:24}{rule}{changed}".rstrip()
        yield (
            f"{title:5}  {way['outcome']}: {way['latency_ms']:g} ms, MTU {way['mtu']}"
            + (f", {way['gbps']:g} Gbps" if way["gbps"] else "")
            + (f", charged: {', '.join(way['charges'])}" if way["charges"] else "")
        )
    yield "reached, and answered" if record["reached"] else "not reached"
