"""What an account has in a region: tables of typed records, their ids, and their tags.

The default network of an account is there from its first call on: what it is made of follows from
account and region, ids included, so it is the same in every run.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from antipodes.regional.ec2 import (
    kinds,
    model,
    modelhubs,
    modelinsights,
    modellinks,
    modelpeers,
    modelvpn,
)
from antipodes.regional.ec2.sharednetworks import SharedNetworks
from antipodes.regional.ec2.table import R, Table
from antipodes.service.contract import Host, ServiceError
from antipodes.service.lines import Lines
from antipodes.service.records import Records


class Tags(msgspec.Struct, frozen=True):
    """The tags of one resource."""

    pairs: tuple[tuple[str, str], ...] = ()


class Estate:
    """Everything that accounts have in one region."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.vpcs = Table(host, kinds.VPC, model.Vpc)
        self.subnets = Table(host, kinds.SUBNET, model.Subnet)
        self.tables = Table(host, kinds.ROUTE_TABLE, model.RouteTable)
        self.acls = Table(host, kinds.NETWORK_ACL, model.NetworkAcl)
        self.groups = Table(host, kinds.SECURITY_GROUP, model.SecurityGroup)
        self.gateways = Table(host, kinds.INTERNET_GATEWAY, model.InternetGateway)
        self.egress_gateways = Table(host, kinds.EGRESS_GATEWAY, model.EgressGateway)
        self.options = Table(host, kinds.DHCP_OPTIONS, model.DhcpOptions)
        self.addresses = Table(host, kinds.ELASTIC_IP, model.Elastic)
        self.interfaces = Table(host, kinds.INTERFACE, model.Interface)
        self.hubs = Table(host, kinds.HUB, modelhubs.Hub)
        self.attachments = Table(host, kinds.HUB_ATTACHMENT, modelhubs.HubAttachment)
        self.hub_tables = Table(host, kinds.HUB_TABLE, modelhubs.HubTable)
        self.hub_peerings = Table(host, kinds.HUB_PEERING, modelhubs.HubPeering)
        self.ended_hubs = Table(host, kinds.HUB.ended, modelhubs.Hub)
        self.ended_attachments = Table(host, kinds.HUB_ATTACHMENT.ended, modelhubs.HubAttachment)
        self.ended_hub_tables = Table(host, kinds.HUB_TABLE.ended, modelhubs.HubTable)
        self.connect_peers = Table(host, kinds.CONNECT_PEER, modelhubs.ConnectPeer)
        self.ended_connect_peers = Table(host, kinds.CONNECT_PEER.ended, modelhubs.ConnectPeer)
        self.instances = Table(host, kinds.INSTANCE, model.Instance)
        self.nats = Table(host, kinds.NAT_GATEWAY, model.NatGateway)
        self.lists = Table(host, kinds.PREFIX_LIST, model.PrefixList)
        self.list_versions = Records(host.store, "ec2/prefix-list-version", model.PrefixVersion)
        self.peerings = Table(host, kinds.PEERING, modelpeers.Peering)
        self.endpoints = Table(host, kinds.ENDPOINT, modelpeers.Endpoint)
        self.links = Table(host, kinds.ENDPOINT_SERVICE, modellinks.LinkService)
        self.paths = Table(host, kinds.INSIGHTS_PATH, modelinsights.InsightsPath)
        self.analyses = Table(host, kinds.INSIGHTS_ANALYSIS, modelinsights.InsightsAnalysis)
        self.scopes = Table(host, kinds.ACCESS_SCOPE, modelinsights.AccessScope)
        self.scope_analyses = Table(host, kinds.ACCESS_ANALYSIS, modelinsights.AccessAnalysis)
        self.findings = Records(host.store, "ec2/access-finding", modelinsights.AccessFinding)
        self.customers = Table(host, kinds.CUSTOMER_GATEWAY, modelvpn.CustomerGateway)
        self.ended_customers = Table(host, kinds.CUSTOMER_GATEWAY.ended, modelvpn.CustomerGateway)
        self.vpn_gateways = Table(host, kinds.VPN_GATEWAY, modelvpn.VpnGateway)
        self.ended_vpn_gateways = Table(host, kinds.VPN_GATEWAY.ended, modelvpn.VpnGateway)
        self.vpns = Table(host, kinds.VPN_CONNECTION, modelvpn.VpnConnection)
        self.ended_vpns = Table(host, kinds.VPN_CONNECTION.ended, modelvpn.VpnConnection)
        self.lines = Lines(host.store)
        self.shared = SharedNetworks(host.store, self.vpcs, self.subnets)
        self._share()
        self._tags = Records(host.store, "ec2/tags", Tags)
        self._chance = host.runtime.chance("ec2/ids")
        self.on_tags: Callable[[str, str], None] = lambda *_: None  # told of whose have changed

    def _share(self) -> None:
        """Let accounts see what of others' they may."""
        own: Table[Any]
        for own in (self.vpcs, self.subnets, self.hubs, self.lists):
            own.let(partial(self.shared.given, own.kind))
        for own in (self.tables, self.acls, self.gateways):
            own.let(partial(self.shared.beside, own))
        for own in (self.interfaces, self.groups):
            own.let(partial(self.shared.of_guests, own))

    def _taggable(self) -> tuple[Table[Any], ...]:
        """The tables of what can have tags."""
        return (
            self.vpcs,
            self.subnets,
            self.tables,
            self.acls,
            self.groups,
            self.gateways,
            self.egress_gateways,
            self.options,
            self.addresses,
            self.interfaces,
            self.hubs,
            self.attachments,
            self.connect_peers,
            self.hub_tables,
            self.instances,
            self.nats,
            self.lists,
            self.peerings,
            self.endpoints,
            self.links,
            self.paths,
            self.analyses,
            self.scopes,
            self.scope_analyses,
            self.customers,
            self.vpn_gateways,
            self.vpns,
        )

    def new_id(self, prefix: str) -> str:
        """An id, of what has no table of its own, that nothing has had."""
        return f"{prefix}-{self._chance.getrandbits(68):017x}"

    def remove(self, table: Table[R], account: str, name: str) -> None:
        """Forget a resource, and its tags."""
        table.delete(account, name)
        self._tags.delete(account, name)
        self.on_tags(account, name)

    def check(self, account: str, name: str) -> None:
        """Refuse an id that names nothing that can have tags."""
        if name.startswith(f"{kinds.SECURITY_GROUP_RULE.prefix}-"):
            self.rule(account, name)
            return
        for table in self._taggable():
            if name.rpartition("-")[0] == table.kind.prefix:
                table.get(account, name)
                return
        raise ServiceError("InvalidID", f"The ID '{name}' is not valid")

    def rule(self, account: str, name: str) -> tuple[model.SecurityGroup, model.GroupRule]:
        """A rule of a security group, by its id, and that group."""
        for group in self.groups.list(account):
            for rule in group.rules:
                if rule.id == name:
                    return group, rule
        kind = kinds.SECURITY_GROUP_RULE
        raise ServiceError(kind.unknown, f"The {kind.noun} '{name}' does not exist")

    def all_tags(self, account: str) -> list[tuple[str, dict[str, str]]]:
        """The tags of all that has some, by id."""
        return [(name, dict(tags.pairs)) for name, tags in self._tags.named(account)]

    def accounts(self) -> list[str]:
        """All accounts that have a network here, or something in another's."""
        owners = (vpc.account for vpc in self.vpcs.all())
        return list(dict.fromkeys((*owners, *self.shared.all_guests())))

    def tags(self, account: str, name: str) -> dict[str, str]:
        """The tags of a resource."""
        found = self._tags.get(account, name)
        return dict(found.pairs) if found is not None else {}

    def tag(self, account: str, name: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a resource."""
        if tags:
            self._tags.put(account, name, Tags(tuple(sorted(tags.items()))))
        else:
            self._tags.delete(account, name)
        self.on_tags(account, name)
