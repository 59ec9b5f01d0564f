"""Hosted zones: what they are made of, who sees them, and when they may go."""

from typing import Any

from antipodes.edge.route53.private import PrivateZones
from antipodes.fabric.dns.names import to_wire
from antipodes.fabric.dns.rdata import RTYPES
from tests.edge.route53.controlplane import (
    ACCOUNT,
    HOME,
    OTHER,
    PROPAGATION_S,
    STRANGER,
    ControlPlane,
    play,
    record,
)


def test_a_public_zone_begins_with_four_name_servers_and_two_records() -> None:
    async def scenario(plane: ControlPlane) -> None:
        made = await plane.call("CreateHostedZone", Name="Example.COM", CallerReference="one")
        zone, servers = made["HostedZone"], made["DelegationSet"]["NameServers"]
        assert (zone["Name"], zone["ResourceRecordSetCount"]) == ("example.com.", 2)
        assert zone["Id"].startswith("/hostedzone/Z")
        assert made["Location"].endswith(zone["Id"])
        assert sorted(server.partition(".awsdns-")[2][3:] for server in servers) == [
            "co.uk",
            "com",
            "net",
            "org",
        ]
        found = await plane.call("ListResourceRecordSets", HostedZoneId=zone["Id"])
        ns, soa = found["ResourceRecordSets"]
        assert [value["Value"] for value in ns["ResourceRecords"]] == [f"{s}." for s in servers]
        assert (ns["TTL"], len(soa["ResourceRecords"])) == (172_800, 1)
        assert [kind for kind, _ in plane.told()] == ["route53/zone", "route53/records"]

    play(scenario)


def test_surprise_22_what_is_not_there_is_remembered_for_900_s() -> None:
    """The lesser of the SOA record's own TTL, 900, and the minimum in it, 86400."""

    async def scenario(plane: ControlPlane) -> None:
        zone = await plane.zone()
        found = await plane.call("ListResourceRecordSets", HostedZoneId=zone)
        soa = found["ResourceRecordSets"][1]
        server, mailbox, *numbers = soa["ResourceRecords"][0]["Value"].split()
        assert (soa["TTL"], mailbox) == (900, "awsdns-hostmaster.amazon.com.")
        assert numbers == ["1", "7200", "900", "1209600", "86400"]
        servers = (await plane.call("GetHostedZone", Id=zone))["DelegationSet"]["NameServers"]
        assert server.removesuffix(".") in servers
        # The serial never grows by itself.
        await plane.change(zone, ("CREATE", record("www.example.com")))
        again = await plane.call("ListResourceRecordSets", HostedZoneId=zone)
        assert again["ResourceRecordSets"][1] == soa

    play(scenario)


def test_a_change_is_pending_until_it_has_reached_the_edge() -> None:
    async def scenario(plane: ControlPlane) -> None:
        made = await plane.call("CreateHostedZone", Name="example.com", CallerReference="one")
        change = made["ChangeInfo"]["Id"]
        assert made["ChangeInfo"]["Status"] == "PENDING"
        await plane.wait(PROPAGATION_S - 1)
        assert (await plane.call("GetChange", Id=change))["ChangeInfo"]["Status"] == "PENDING"
        await plane.wait(2)
        assert (await plane.call("GetChange", Id=change))["ChangeInfo"]["Status"] == "INSYNC"
        assert (await plane.refused("GetChange", Id="C1")).code == "NoSuchChange"
        assert (await plane.refused("GetChange", STRANGER, Id=change)).code == "NoSuchChange"

    play(scenario)


