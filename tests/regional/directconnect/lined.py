"""A region with Direct Connect, a VPC with an instance, and what leads to it."""

from collections.abc import Iterator
from typing import Any

from antipodes.regional.directconnect.api import DirectConnect
from tests.regional.ec2.networks import Networks
from tests.regional.elbv2.hosts import Region

OFFICE, ASN = "10.20.0.0/16", 65010
TYPE = "ipsec.1"


class LinedRegion(Region):
    """A region that has Direct Connect, too."""

    kinds = (*Region.kinds, DirectConnect)


class Lined(Networks):
    """A VPC with an instance, and Direct Connect."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)
        self.dx = region.client("directconnect")
        self.net = self.vpc("10.0.0.0/16")
        self.part = self.subnet(self.net, "10.0.0.0/24")
        self.host = self.instance(self.part, self.group(self.net, "0.0.0.0/0"))

    def door(self) -> str:
        """A VPN gateway, attached and propagating."""
        made = self.ec2.create_vpn_gateway(Type=TYPE)["VpnGateway"]["VpnGatewayId"]
        self.ec2.attach_vpn_gateway(VpnGatewayId=made, VpcId=self.net)
        self.ec2.enable_vgw_route_propagation(GatewayId=made, RouteTableId=self.table())
        return str(made)

    def table(self) -> str:
        wanted = [{"Name": "vpc-id", "Values": [self.net]}]
        [found] = self.ec2.describe_route_tables(Filters=wanted)["RouteTables"]
        return str(found["RouteTableId"])

    def propagated(self) -> list[str]:
        [found] = self.ec2.describe_route_tables(RouteTableIds=[self.table()])["RouteTables"]
        origin = "EnableVgwRoutePropagation"
        return [one["DestinationCidrBlock"] for one in found["Routes"] if one["Origin"] == origin]

    def connection(self, bandwidth: str = "10Gbps", **tags: str) -> str:
        location = self.dx.describe_locations()["locations"][0]["locationCode"]
        made = self.dx.create_connection(
            location=location,
            bandwidth=bandwidth,
            connectionName="line",
            **({"tags": list(tagged(tags))} if tags else {}),
        )
        assert made["connectionState"] == "requested"
        return str(made["connectionId"])

    def private(self, connection: str, vlan: int = 101, **more: Any) -> dict[str, Any]:
        wanted = {"virtualInterfaceName": "private", "vlan": vlan, "asn": ASN, **more}
        made: dict[str, Any] = self.dx.create_private_virtual_interface(
            connectionId=connection, newPrivateVirtualInterface=wanted
        )
        return made

    def transit(self, connection: str, via: str, vlan: int = 201, **more: Any) -> dict[str, Any]:
        wanted = {"vlan": vlan, "asn": ASN, "directConnectGatewayId": via, **more}
        made: dict[str, Any] = self.dx.create_transit_virtual_interface(
            connectionId=connection, newTransitVirtualInterface=wanted
        )["virtualInterface"]
        return made

    def gateway(self, **more: Any) -> str:
        made = self.dx.create_direct_connect_gateway(directConnectGatewayName="dx", **more)
        return str(made["directConnectGateway"]["directConnectGatewayId"])

    def associate(self, via: str, gateway: str, *allowed: str) -> str:
        made = self.dx.create_direct_connect_gateway_association(
            directConnectGatewayId=via,
            gatewayId=gateway,
            addAllowedPrefixesToDirectConnectGateway=[{"cidr": one} for one in allowed],
        )["directConnectGatewayAssociation"]
        assert made["associationState"] == "associating"
        return str(made["associationId"])

    def lines(self, source: str, target: str) -> list[str]:
        hops = self.ask(source, target)["forward"]["hops"]
        return [hop["id"].partition("/")[0] for hop in hops if hop["kind"] == "line"]


def tagged(tags: dict[str, str]) -> Iterator[dict[str, str]]:
    """Tags as Direct Connect takes them."""
    for key, value in tags.items():
        yield {"key": key, "value": value}


def announces(*prefixes: str) -> dict[str, str]:
    """What a site announces over a line."""
    return {"antipodes:prefixes": ",".join(prefixes)}
