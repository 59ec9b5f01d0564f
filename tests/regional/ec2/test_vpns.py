"""VPN connections of VPN gateways, by boto3."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from tests.regional.ec2.test_vpngateways import TYPE, customer, gateway
from tests.regional.ec2.worlds import named, refusal, tagged
from tests.regional.elbv2.hosts import Region

STATIC = {"StaticRoutesOnly": True}


class Office:
    """A customer gateway, and a VPN gateway that is attached to a VPC."""

    def __init__(self, ec2: Any, vpc: str = "", **tags: str) -> None:
        self.ec2 = ec2
        tags_ = tagged("customer-gateway", **tags)
        self.customer = customer(ec2, BgpAsn=65010, TagSpecifications=tags_)
        self.gateway = gateway(ec2)
        if vpc:
            ec2.attach_vpn_gateway(VpnGatewayId=self.gateway, VpcId=vpc)

    def connect(self, **more: Any) -> str:
        asked = {"CustomerGatewayId": self.customer, "VpnGatewayId": self.gateway, **more}
        made = self.ec2.create_vpn_connection(Type=TYPE, **asked)["VpnConnection"]
        assert made["State"] == "pending"
        return str(made["VpnConnectionId"])

    def refused(self, **more: Any) -> str:
        asked = {"CustomerGatewayId": self.customer, "VpnGatewayId": self.gateway, **more}
        before = self.ec2.describe_vpn_connections()["VpnConnections"]
        code = refusal(self.ec2.create_vpn_connection, Type=TYPE, **asked)
        assert self.ec2.describe_vpn_connections()["VpnConnections"] == before
        return code

    def shown(self, name: str) -> dict[str, Any]:
        found = self.ec2.describe_vpn_connections(VpnConnectionIds=[name])["VpnConnections"]
        one: dict[str, Any] = found[0]
        return one


def test_a_connection_has_two_tunnels_of_its_own_and_keeps_them(region: Region) -> None:
    office = Office(region.client("ec2"))
    made = office.connect(TagSpecifications=tagged("vpn-connection", Name="line"))
    office.ec2.get_waiter("vpn_connection_available").wait(VpnConnectionIds=[made])
    before = office.shown(made)
    region.restart()
    office.ec2 = region.client("ec2")
    found = office.shown(made)
    assert found == before
    assert (found["State"], found["Category"], found["Type"]) == ("available", "VPN", TYPE)
    assert found["VpnGatewayId"] == office.gateway
    first, second = found["Options"]["TunnelOptions"]
    assert found["Options"]["StaticRoutesOnly"] is False
    assert found["Options"]["TunnelBandwidth"] == "standard"
    assert first["OutsideIpAddress"] != second["OutsideIpAddress"]
    assert all(IPv4Address(one["OutsideIpAddress"]).is_reserved for one in (first, second))
    assert all(IPv4Network(one["TunnelInsideCidr"]).is_link_local for one in (first, second))
    assert first["TunnelInsideCidr"] != second["TunnelInsideCidr"]
    assert len(first["PreSharedKey"]) == 32
    assert first["PreSharedKey"] != second["PreSharedKey"]
    telemetry = found["VgwTelemetry"]
    assert [one["OutsideIpAddress"] for one in telemetry] == [
        one["OutsideIpAddress"] for one in (first, second)
    ]
    assert {(one["Status"], one["AcceptedRouteCount"]) for one in telemetry} == {("UP", 0)}


def test_the_same_connection_again_is_the_one_that_is_there(ec2: Any) -> None:
    office = Office(ec2)
    assert office.connect() == office.connect()
    other = office.connect(CustomerGatewayId=customer(ec2, "203.0.113.99"))
    assert other != office.connect()
    outside = [
        tunnel["OutsideIpAddress"]
        for one in ec2.describe_vpn_connections()["VpnConnections"]
        for tunnel in one["VgwTelemetry"]
    ]
    assert len(set(outside)) == 4


def test_the_routers_configuration(ec2: Any) -> None:
    office = Office(ec2)
    chosen = {
        "TunnelInsideCidr": "169.254.10.0/30",
        "PreSharedKey": "a_long.secret<1>"[:13],
        "Phase1EncryptionAlgorithms": [{"Value": "AES256-GCM-16"}],
        "Phase1DHGroupNumbers": [{"Value": 14}, {"Value": 15}],
        "Phase2LifetimeSeconds": 1800,
        "DPDTimeoutAction": "restart",
        "IKEVersions": [{"Value": "ikev2"}],
    }
    made = office.connect(Options={"TunnelOptions": [chosen]})
    found = office.shown(made)
    root = fromstring(found["CustomerGatewayConfiguration"])  # noqa: S314 - what was just written
    assert root.get("id") == made
    assert root.findtext("vpn_gateway_id") == office.gateway
    first, second = root.findall("ipsec_tunnel")
    assert first.findtext("customer_gateway/tunnel_outside_address/ip_address") == "203.0.113.12"
    assert first.findtext("customer_gateway/tunnel_inside_address/ip_address") == "169.254.10.2"
    assert first.findtext("vpn_gateway/tunnel_inside_address/ip_address") == "169.254.10.1"
    assert first.findtext("customer_gateway/bgp/asn") == "65010"
    assert first.findtext("vpn_gateway/bgp/asn") == "64512"
    assert first.findtext("ike/encryption_protocol") == "aes-256-gcm-16"
    assert first.findtext("ike/perfect_forward_secrecy") == "group14"
    assert first.findtext("ike/pre_shared_key") == chosen["PreSharedKey"]
    assert first.findtext("ipsec/lifetime") == "1800"
    assert second.findtext("ipsec/lifetime") == "3600"
    assert second.findtext("ipsec/encryption_protocol") == "aes-128-cbc"
    shown, _ = found["Options"]["TunnelOptions"]
    assert (shown["DpdTimeoutAction"], shown["IkeVersions"]) == ("restart", [{"Value": "ikev2"}])
    assert shown["Phase1DHGroupNumbers"] == [{"Value": 14}, {"Value": 15}]


@pytest.mark.parametrize(
    "options",
    [
        {"TunnelInsideCidr": "169.254.10.0/29"},
        {"TunnelInsideCidr": "10.0.0.0/30"},
        {"TunnelInsideCidr": "169.254.3.0/30"},
        {"TunnelInsideCidr": "169.254.169.252/30"},
        {"PreSharedKey": "0123456789"},
        {"PreSharedKey": "short"},
        {"PreSharedKey": "with spaces in it"},
        {"Phase1LifetimeSeconds": 899},
        {"Phase2LifetimeSeconds": 3601},
        {"Phase1LifetimeSeconds": 900, "Phase2LifetimeSeconds": 900},
        {"RekeyMarginTimeSeconds": 59},
        {"Phase2LifetimeSeconds": 900, "RekeyMarginTimeSeconds": 451},
        {"RekeyFuzzPercentage": 101},
        {"ReplayWindowSize": 63},
        {"DPDTimeoutSeconds": 29},
        {"DPDTimeoutAction": "wait"},
        {"StartupAction": "stop"},
        {"Phase1EncryptionAlgorithms": [{"Value": "DES"}]},
        {"Phase1DHGroupNumbers": [{"Value": 5}]},
        {"IKEVersions": [{"Value": "ikev3"}]},
    ],
)
def test_what_no_tunnel_can_be(still: Any, options: dict[str, Any]) -> None:
    office = Office(still)
    code = office.refused(Options={"TunnelOptions": [options]})
    still.delete_vpn_gateway(VpnGatewayId=office.gateway)
    assert code == "InvalidParameterValue"


def test_what_no_connection_can_be(ec2: Any) -> None:
    office = Office(ec2)
    inside = {"TunnelInsideCidr": "169.254.10.0/30"}
    office.connect(Options={"TunnelOptions": [inside]})
    other = {"CustomerGatewayId": customer(ec2, "203.0.113.99")}
    same = {"TunnelOptions": [inside]}
    assert office.refused(**other, Options=same) == "InvalidParameterValue"
    twice = {"TunnelOptions": [{"TunnelInsideCidr": "169.254.11.0/30"}] * 2}
    assert office.refused(**other, Options=twice) == "InvalidParameterValue"
    three = {"TunnelOptions": [{"StartupAction": "add"}] * 3}
    assert office.refused(**other, Options=three) == "InvalidParameterValue"
    large = {"TunnelBandwidth": "large"}
    assert office.refused(**other, Options=large) == "InvalidParameterCombination"
    for options in (
        {"TunnelInsideIpVersion": "ipv6"},
        {"EnableAcceleration": True},
        {"OutsideIpAddressType": "PrivateIpv4"},
        {"TunnelOptions": [{"EnableTunnelLifecycleControl": True}]},
    ):
        assert office.refused(**other, Options=options) == "UnsupportedOperation"
    assert office.refused(**other, DryRun=True) == "DryRunOperation"
    assert office.refused(VpnGatewayId="") == "MissingParameter"
    assert office.refused(VpnGatewayId="vgw-1") == "InvalidVpnGatewayID.NotFound"
    assert office.refused(CustomerGatewayId="cgw-1") == "InvalidCustomerGatewayID.NotFound"


def test_static_routes_are_for_static_connections(ec2: Any) -> None:
    office = Office(ec2)
    made = office.connect(Options=STATIC)
    create, delete = ec2.create_vpn_connection_route, ec2.delete_vpn_connection_route
    for _ in range(2):
        create(VpnConnectionId=made, DestinationCidrBlock="192.168.1.0/16")
    found = office.shown(made)
    assert [one["DestinationCidrBlock"] for one in found["Routes"]] == ["192.168.0.0/16"]
    assert found["VgwTelemetry"][0]["AcceptedRouteCount"] == 1
    assert "NoBGPVPNConnection" in found["CustomerGatewayConfiguration"]
    wanted = named("route.destination-cidr-block", "192.168.0.0/16")
    [found] = ec2.describe_vpn_connections(Filters=wanted)["VpnConnections"]
    assert found["VpnConnectionId"] == made
    code = refusal(delete, VpnConnectionId=made, DestinationCidrBlock="10.0.0.0/8")
    assert code == "InvalidRoute.NotFound"
    delete(VpnConnectionId=made, DestinationCidrBlock="192.168.0.0/16")
    assert office.shown(made)["Routes"] == []
    other = office.connect(CustomerGatewayId=customer(ec2, "203.0.113.99"))
    code = refusal(create, VpnConnectionId=other, DestinationCidrBlock="10.0.0.0/8")
    assert code == "InvalidVpnConnection.InvalidType"
    code = refusal(create, VpnConnectionId=made, DestinationCidrBlock="ten")
    assert code == "InvalidParameterValue"


def test_a_deleted_connection_is_seen_for_a_while_and_holds_nothing(ec2: Any) -> None:
    office = Office(ec2)
    made = office.connect()
    code = refusal(ec2.delete_customer_gateway, CustomerGatewayId=office.customer)
    assert code == "IncorrectState"
    assert refusal(ec2.delete_vpn_gateway, VpnGatewayId=office.gateway) == "IncorrectState"
    ec2.delete_vpn_connection(VpnConnectionId=made)
    ec2.get_waiter("vpn_connection_deleted").wait(VpnConnectionIds=[made])
    assert "CustomerGatewayConfiguration" not in office.shown(made)
    code = refusal(ec2.delete_vpn_connection, VpnConnectionId=made)
    assert code == "InvalidVpnConnectionID.NotFound"
    ec2.delete_vpn_gateway(VpnGatewayId=office.gateway)
    ec2.delete_customer_gateway(CustomerGatewayId=office.customer)


def test_a_connection_is_led_elsewhere_and_its_tunnels_stay(ec2: Any) -> None:
    office = Office(ec2)
    made, modify = office.connect(), ec2.modify_vpn_connection
    before = office.shown(made)["Options"]
    other, router = gateway(ec2), customer(ec2, "203.0.113.99")
    assert refusal(modify, VpnConnectionId=made) == "InvalidParameterCombination"
    modify(VpnConnectionId=made, VpnGatewayId=other)
    modify(VpnConnectionId=made, CustomerGatewayId=router)
    found = office.shown(made)
    assert (found["VpnGatewayId"], found["CustomerGatewayId"]) == (other, router)
    assert found["Options"] == before
    ec2.modify_vpn_connection_options(VpnConnectionId=made, LocalIpv4NetworkCidr="10.9.0.1/16")
    assert office.shown(made)["Options"] == before | {"LocalIpv4NetworkCidr": "10.9.0.0/16"}
    modify = ec2.modify_vpn_connection_options
    code = refusal(modify, VpnConnectionId=made, TunnelBandwidth="large")
    assert code == "InvalidParameterCombination"


def test_one_tunnels_options_are_changed_and_the_others_stay(ec2: Any) -> None:
    office = Office(ec2)
    options = {"Phase1LifetimeSeconds": 3600, "Phase2LifetimeSeconds": 1800}
    made = office.connect(Options={"TunnelOptions": [options]})
    first, second = office.shown(made)["Options"]["TunnelOptions"]

    def modify(**more: Any) -> None:
        asked = {"VpnConnectionId": made, "VpnTunnelOutsideIpAddress": first["OutsideIpAddress"]}
        ec2.modify_vpn_tunnel_options(**{**asked, **more})

    chosen = {"Phase2LifetimeSeconds": 900, "IKEVersions": [{"Value": "ikev2"}]}
    modify(TunnelOptions=chosen)
    changed = {"Phase2LifetimeSeconds": 900, "IkeVersions": chosen["IKEVersions"]}
    assert office.shown(made)["Options"]["TunnelOptions"] == [first | changed, second]
    modify(TunnelOptions={"TunnelInsideCidr": "169.254.10.0/30"})
    found = office.shown(made)["Options"]["TunnelOptions"][0]
    assert found == first | changed | {"TunnelInsideCidr": "169.254.10.0/30"}
    for wrong in (
        {"TunnelOptions": {"Phase1LifetimeSeconds": 900}},  # no longer than the second phase's
        {"TunnelOptions": {"TunnelInsideCidr": second["TunnelInsideCidr"]}},
        {"TunnelOptions": {"StartupAction": "add"}, "VpnTunnelOutsideIpAddress": "240.0.0.1"},
    ):
        assert refusal(modify, **wrong) == "InvalidParameterValue"
    code = refusal(modify, TunnelOptions={"StartupAction": "start"}, SkipTunnelReplacement=True)
    assert code == "UnsupportedOperation"
    assert office.shown(made)["Options"]["TunnelOptions"][0] == found


def test_tunnels_are_down_that_a_tag_says_are(ec2: Any) -> None:
    office = Office(ec2, **{"antipodes:prefixes": "192.168.0.0/16,10.20.0.0/16"})
    made = office.connect()

    def telemetry() -> list[tuple[str, int]]:
        found = office.shown(made)["VgwTelemetry"]
        return [(one["Status"], one["AcceptedRouteCount"]) for one in found]

    assert telemetry() == [("UP", 2), ("UP", 2)]
    ec2.create_tags(Resources=[made], Tags=[{"Key": "antipodes:tunnels-down", "Value": "2"}])
    assert telemetry() == [("UP", 2), ("DOWN", 0)]


def test_quotas_of_connections(ec2: Any) -> None:
    office = Office(ec2)
    for number in range(10):
        office.connect(CustomerGatewayId=customer(ec2, f"198.51.100.{number + 1}"))
    assert office.refused() == "VpnConnectionLimitExceeded"