def test_zones_are_refused_with_aws_errors() -> None:
    async def scenario(plane: ControlPlane) -> None:
        async def code(name: str, reference: str, **more: object) -> str:
            request: Any = {"Name": name, "CallerReference": reference, **more}
            return (await plane.refused("CreateHostedZone", **request)).code

        await plane.zone(reference="one")
        assert await code("other.com", "one") == "HostedZoneAlreadyExists"
        for bad in ("com", "a..com", "x" * 64 + ".com", ".", "ex ample.com", "exämple.com"):
            assert await code(bad, "two") == "InvalidDomainName"
        config = {"PrivateZone": True}
        assert await code("p.com", "two", HostedZoneConfig=config) == "InvalidInput"
        assert await code("p.com", "two", DelegationSetId="N1") == "NoSuchDelegationSet"
        for vpc in ("vpc-1", "vpc-0123456789abcdef0"):
            given = {"VPCRegion": HOME, "VPCId": vpc}
            assert await code("p.com", "two", VPC=given) == "InvalidVPCId"
        given = {"VPCRegion": "eu-west-1", "VPCId": "vpc-1"}
        assert await code("p.com", "two", VPC=given) == "InvalidVPCId"
        error = await plane.refused("GetHostedZone", Id="Z404")
        assert (error.code, error.status) == ("NoSuchHostedZone", 404)
        assert error.message == "No hosted zone found with ID: Z404"
        zone = await plane.zone("mine.com")
        assert (await plane.refused("GetHostedZone", STRANGER, Id=zone)).code == "NoSuchHostedZone"

    play(scenario)


def test_zones_of_one_name_share_no_name_server_unless_told_to() -> None:
    async def scenario(plane: ControlPlane) -> None:
        servers: list[str] = []
        for number in range(5):
            zone = await plane.zone("example.com", str(number))
            found = await plane.call("GetHostedZone", Id=zone)
            servers += found["DelegationSet"]["NameServers"]
        assert len(set(servers)) == 20

    play(scenario)


def test_a_reusable_delegation_set_is_shared_by_zones_that_do_not_touch() -> None:
    async def scenario(plane: ControlPlane) -> None:
        made = await plane.call("CreateReusableDelegationSet", CallerReference="one")
        shared = made["DelegationSet"]
        again = await plane.refused("CreateReusableDelegationSet", CallerReference="one")
        assert again.code == "DelegationSetAlreadyCreated"
        given = {"DelegationSetId": shared["Id"]}
        one = await plane.zone("one.com", **given)
        two = await plane.zone("two.com", **given)
        for zone in (one, two):
            found = (await plane.call("GetHostedZone", Id=zone))["DelegationSet"]
            assert found["NameServers"] == shared["NameServers"]
            assert (found["Id"], found["CallerReference"]) == (shared["Id"], "one")
        for name in ("www.one.com", "one.com"):
            request = {"Name": name, "CallerReference": f"{name} again", **given}
            error = await plane.refused("CreateHostedZone", **request)
            assert error.code == "ConflictingDomainExists"
        listed = await plane.call("ListHostedZones", **given)
        assert len(listed["HostedZones"]) == 2
        limit = await plane.call(
            "GetReusableDelegationSetLimit",
            DelegationSetId=shared["Id"],
            Type="MAX_ZONES_BY_REUSABLE_DELEGATION_SET",
        )
        assert (limit["Limit"]["Value"], limit["Count"]) == (100, 2)
        deleting = {"Id": shared["Id"]}
        error = await plane.refused("DeleteReusableDelegationSet", **deleting)
        assert error.code == "DelegationSetInUse"
        for zone in (one, two):
            await plane.call("DeleteHostedZone", Id=zone)
        await plane.call("DeleteReusableDelegationSet", **deleting)
        assert (await plane.call("ListReusableDelegationSets"))["DelegationSets"] == []

    play(scenario)


def test_a_zones_own_servers_become_a_reusable_set() -> None:
    async def scenario(plane: ControlPlane) -> None:
        zone = await plane.zone()
        error = await plane.refused("GetReusableDelegationSet", Id=zone)
        assert error.code == "DelegationSetNotReusable"
        request = {"CallerReference": "one", "HostedZoneId": zone}
        made = await plane.call("CreateReusableDelegationSet", **request)
        found = await plane.call("GetHostedZone", Id=zone)
        assert found["DelegationSet"]["Id"] == made["DelegationSet"]["Id"]
        request["CallerReference"] = "two"
        error = await plane.refused("CreateReusableDelegationSet", **request)
        assert error.code == "DelegationSetAlreadyReusable"
        request["HostedZoneId"] = "Z404"
        error = await plane.refused("CreateReusableDelegationSet", **request)
        assert error.code == "HostedZoneNotFound"

    play(scenario)


