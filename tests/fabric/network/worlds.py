"""Small networks, built in a few words."""

from collections.abc import Sequence

import msgspec

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.fabric import ON_THE_INTERNET, Both, Fabric, from_interface, from_site
from antipodes.fabric.network.packets import TCP, Packet

OPEN = "open"  # a group that allows everything, and a filter that does
EVERYWHERE = ("0.0.0.0/0", "::/0")
W = "us-west-2"
ZONES = tuple(f"{W}/usw2-az{number}" for number in (1, 2, 3))


class Builder:
    """Puts things into a topology."""

    def __init__(self) -> None:
        self.networks: dict[str, model.Network] = {}
        self.subnets: dict[str, model.Subnet] = {}
        self.interfaces: dict[str, model.Interface] = {}
        self.tables: dict[str, model.Table] = {}
        self.gateways: dict[str, model.Gateway] = {}
        self.translators: dict[str, model.Translator] = {}
        self.peerings: dict[str, model.Peering] = {}
        self.services: dict[str, model.Service] = {}
        self.inspections: dict[str, model.Inspection] = {}
        self.firewalls: dict[str, model.Firewall] = {}
        self.doors: dict[str, model.Door] = {}
        self.relays: dict[str, model.Relay] = {}
        self.hubs: dict[str, model.Hub] = {}
        self.hub_tables: dict[str, model.HubTable] = {}
        self.attachments: dict[str, model.Attachment] = {}
        self.sites: dict[str, model.Site] = {}
        self.lines: dict[str, model.Line] = {}
        self.private_gateways: dict[str, model.PrivateGateway] = {}
        every = [
            model.FilterEntry(str(number), prefix, allows=True)
            for number, prefix in enumerate(EVERYWHERE)
        ]
        self.filters = {OPEN: model.Filter(OPEN, tuple(every), tuple(every))}
        rule = model.GroupRule("everything", EVERYWHERE)
        self.groups = {OPEN: model.Group(OPEN, "", (rule,), (rule,))}

    def network(self, name: str, *prefixes: str, region: str = W) -> str:
        self.networks[name] = model.Network(name, region, prefixes, f"{name} main")
        self.table(f"{name} main", name)
        self.groups[f"{name} open"] = msgspec.structs.replace(
            self.groups[OPEN], id=f"{name} open", network=name
        )
        return name

    def subnet(
        self, name: str, network: str, *prefixes: str, table: str = "", zone: str = ZONES[0]
    ) -> str:
        self.subnets[name] = model.Subnet(name, network, zone, prefixes, OPEN, table)
        return name

    def host(  # noqa: PLR0913 - all that an interface can be
        self,
        name: str,
        subnet: str,
        *addresses: str,
        groups: Sequence[str] | None = (OPEN,),
        public: str = "",
        kind: str = model.HOST,
        checks: bool = True,
        of: str = "",
    ) -> str:
        self.interfaces[name] = model.Interface(
            name,
            subnet,
            addresses,
            {addresses[0]: public} if public else {},
            tuple(groups) if groups is not None else None,
            checks,
            kind,
            of,
        )
        return name

    def appliance(self, name: str, subnet: str, address: str, *, checks: bool = False) -> str:
        return self.host(name, subnet, address, kind=model.FORWARDER, checks=checks)

    def translator(self, name: str, subnet: str, address: str, public: str) -> str:
        interface = self.host(
            f"{name} interface",
            subnet,
            address,
            groups=None,
            public=public,
            kind=model.TRANSLATOR,
            checks=False,
            of=name,
        )
        self.translators[name] = model.Translator(name, interface)
        return name

    def relay(
        self,
        name: str,
        subnet: str,
        address: str,
        *ports: model.RelayPort,
        groups: Sequence[str] | None = None,
    ) -> str:
        """A relay, by its interface's name."""
        self.host(name, subnet, address, groups=groups, kind=model.RELAY, checks=False)
        self.relays[name] = model.Relay(name, f"{name} balancer", ports)
        return name

    def door(self, name: str, subnet: str, address: str, relay: str = "") -> str:
        self.host(name, subnet, address, kind=model.DOOR)
        self.doors[name] = model.Door(name, relay)
        return name

    def gateway(self, name: str, network: str, table: str = "") -> str:
        self.gateways[name] = model.Gateway(name, network, table)
        return name

    def egress_only(self, name: str, network: str) -> str:
        self.gateways[name] = model.Gateway(name, network, egress_only=True)
        return name

    def stop(self, interface: str) -> None:
        self.interfaces[interface] = msgspec.structs.replace(self.interfaces[interface], up=False)

    def peering(self, name: str, left: str, right: str, *, active: bool = True) -> str:
        self.peerings[name] = model.Peering(name, (left, right), active)
        return name

    def hub(self, name: str, region: str = W, *, references: bool = False) -> str:
        self.hubs[name] = model.Hub(name, region, references)
        return name

    def attach(
        self, hub: str, network: str, table: str, *subnets: str, sticky: bool = False
    ) -> str:
        name = f"{hub} {network}"
        addresses = [self.subnets[subnet].prefixes[0].rpartition(".")[0] for subnet in subnets]
        interfaces = [
            self.host(
                f"{name} {subnet}",
                subnet,
                f"{address}.4",
                groups=None,
                kind=model.CARRIER,
                checks=False,
            )
            for subnet, address in zip(subnets, addresses, strict=True)
        ]
        self.attachments[name] = model.Attachment(
            name, hub, model.NETWORK, network, tuple(interfaces), table, sticky
        )
        return name

    def join(self, left: str, right: str, left_table: str, right_table: str) -> tuple[str, str]:
        """Attach two hubs to each other."""
        names = f"{left} to {right}", f"{right} to {left}"
        for name, other, hub, table in zip(
            names, names[::-1], (left, right), (left_table, right_table), strict=True
        ):
            self.attachments[name] = model.Attachment(name, hub, model.FAR_HUB, other, (), table)
        return names

    def hub_table(self, name: str, hub: str, **routes: str) -> str:
        """A table of a hub; `routes` are attachments by prefix, written 10_0_0_0__16."""
        found = []
        for text, attachment in routes.items():
            prefix = text.lstrip("p").replace("__", "/").replace("_", ".")
            found.append(model.HubRoute(prefix, (prefix,), (attachment,)))
        self.hub_tables[name] = model.HubTable(name, hub, tuple(found))
        return name

    def table(self, name: str, network: str, *routes: model.Route) -> str:
        local = model.Route("local", self.networks[network].prefixes, model.Ref(model.LOCAL))
        self.tables[name] = model.Table(name, (local, *routes))
        return name

    def filter(
        self,
        name: str,
        inbound: Sequence[model.FilterEntry],
        outbound: Sequence[model.FilterEntry],
        *subnets: str,
    ) -> None:
        self.filters[name] = model.Filter(name, tuple(inbound), tuple(outbound))
        for subnet in subnets:
            self.subnets[subnet] = msgspec.structs.replace(self.subnets[subnet], filter=name)

    def group(
        self,
        name: str,
        network: str,
        inbound: Sequence[model.GroupRule] = (),
        outbound: Sequence[model.GroupRule] | None = None,
    ) -> str:
        if outbound is None:
            outbound = self.groups[OPEN].outbound
        self.groups[name] = model.Group(name, network, tuple(inbound), tuple(outbound))
        return name

    def topology(self) -> model.Topology:
        return model.Topology(
            networks=self.networks,
            subnets=self.subnets,
            interfaces=self.interfaces,
            tables=self.tables,
            filters=self.filters,
            groups=self.groups,
            gateways=self.gateways,
            translators=self.translators,
            peerings=self.peerings,
            services=self.services,
            inspections=self.inspections,
            firewalls=self.firewalls,
            doors=self.doors,
            relays=self.relays,
            hubs=self.hubs,
            hub_tables=self.hub_tables,
            attachments=self.attachments,
            sites=self.sites,
            lines=self.lines,
            private_gateways=self.private_gateways,
        )

    def send(  # noqa: PLR0913 - a packet, spelled out
        self,
        interface: str,
        target: str,
        port: int = 443,
        *,
        source: str = "",
        protocol: int = TCP,
        from_port: int = 40000,
    ) -> Both:
        """Send from an interface, a site, or from the internet if it is none."""
        start = ON_THE_INTERNET
        if interface in self.sites:
            start = from_site(interface)
        elif interface:
            start = from_interface(interface)
            own = self.interfaces[interface].addresses
            source = source or next(one for one in own if (":" in one) == (":" in target))
        packet = Packet.of(source, target, protocol, port, port=from_port)
        return Fabric(self.topology(), packet.version).walk(start, packet)


def route(prefix: str, kind: str, to: str = "", **more: object) -> model.Route:
    """A route to one prefix."""
    made = model.Route(prefix, (prefix,), model.Ref(kind, to))
    return msgspec.structs.replace(made, **more)


def told(both: Both) -> tuple[str, str]:
    """How a packet and its answer ended."""
    there, back = both
    return there.end.outcome, back.end.outcome if back is not None else ""


def kinds(both: Both) -> list[str]:
    """What a packet passed, by kind and id."""
    return [f"{step.hop.kind} {step.hop.id}" for step in both.there.steps]
