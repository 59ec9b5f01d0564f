"""One for all networks or one for each: endpoints, translators, firewalls, and the way to S3."""

from antipodes.fabric.network.topology import Topology
from antipodes.questions.choosing import (
    Choice,
    Estate,
    Item,
    Option,
    by_gb,
    cheapest,
    estate,
    hourly,
    saved,
)
from antipodes.world.prices import HOURS

GATEWAY = Item("gateway endpoints", 0.0, "nothing by the hour, nothing by the GB")


def _over_hub(of: Estate, gigabytes: float, *, times: int = 1) -> tuple[Item, ...]:
    """What a hub takes to bring all networks' packets to one more network."""
    own = 1 + of.not_attached
    missing = hourly("attachments that are not there", own, "hub-hour")
    return missing, by_gb("over the hub", gigabytes, "hub-gb", times=times)


def choose_s3(topology: Topology, region: str, gb_month: float, outside_gb_month: float) -> Choice:
    """A gateway or an interface endpoint; outside are sites, and whoever is said to be."""
    of = estate(topology, region)
    sites = len(topology.sites)
    outside = sites > 0 or outside_gb_month > 0
    whole = gb_month * of.number
    total = whole + outside_gb_month
    needs_outside = "clients outside of the network do not reach it" if outside else ""
    each = (
        hourly("endpoints, in each zone of each network", of.in_zones, "endpoint-hour"),
        by_gb("through them", total, "endpoint-gb"),
    )
    one = (
        hourly("endpoints, in each zone", of.widest, "endpoint-hour"),
        by_gb("through them", total, "endpoint-gb"),
    )
    mixed = (
        GATEWAY,
        hourly("interface endpoints, in each zone of one network", of.widest, "endpoint-hour"),
        by_gb("through them", outside_gb_month, "endpoint-gb"),
    )
    options = (
        Option("gateway endpoints", (GATEWAY,), ("for hosts of their own network",), needs_outside),
        Option("interface endpoints in each network", each, ("also for whoever can route to one",)),
        Option(
            "interface endpoints in one network",
            (*one, *_over_hub(of, whole)),
            ("names by a private zone that is shared",),
            "" if of.number > 1 else "there is one network only",
        ),
        Option(
            "gateway endpoints inside, interface endpoints for outside",
            mixed,
            ("whoever is outside asks a resolver that answers with the interface endpoints",),
            "" if outside else "nobody is outside: there is no site, and no --outside-gb-month",
        ),
    )
    taken = cheapest(options)
    inside = "hosts of the networks go by gateway endpoints, which cost nothing"
    because = f"{inside}, and clients outside need interfaces" if outside else inside
    words = f"S3 by gateway or interface endpoints, {of}, sites {sites}"
    asked = f"{words}; {gb_month:g} GB a month from each network, {outside_gb_month:g} from outside"
    return Choice(asked, options, taken, because)


def choose_endpoints(topology: Topology, region: str, gb_month: float, services: int) -> Choice:
    """Interface endpoints of so many services in each network, or in one for all."""
    of = estate(topology, region)
    whole = gb_month * of.number
    each = (
        hourly("endpoints, in each zone of each network", services * of.in_zones, "endpoint-hour"),
        by_gb("through them", whole, "endpoint-gb"),
    )
    central = (
        hourly("endpoints, in each zone", services * of.widest, "endpoint-hour"),
        by_gb("through them", whole, "endpoint-gb"),
        *_over_hub(of, whole),
    )
    words = f"endpoints of {services} services, {of}; {gb_month:g} GB a month from each network"
    return _central(
        words,
        of,
        Option("endpoints in each network", each, ("a network's own private names",)),
        Option("endpoints in one network", central, ("a private zone for each name, shared",)),
    )


def choose_nat(topology: Topology, region: str, gb_month: float) -> Choice:
    """Translators in each zone of each network, in one zone of each, or in one network for all."""
    of = estate(topology, region)
    whole = gb_month * of.number
    through = by_gb("through them", whole, "translator-gb")

    def standing(number: int, where: str) -> tuple[Item, ...]:
        return (
            hourly(f"NAT gateways, {where}", number, "translator-hour"),
            hourly("their addresses", number, "address-hour"),
        )

    elsewhere = sum(gb_month * (1 - 1 / len(zones)) for zones in of.zones.values())
    each = (*standing(of.in_zones, "in each zone of each network"), through)
    single = (
        *standing(of.number, "in one zone of each network"),
        through,
        by_gb("between zones", elsewhere, "zone-gb", times=2),
    )
    central = (
        *standing(of.widest, "in each zone of one network"),
        through,
        *_over_hub(of, whole),
    )
    return _central(
        f"NAT, {of}; {gb_month:g} GB a month from each network",
        of,
        Option("in each zone of each network", each, ("no zone needs another",)),
        Option("in one network", central, ("one place to look at what goes out",)),
        Option(
            "in one zone of each network", single, ("out of that zone nobody comes if it fails",)
        ),
    )


def choose_inspection(
    topology: Topology, region: str, gb_month: float, appliance_usd_hour: float
) -> Choice:
    """Firewalls in each network, or in one that all packets between networks go through."""
    of = estate(topology, region)
    whole = gb_month * of.number
    looked_at = by_gb("through them", whole, "firewall-gb")
    each = (
        hourly("firewall endpoints, in each zone of each network", of.in_zones, "firewall-hour"),
        looked_at,
    )
    central = (
        hourly("firewall endpoints, in each zone of one network", of.widest, "firewall-hour"),
        looked_at,
        *_over_hub(of, whole, times=2),
    )
    made_of = f"{of.widest} x {HOURS:g} h x {appliance_usd_hour:g}"
    appliances = Item("appliances", of.widest * HOURS * appliance_usd_hour, made_of)
    unknown = "" if appliance_usd_hour else "say what an appliance costs: --appliance-usd-hour"
    own = (
        appliances,
        hourly("balancer of appliances", of.widest, "inspection-balancer-hour"),
        hourly("endpoints, in each zone of one network", of.widest, "inspection-hour"),
        by_gb("through them", whole, "inspection-gb"),
        *_over_hub(of, whole, times=2),
    )
    twice = "there and on: the hub is paid twice, and the attachment has to be in appliance mode"
    return _central(
        f"inspection, {of}; {gb_month:g} GB a month from each network",
        of,
        Option("firewalls in each network", each, ("policies are kept in many places",)),
        Option("firewalls in one network", central, (twice,)),
        Option("appliances in one network", own, (twice,), unknown),
    )


def _central(question: str, of: Estate, *options: Option) -> Choice:
    """The cheapest, where one network alone has nothing to share."""
    single = "there is one network only"
    shown = tuple(
        one._replace(against=single) if of.number == 1 and "in one network" in one.name else one
        for one in options
    )
    taken = cheapest(shown)
    return Choice(question, shown, taken, saved(taken, shown) if taken else "none is possible")