def test_only_a_zone_with_nothing_but_its_default_records_is_deleted() -> None:
    async def scenario(plane: ControlPlane) -> None:
        zone = await plane.zone()
        await plane.change(zone, ("CREATE", record("www.example.com")))
        assert (await plane.refused("DeleteHostedZone", Id=zone)).code == "HostedZoneNotEmpty"
        await plane.change(zone, ("DELETE", record("www.example.com")))
        protection = {"RecordName": "www.example.com", "RecordType": "A"}
        given: Any = {"HostedZoneId": zone, "Protections": [protection]}
        await plane.call("CreateResourceRecordSetProtections", **given)
        assert (await plane.refused("DeleteHostedZone", Id=zone)).code == "HostedZoneNotEmpty"
        await plane.call("DeleteResourceRecordSetProtections", **given)
        deleted = await plane.call("DeleteHostedZone", Id=zone)
        assert deleted["ChangeInfo"]["Status"] == "PENDING"
        assert plane.told()[-1] == ("route53/zone", [zone, None])
        assert (await plane.refused("GetHostedZone", Id=zone)).code == "NoSuchHostedZone"
        assert (await plane.call("GetHostedZoneCount"))["HostedZoneCount"] == 0
        assert plane.service.records.all(zone) == []
        again = {"Name": "example.com", "CallerReference": "example.com"}
        error = await plane.refused("CreateHostedZone", **again)
        assert (error.code, error.status) == ("HostedZoneAlreadyExists", 409)
        await plane.zone(reference="new")

    play(scenario)


def test_zones_are_listed_by_id_and_by_name_in_pages() -> None:
    async def scenario(plane: ControlPlane) -> None:
        for name in ("b.com", "a.b.com", "z.org", "a.com", "a-x.b.com"):
            await plane.zone(name)
        await plane.zone("a.b.com", "again")
        marker: dict[str, str] = {}
        ids: list[str] = []
        page: Any = {}
        for _ in range(3):
            page = await plane.call("ListHostedZones", MaxItems="2", **marker)
            ids += [zone["Id"].rpartition("/")[2] for zone in page["HostedZones"]]
            marker = {"Marker": page.get("NextMarker", "")}
        assert (ids, page["IsTruncated"], page["MaxItems"]) == (sorted(ids), False, "2")
        start: dict[str, str] = {}
        names: list[str] = []
        for _ in range(2):
            page = await plane.call("ListHostedZonesByName", MaxItems="3", **start)
            names += [zone["Name"] for zone in page["HostedZones"]]
            start = {
                "DNSName": page.get("NextDNSName", ""),
                "HostedZoneId": page.get("NextHostedZoneId", ""),
            }
        # By labels in reverse, with the dots: com.b.a-x. is before com.b.a.
        assert names == ["a.com.", "b.com.", "a-x.b.com.", "a.b.com.", "a.b.com.", "z.org."]
        found = await plane.call("ListHostedZonesByName", DNSName="b.com")
        assert [zone["Name"] for zone in found["HostedZones"]] == names[1:]
        for wrong in ({"MaxItems": "0"}, {"MaxItems": "x"}):
            assert (await plane.refused("ListHostedZones", **wrong)).code == "InvalidInput"
        error = await plane.refused("ListHostedZonesByName", HostedZoneId="Z1")
        assert error.code == "InvalidInput"

    play(scenario)


