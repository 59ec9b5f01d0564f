"""Transit gateways, told to who walks packets through them."""

from typing import Any

import pytest

from antipodes.fabric.network.fabric import Fabric, from_interface
from antipodes.fabric.network.packets import Packet
from antipodes.regional.ec2.interfaces import Wanted
from antipodes.regional.ec2.service import Ec2
from antipodes.regional.ec2.topology import topology
from tests.fabric.network.worlds import told
from tests.regional.ec2.test_hubs import ACCOUNT, NO_DEFAULTS, attach, make, place
from tests.regional.ec2.test_hubtables import pair, route, table
from tests.regional.elbv2.hosts import Region


class Networks:
    """VPCs at a hub, each with a host in each zone that lets everybody in."""

    def __init__(self, region: Region, hub: str) -> None:
        service = region.host.service("ec2")
        assert isinstance(service, Ec2)
        self._service = service
        self._ec2 = region.client("ec2")
        self._hub = hub
        self._hosts: dict[str, tuple[str, str]] = {}

    def join(self, name: str, prefix: str, zones: str = "a", **more: Any) -> str:
        """Make a VPC, attach it, and send all that is not its own to the hub."""
        vpc, subnets = place(self._ec2, prefix, zones)
        attachment = attach(self._ec2, self._hub, vpc, subnets, **more)
        estate = self._service.estate
        kept = estate.vpcs.get(ACCOUNT, vpc)
        self._ec2.create_route(
            RouteTableId=kept.table, DestinationCidrBlock="0.0.0.0/0", TransitGatewayId=self._hub
        )
        self._ec2.authorize_security_group_ingress(
            GroupId=kept.group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [ANYWHERE]}]
        )
        for zone, subnet in zip(zones, subnets, strict=True):
            made = self._service.interfaces.make(estate.subnets.get(ACCOUNT, subnet), Wanted())
            self._hosts[f"{name} {zone}"] = made.id, made.addresses[0].address
        return attachment

    def send(self, source: str, target: str) -> tuple[str, str]:
        """How a packet, and the answer to it, come out."""
        (interface, address), (_, other) = self._hosts[source], self._hosts[target]
        fabric = Fabric(topology(self._service.estate, ACCOUNT))
        packet = Packet.of(address, other, target_port=443)
        return told(fabric.walk(from_interface(interface), packet))


ANYWHERE = {"CidrIp": "0.0.0.0/0"}


def test_all_at_a_hub_with_its_defaults_speak_with_each_other(region: Region) -> None:
    ec2 = region.client("ec2")
    networks = Networks(region, make(ec2)["TransitGatewayId"])
    attached = networks.join("one", "10.1.0.0/16")
    networks.join("two", "10.2.0.0/16")
    assert networks.send("one a", "two a") == ("delivered", "delivered")
    ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attached)
    assert networks.send("two a", "one a")[0] == "no route"


def test_spokes_speak_with_the_shared_network_and_not_with_each_other(region: Region) -> None:
    ec2 = region.client("ec2")
    hub = make(ec2, **NO_DEFAULTS)["TransitGatewayId"]
    networks, spokes, shared = Networks(region, hub), table(ec2, hub), table(ec2, hub)
    middle = networks.join("shared", "10.0.0.0/16")
    ec2.associate_transit_gateway_route_table(**pair(shared, middle))
    ec2.enable_transit_gateway_route_table_propagation(**pair(spokes, middle))
    one, two = (networks.join(name, f"10.{n}.0.0/16") for n, name in ((1, "one"), (2, "two")))
    for name in (one, two):
        ec2.associate_transit_gateway_route_table(**pair(spokes, name))
        ec2.enable_transit_gateway_route_table_propagation(**pair(shared, name))
    assert networks.send("one a", "shared a") == ("delivered", "delivered")
    assert networks.send("shared a", "two a") == ("delivered", "delivered")
    assert networks.send("one a", "two a")[0] == "no route"
    ec2.create_transit_gateway_route(**route(spokes, "10.2.0.0/16"))
    assert networks.send("one a", "two a")[0] == "blackhole"
    made = ec2.create_managed_prefix_list(
        PrefixListName="spokes",
        AddressFamily="IPv4",
        MaxEntries=1,
        Entries=[{"Cidr": "10.2.0.0/17"}],
    )
    ec2.create_transit_gateway_prefix_list_reference(
        PrefixListId=made["PrefixList"]["PrefixListId"], **pair(spokes, two)
    )
    assert networks.send("one a", "two a")[0] == "delivered"
    ec2.disable_transit_gateway_route_table_propagation(**pair(shared, one))
    assert networks.send("one a", "shared a") == ("delivered", "no route")
    ec2.disassociate_transit_gateway_route_table(**pair(spokes, one))
    assert networks.send("one a", "shared a")[0] == "not associated"


def test_who_is_in_a_zone_without_an_interface_does_not_reach_the_hub(region: Region) -> None:
    ec2 = region.client("ec2")
    networks = Networks(region, make(ec2)["TransitGatewayId"])
    attached = networks.join("one", "10.1.0.0/16", "ab")
    networks.join("two", "10.2.0.0/16")
    assert networks.send("one b", "two a") == ("delivered", "delivered")
    [found] = ec2.describe_transit_gateway_vpc_attachments(TransitGatewayAttachmentIds=[attached])[
        "TransitGatewayVpcAttachments"
    ]
    ec2.modify_transit_gateway_vpc_attachment(
        TransitGatewayAttachmentId=attached, RemoveSubnetIds=found["SubnetIds"][1:]
    )
    assert networks.send("one b", "two a")[0] == "not attached in the zone"


@pytest.mark.parametrize("mode", ["enable", "disable"])
def test_appliance_mode_is_told(region: Region, mode: str) -> None:
    ec2 = region.client("ec2")
    networks = Networks(region, make(ec2)["TransitGatewayId"])
    networks.join("one", "10.1.0.0/16", Options={"ApplianceModeSupport": mode})
    service = region.host.service("ec2")
    assert isinstance(service, Ec2)
    [attachment] = topology(service.estate, ACCOUNT).attachments.values()
    assert attachment.sticky == (mode == "enable")
    assert len(attachment.interfaces) == 1
