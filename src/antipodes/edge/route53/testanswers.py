"""What a zone would answer, from the control plane's own copy. Imported when first asked for.

The same planning as at the edge, with every health check taken for healthy, since health is known
there and not here. An alias for what another service has is told by that one's name.
"""

from antipodes.edge.route53.answers import Planner, Target
from antipodes.edge.route53.clients import Clients
from antipodes.edge.route53.model import CidrCollection, HostedZone
from antipodes.edge.route53.records import invalid_input
from antipodes.edge.route53.service import Route53
from antipodes.edge.route53.zones import Zones
from antipodes.fabric.dns.edns import Subnet
from antipodes.fabric.dns.message import (
    NOERROR,
    NXDOMAIN,
    SERVFAIL,
    Malformed,
    encode_query,
    parse_answer,
    parse_query,
)
from antipodes.fabric.dns.names import to_text, to_wire
from antipodes.fabric.dns.precompiled import answered
from antipodes.fabric.dns.rdata import RTYPES, rdata_text, rtype_text
from antipodes.service.contract import Request
from antipodes.service.numbers import whole_number
from antipodes.world import addresses

HOME_RESOLVER = "us-east-1"  # where the resolver is that is meant if none is named
MASKS = {False: (24, 32), True: (64, 128)}  # of IPv4 and IPv6: by default, and at most
_RCODES = {NOERROR: "NOERROR", NXDOMAIN: "NXDOMAIN", SERVFAIL: "SERVFAIL"}


class _View:
    """What the control plane knows, as an edge location would know it."""

    def __init__(self, service: Route53, zone: HostedZone, clients: Clients) -> None:
        self._service = service
        self._account = zone.account
        self._clients = clients
        self.version = 1
        self.targets: dict[bytes, str] = {}  # what stands for an address of another service

    def is_healthy(self, _: str) -> bool:
        return True

    def target(self, zone_id: str, name: bytes, rtype: int) -> Target:
        self.targets[name] = to_text(name)
        return Target((name,), 60, healthy=True)

    def collection(self, collection_id: str) -> CidrCollection | None:
        return self._service.collections.get(self._account, collection_id)

    def rtt_ms(self, place: str, region: str) -> float:
        return self._clients.rtt_ms(place, region)


def _subnet(request: Request) -> Subnet | None:
    """The client subnet of a request. Raises InvalidInput."""
    ip, mask = request.get("EDNS0ClientSubnetIP"), request.get("EDNS0ClientSubnetMask")
    if not ip:
        if mask:
            raise invalid_input("EDNS0ClientSubnetMask needs an EDNS0ClientSubnetIP")
        return None
    usual, most = MASKS[":" in ip]
    if mask and not 0 <= whole_number(mask) <= most:
        raise invalid_input(f"EDNS0ClientSubnetMask must be from 0 to {most}")
    try:
        return Subnet.of(ip, int(mask) if mask else usual)
    except ValueError as error:
        raise invalid_input(f"{ip} is not an address") from error


def answer(
    service: Route53, hosted: HostedZone, name: str, request: Request
) -> tuple[str, list[str]]:
    """The response code, and the data of the answer section. Raises InvalidInput."""
    clients = Clients(service.host.world)
    ip = request.get("ResolverIP") or ""
    place = addresses.place_of(ip) or HOME_RESOLVER
    edge = service.host.world.anycast_edge(place)
    client = clients.find(edge, place, ip, _subnet(request))
    zones = Zones()
    zones.advance()
    zones.put_zone(hosted)
    zones.change(hosted.id, service.records.all(hosted.id), ())
    zone = zones.get(hosted.id)
    assert zone is not None, "the zone was just put there"
    view = _View(service, hosted, clients)
    wire, rtype = to_wire(name), RTYPES[request["RecordType"]]
    match = zone.match(wire, rtype, view.version)
    if match.delegated:  # others answer, and a referral has no answer section
        return _RCODES[NOERROR], []
    plan = Planner(zone, view, client).plan(match, wire, rtype)
    query = parse_query(encode_query(0, wire, rtype), tcp=True)
    assert not isinstance(query, Malformed), "the question was made here"
    found = parse_answer(answered(query, plan.draw(service.chance.random)))
    data = [
        view.targets.get(record.rdata) or rdata_text(rtype_text(record.rtype), record.rdata)
        for record in found.answers
    ]
    return _RCODES[found.rcode], data