def test_a_private_zone_is_for_networks_that_exist() -> None:
    async def scenario(plane: ControlPlane) -> None:
        here, there = await plane.vpc(), await plane.vpc(OTHER)
        zone = await plane.zone("corp", VPC=here)
        found = await plane.call("GetHostedZone", Id=zone)
        assert found["HostedZone"]["Config"]["PrivateZone"] is True
        assert found["VPCs"] == [here]
        assert "DelegationSet" not in found
        records = await plane.call("ListResourceRecordSets", HostedZoneId=zone)
        servers = [v["Value"] for v in records["ResourceRecordSets"][0]["ResourceRecords"]]
        assert servers == [
            "ns-0.awsdns-00.com.",
            "ns-512.awsdns-00.net.",
            "ns-1024.awsdns-00.org.",
            "ns-1536.awsdns-00.co.uk.",
        ]
        again: Any = {"Name": "corp", "CallerReference": "again", "VPC": here}
        error = await plane.refused("CreateHostedZone", **again)
        assert error.code == "ConflictingDomainExists"
        assert error.message == (
            f"The VPC {here['VPCId']} in region {HOME} has already been associated with the "
            f"hosted zone {zone} with the same domain name."
        )
        last = await plane.refused("DisassociateVPCFromHostedZone", HostedZoneId=zone, VPC=here)
        assert last.code == "LastVPCAssociation"
        made = await plane.call("AssociateVPCWithHostedZone", HostedZoneId=zone, VPC=there)
        assert made["ChangeInfo"]["Status"] == "PENDING"
        kind, payload = plane.told()[-1]
        assert (kind, len(payload[1]["vpcs"])) == ("route53/zone", 2)
        listed = await plane.call(
            "ListHostedZonesByVPC", VPCId=there["VPCId"], VPCRegion=there["VPCRegion"]
        )
        assert listed["HostedZoneSummaries"] == [
            {"HostedZoneId": zone, "Name": "corp.", "Owner": {"OwningAccount": ACCOUNT}}
        ]
        await plane.call("DisassociateVPCFromHostedZone", HostedZoneId=zone, VPC=here)
        missing = await plane.refused("DisassociateVPCFromHostedZone", HostedZoneId=zone, VPC=here)
        assert (missing.code, missing.status) == ("VPCAssociationNotFound", 404)
        public = await plane.zone()
        error = await plane.refused("AssociateVPCWithHostedZone", HostedZoneId=public, VPC=here)
        assert error.code == "PublicZoneVPCAssociation"

    play(scenario, other=True)


def test_the_home_region_keeps_what_it_edits_apart_from_what_it_hears() -> None:
    async def scenario(plane: ControlPlane) -> None:
        here = await plane.vpc()
        zone = await plane.zone("corp", VPC=here)
        await plane.change(zone, ("CREATE", record("www.corp")))
        before = await plane.names(zone)
        host = plane.simulated.region(HOME)
        zones = PrivateZones(host)
        await host.runtime.spawn(zones.ready(), "first question")
        (answer,) = zones.answer(to_wire("www.corp"), RTYPES["A"], here["VPCId"]).answers
        assert answer.rdata == bytes([192, 0, 2, 1])
        assert await plane.names(zone) == before
        assert [known.id for _, _, known in plane.service.zones.all()] == [zone]
        await plane.change(zone, ("DELETE", record("www.corp")))
        await plane.call("DeleteHostedZone", Id=zone)

    play(scenario)


def test_a_network_of_another_account_needs_an_authorization() -> None:
    async def scenario(plane: ControlPlane) -> None:
        zone = await plane.zone("corp", VPC=await plane.vpc())
        theirs = await plane.vpc(account=STRANGER)
        request: Any = {"HostedZoneId": zone, "VPC": theirs}
        # Not even the zone's owner may take a network that is not theirs.
        assert (await plane.refused("AssociateVPCWithHostedZone", **request)).code == "InvalidVPCId"
        error = await plane.refused("AssociateVPCWithHostedZone", STRANGER, **request)
        assert (error.code, error.status) == ("NotAuthorizedException", 401)
        await plane.call("CreateVPCAssociationAuthorization", **request)
        listed = await plane.call("ListVPCAssociationAuthorizations", HostedZoneId=zone)
        assert listed["VPCs"] == [theirs]
        await plane.call("AssociateVPCWithHostedZone", STRANGER, **request)
        await plane.call("DeleteVPCAssociationAuthorization", **request)
        error = await plane.refused("DeleteVPCAssociationAuthorization", **request)
        assert (error.code, error.status) == ("VPCAssociationAuthorizationNotFound", 404)
        # Taking back the authorization does not take back the association.
        assert theirs in (await plane.call("GetHostedZone", Id=zone))["VPCs"]
        await plane.call("DisassociateVPCFromHostedZone", STRANGER, **request)
        assert theirs not in (await plane.call("GetHostedZone", Id=zone))["VPCs"]

    play(scenario)


def test_surprise_27_throttling_is_a_400_and_only_where_the_world_is_short() -> None:
    """Five requests a second and account, then HTTP 400, not 429."""

    async def scenario(plane: ControlPlane) -> None:
        for _ in range(5):
            await plane.call("GetHostedZoneCount")
        error = await plane.refused("GetHostedZoneCount")
        assert (error.code, error.message, error.status) == ("Throttling", "Rate exceeded", 400)
        await plane.call("GetHostedZoneCount", STRANGER)
        await plane.wait(1.1)
        await plane.call("GetHostedZoneCount")

    play(scenario, throttling=True)
