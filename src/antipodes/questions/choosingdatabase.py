"""How a client reaches a database in another network: joined, by a hub, by a link, or shared."""

from ipaddress import ip_network
from typing import NamedTuple

from antipodes.fabric.network.topology import FAR_HUB, HOST, NETWORK, Network, Subnet, Topology
from antipodes.questions.choosing import Choice, Item, Option, by_gb, cheapest, hourly, saved
from antipodes.questions.networks import Ends, QuestionError
from antipodes.questions.walking import OneWay
from antipodes.world.prices import transfer_prices


class Wanted(NamedTuple):
    """What is said beside the two ends."""

    gb_month: float = 0.0
    is_one_organization: bool = True
    without_peering: bool = False  # by a policy
    engine: str = "other"  # "ra3" can make endpoints by itself


class Pair(NamedTuple):
    """A client and a database, and where they are."""

    networks: tuple[Network, Network]
    subnets: tuple[Subnet, Subnet]

    @property
    def regions(self) -> tuple[str, str]:
        """Of both."""
        return self.networks[0].region, self.networks[1].region

    @property
    def is_one_region(self) -> bool:
        """Whether they are in one region."""
        return len(dict.fromkeys(self.regions)) == 1

    @property
    def overlap(self) -> bool:
        """Whether their networks have addresses in common."""
        left, right = (list(map(ip_network, one.prefixes)) for one in self.networks)
        return any(a.version == b.version and a.overlaps(b) for a in left for b in right)


def pair(topology: Topology, source: str, target: str) -> Pair:
    """The two ends, which are in two networks. Raises QuestionError."""
    ends = Ends(topology)
    subnets = [_subnet(topology, ends, name) for name in (source, target)]
    networks = [topology.networks[one.network] for one in subnets]
    if networks[0] is networks[1]:
        raise QuestionError(f"{source} and {target} are in one network, {networks[0].id}")
    return Pair((networks[0], networks[1]), (subnets[0], subnets[1]))


def _subnet(topology: Topology, ends: Ends, name: str) -> Subnet:
    found = ends.interface(name)
    if found is None:
        raise QuestionError(f"no interface here is called {name}")
    return topology.subnets[found.subnet]


def choose_database(
    topology: Topology, source: str, target: str, wanted: Wanted, one_way_ms: OneWay
) -> Choice:
    """The four ways, with what each costs and what speaks against it. Raises QuestionError."""
    both = pair(topology, source, target)
    near, far = (one.zone for one in both.subnets)
    away = f"{one_way_ms(near, far):.3g} ms one way, {near} to {far}"
    options = tuple(
        one._replace(reasons=(away, *one.reasons))
        for one in (
            _sharing(both, wanted),
            _peering(both, wanted),
            _hub(topology, both, wanted),
            _link(topology, both, wanted),
        )
    )
    taken = cheapest(options)
    because = saved(taken, options) if taken else "none of them is possible"
    if taken is options[0]:
        because += "; what uses the database has to stand in the shared subnet"
    accounts = [one.owner for one in both.networks]
    words = "one account" if accounts[0] == accounts[1] else f"accounts {' and '.join(accounts)}"
    place = both.regions[0] if both.is_one_region else " and ".join(both.regions)
    asked = f"{source} to {target}: {place}, {words}, {wanted.gb_month:g} GB a month"
    return Choice(asked, options, taken, because)


def _crossing(both: Pair, wanted: Wanted, *, zones: bool = True) -> tuple[Item, ...]:
    """What it costs to come from the one place to the other."""
    source, target = both.regions
    if not both.is_one_region:
        prices = transfer_prices()
        usd = prices.get((source, target), prices.get((source, "region")))
        if usd is None:
            return (Item("between the regions", 0.0, f"no price is known from {source}"),)
        made_of = f"{wanted.gb_month:g} GB x {usd:g}"
        return (Item("between the regions", wanted.gb_month * usd, made_of),)
    near, far = (one.zone for one in both.subnets)
    if near == far or not zones:
        return ()
    return (by_gb("between zones", wanted.gb_month, "zone-gb", times=2),)


def _sharing(both: Pair, wanted: Wanted) -> Option:
    against = ""
    if not both.is_one_region:
        against = "subnets are shared in their own region only"
    elif not wanted.is_one_organization:
        against = "subnets are shared within an organization only"
    reasons = "nothing to be joined, and no hours", "participants do not see each other's resources"
    return Option("a shared subnet", _crossing(both, wanted), reasons, against)


def _peering(both: Pair, wanted: Wanted) -> Option:
    against = ""
    if both.overlap:
        against = "their networks have addresses in common"
    elif wanted.without_peering:
        against = "a policy forbids it"
    reasons = ["routes on both sides, no hours"]
    if both.is_one_region:
        reasons.append("groups may name each other; names need the DNS option on both sides")
    else:
        reasons.append("groups need prefixes between regions; names need the DNS option")
    return Option("peering", _crossing(both, wanted), tuple(reasons), against)


def _hub(topology: Topology, both: Pair, wanted: Wanted) -> Option:
    attached = [
        any(one.kind == NETWORK and one.of == network.id for one in topology.attachments.values())
        for network in both.networks
    ]
    missing = attached.count(False)
    items = [by_gb("over the hub", wanted.gb_month, "hub-gb")]
    if missing:
        items.insert(0, hourly("attachments that are not there", missing, "hub-hour"))
    reasons = ["one place for the routes of many networks; both tables of the hub are needed"]
    if not both.is_one_region:
        if not _are_peered(topology, both.regions):
            items.insert(0, hourly("both ends of the hubs' peering", 2, "hub-hour"))
        reasons.append("routes between hubs are static")
    against = "their networks have addresses in common" if both.overlap else ""
    crossing = _crossing(both, wanted, zones=False)
    return Option("a transit gateway", (*items, *crossing), tuple(reasons), against)


def _link(topology: Topology, both: Pair, wanted: Wanted) -> Option:
    reasons = ["one service only, one way; addresses may overlap"]
    zones = len(_zones(topology, both.networks[0]))
    items: list[Item] = [
        hourly("endpoint, in each of the client's zones", zones, "endpoint-hour"),
        by_gb("through it", wanted.gb_month, "endpoint-gb"),
    ]
    if wanted.engine == "ra3":
        reasons.append("the database makes the endpoint by itself")
    else:
        items.insert(0, hourly("balancer before the database", 1, "balancer-hour"))
        reasons.append("breaks when the database's address moves, until the target is changed")
    crossing = _crossing(both, wanted, zones=False)
    return Option("PrivateLink", (*items, *crossing), tuple(reasons))


def _zones(topology: Topology, network: Network) -> dict[str, None]:
    """The zones where a network has hosts."""
    hosts = (one for one in topology.interfaces.values() if one.kind == HOST)
    inside = (topology.subnets[one.subnet] for one in hosts)
    return dict.fromkeys(one.zone for one in inside if one.network == network.id)


def _are_peered(topology: Topology, regions: tuple[str, str]) -> bool:
    """Whether hubs of two regions are attached to each other."""
    hubs = {name: hub.region for name, hub in topology.hubs.items()}
    far = (one for one in topology.attachments.values() if one.kind == FAR_HUB)
    ends = ((one, topology.attachments.get(one.of)) for one in far)
    return any(
        other is not None and (hubs[one.hub], hubs[other.hub]) == regions for one, other in ends
    )
