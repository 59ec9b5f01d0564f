"""The data plane: what a VPC's resolver says, and whom it asks."""

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from typing import Any

import pytest

from antipodes.fabric.dns.message import (
    NOERROR,
    NXDOMAIN,
    RR,
    SERVFAIL,
    Answer,
    Query,
    encode_answer,
)
from antipodes.fabric.dns.names import is_within, to_text, to_wire
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.regional.route53resolver.model import way_of
from antipodes.runtime.contract import Address, TimedOut
from antipodes.service.contract import Settings
from antipodes.service.dnsclient import DnsClient
from antipodes.service.dnsserver import Asker, DnsServer
from antipodes.world import addresses
from antipodes.world.faults import CutLink

W, E, HOME = "us-west-2", "eu-central-1", "us-east-1"
A, CNAME, PTR = 1, 5, 12
TOLD_S = 3.0  # until every edge location has heard
OFFICE = ("city/london", addresses.client_ip("city/london", 53))  # a name server of their own


class Stage:
    """A simulated world, its Route 53, and a customer's name server in an office."""

    def __init__(self, settings: Settings) -> None:
        self.simulated = SimulatedWorld((W, E), seed=1, settings=settings)
        self.client = DnsClient(self.simulated.outside.at(W))
        self.asked: list[tuple[str, str, str]] = []  # from where, from which address, for what
        self._made = 0

    async def start(self) -> None:
        """Start everything."""
        await self.simulated.start()
        office = self.simulated.simulation.boot("city")
        place, ip = OFFICE
        await DnsServer(office, self._office).listen(Address(place, f"{ip}:53"))

    def _office(self, query: Query, asker: Asker) -> bytes:
        name = to_text(query.name)
        self.asked.append((asker.place, asker.ip, name))
        if query.name.startswith(b"\x07missing"):
            return encode_answer(query, NXDOMAIN, recursion=True)
        record = RR(query.name, A, 60, IPv4Address("10.9.9.9").packed)
        return encode_answer(query, NOERROR, (record,), recursion=True)

    async def call(self, operation: str, place: str = W, **request: Any) -> Any:
        """Call Route 53 Resolver, or another service (`service:Operation`)."""
        service, colon, name = operation.rpartition(":")
        service = service if colon else "route53resolver"
        return await self.simulated.call(place, service, name, request)

    async def vpc(self, place: str) -> str:
        """The default VPC of a region."""
        found = await self.call("ec2:DescribeVpcs", place)
        return str(found["Vpcs"][0]["VpcId"])

    async def zone(self, name: str, values: dict[str, str], *private: str) -> None:
        """Make a hosted zone; private if it is for the VPCs of some regions."""
        self._made += 1
        request: dict[str, Any] = {"Name": name, "CallerReference": f"zone {self._made}"}
        vpcs = [{"VPCRegion": region, "VPCId": await self.vpc(region)} for region in private]
        if vpcs:
            request["VPC"] = vpcs[0]
        made = await self.call("route53:CreateHostedZone", HOME, **request)
        sets = [
            {
                "Name": f"{owner}.{name}".lstrip("."),
                "Type": "A" if value[0].isdigit() else "CNAME",
                "TTL": 60,
                "ResourceRecords": [{"Value": value}],
            }
            for owner, value in values.items()
        ]
        changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in sets]
        zone_id = made["HostedZone"]["Id"].rpartition("/")[2]
        await self.call(
            "route53:ChangeResourceRecordSets",
            HOME,
            HostedZoneId=zone_id,
            ChangeBatch={"Changes": changes},
        )
        for vpc in vpcs[1:]:
            await self.call(
                "route53:AssociateVPCWithHostedZone", HOME, HostedZoneId=zone_id, VPC=vpc
            )

    async def endpoint(self, direction: str, place: str = W) -> tuple[str, list[str]]:
        """Make an endpoint; return its id and its addresses."""
        self._made += 1
        subnets = (await self.call("ec2:DescribeSubnets", place))["Subnets"][:2]
        groups = (await self.call("ec2:DescribeSecurityGroups", place))["SecurityGroups"]
        made = await self.call(
            "CreateResolverEndpoint",
            place,
            CreatorRequestId=str(self._made),
            Direction=direction,
            SecurityGroupIds=[groups[0]["GroupId"]],
            IpAddresses=[{"SubnetId": subnet["SubnetId"]} for subnet in subnets],
        )
        identity = made["ResolverEndpoint"]["Id"]
        ips = await self.call("ListResolverEndpointIpAddresses", place, ResolverEndpointId=identity)
        return identity, [ip["Ip"] for ip in ips["IpAddresses"]]

    async def rule(self, domain: str, *targets: str, endpoint: str = "") -> str:
        """Make a rule for us-west-2's VPC: a forwarding one if it has targets."""
        self._made += 1
        forwarding: dict[str, Any] = {
            "ResolverEndpointId": endpoint,
            "TargetIps": [{"Ip": target} for target in targets],
        }
        made = await self.call(
            "CreateResolverRule",
            CreatorRequestId=str(self._made),
            DomainName=domain,
            RuleType="FORWARD" if targets else "SYSTEM",
            **(forwarding if targets else {}),
        )
        identity = str(made["ResolverRule"]["Id"])
        vpc = await self.vpc(W)
        await self.call("AssociateResolverRule", ResolverRuleId=identity, VPCId=vpc)
        return identity

    async def ask(
        self, name: str, rtype: int = A, *, ip: str = "172.31.0.2", place: str = W
    ) -> Answer:
        """Ask a region's resolver, from inside the region."""
        client = self.client if place == W else DnsClient(self.simulated.outside.at(place))
        door = Address(place, f"{ip}:53")
        return await client.ask(door, to_wire(name), rtype, recursion=True, timeout_s=9, tries=1)

    async def address(self, name: str, **more: Any) -> str:
        """The address at the end of an answer; or how it failed."""
        answer = await self.ask(name, **more)
        if answer.rcode:
            return {NXDOMAIN: "NXDOMAIN", SERVFAIL: "SERVFAIL"}[answer.rcode]
        found = [record.rdata for record in answer.answers if record.rtype == A]
        return str(IPv4Address(found[0])) if found else "NODATA"

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self.simulated.outside.sleep(seconds)


def play(scenario: Callable[[Stage], Awaitable[None]], **settings: Any) -> None:
    stage = Stage(Settings(propagation_s=1.0, **settings))

    async def started() -> None:
        await stage.start()
        await scenario(stage)

    async def main() -> None:
        await stage.simulated.outside.spawn(started(), "scenario")

    try:
        stage.simulated.run(main())
    finally:
        stage.simulated.close()


def test_a_vpcs_resolver_recurses_for_public_names_and_knows_some_by_itself() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.zone("example.com", {"app": "web.example.org", "": "192.0.2.1"})
        await stage.zone("example.org", {"web": "192.0.2.7"})
        await stage.wait(TOLD_S)
        for ip in ("172.31.0.2", "169.254.169.253"):
            answer = await stage.ask("app.example.com", ip=ip)
            assert [record.rtype for record in answer.answers] == [CNAME, A]
        assert await stage.address("example.com") == "192.0.2.1"
        assert await stage.address("missing.example.com") == "NXDOMAIN"
        assert await stage.address("nobody.example.net") == "NXDOMAIN"
        assert await stage.address("localhost") == "127.0.0.1"
        assert await stage.address("a.localhost") == "NXDOMAIN"
        reverse = await stage.ask("1.0.0.10.in-addr.arpa", PTR)
        zones = [to_text(record.name) for record in reverse.authority]
        assert (reverse.rcode, zones) == (NXDOMAIN, ["10.in-addr.arpa."])

    play(scenario)


def test_who_switches_reverse_names_off_asks_the_public_dns_for_them() -> None:
    async def scenario(stage: Stage) -> None:
        async def zone() -> str:
            answer = await stage.ask("1.0.0.10.in-addr.arpa", PTR)
            return to_text(answer.authority[0].name)

        assert await zone() == "10.in-addr.arpa."
        vpc = await stage.vpc(W)
        asked = {"ResourceId": vpc, "AutodefinedReverseFlag": "DISABLE"}
        await stage.call("UpdateResolverConfig", **asked)
        assert await zone() == "."

    play(scenario)


def test_a_vpc_is_asked_by_its_id_also_after_a_restart() -> None:
    async def scenario(stage: Stage) -> None:
        vpc = await stage.vpc(W)
        assert await stage.address("localhost", ip=vpc) == "127.0.0.1"
        stage.simulated.kill(W)
        await stage.simulated.restart(W)
        assert await stage.address("localhost", ip=vpc) == "127.0.0.1"
        made = await stage.call("ec2:CreateVpc", CidrBlock="10.0.0.0/16")
        other = made["Vpc"]["VpcId"]
        assert await stage.address("localhost", ip=other) == "127.0.0.1"
        await stage.call("ec2:DeleteVpc", VpcId=other)
        with pytest.raises(TimedOut):
            await stage.ask("localhost", ip=other)

    play(scenario)


def test_the_default_vpc_answers_among_others() -> None:
    async def scenario(stage: Stage) -> None:
        for number in range(3):
            await stage.call("ec2:CreateVpc", CidrBlock=f"10.{number}.0.0/16")
        default = [{"Name": "is-default", "Values": ["true"]}]
        found = await stage.call("ec2:DescribeVpcs", Filters=default)
        vpc = found["Vpcs"][0]["VpcId"]
        name = "kms.us-west-2.amazonaws.com"
        subnets = (await stage.call("ec2:DescribeSubnets"))["Subnets"]
        await stage.call(
            "ec2:CreateVpcEndpoint",
            VpcId=vpc,
            ServiceName="com.amazonaws.us-west-2.kms",
            VpcEndpointType="Interface",
            SubnetIds=[subnets[0]["SubnetId"]],
        )
        assert (await stage.address(name)).startswith("172.31.")

    play(scenario)


def test_rules_forward_the_most_specific_match_by_an_outbound_endpoint() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.zone("example.com", {"app": "192.0.2.1", "app.cloud": "192.0.2.2"})
        await stage.wait(TOLD_S)
        outbound, ips = await stage.endpoint("OUTBOUND")
        assert await stage.address("app.example.com") == "192.0.2.1"
        rule = await stage.rule(
            "example.com", OFFICE[1], addresses.client_ip(OFFICE[0], 54), endpoint=outbound
        )
        assert await stage.address("app.example.com") == "10.9.9.9"
        assert await stage.address("deep.below.example.com") == "10.9.9.9"
        assert await stage.address("missing.example.com") == "NXDOMAIN"
        assert {place for place, _, _ in stage.asked} == {W}
        assert {ip for _, ip, _ in stage.asked} <= set(ips)
        assert await stage.address("app.cloud.example.com") == "10.9.9.9"
        await stage.rule("cloud.example.com")  # SYSTEM: takes it back
        assert await stage.address("app.cloud.example.com") == "192.0.2.2"
        await stage.rule(".", OFFICE[1], endpoint=outbound)
        assert await stage.address("www.example.net") == "10.9.9.9"
        assert await stage.address("localhost") == "127.0.0.1"
        vpc = await stage.vpc(W)
        await stage.call("DisassociateResolverRule", ResolverRuleId=rule, VPCId=vpc)
        assert await stage.address("app.example.com") == "10.9.9.9"  # by "."

    play(scenario)


def test_what_a_rule_forwards_is_kept_for_its_time_and_nobody_answering_is_a_failure() -> None:
    async def scenario(stage: Stage) -> None:
        outbound, _ = await stage.endpoint("OUTBOUND")
        await stage.rule("example.com", OFFICE[1], endpoint=outbound)
        assert await stage.address("app.example.com") == "10.9.9.9"
        stage.simulated.world.install(CutLink(a=W, b=OFFICE[0]))
        await stage.wait(30)
        assert await stage.address("app.example.com") == "10.9.9.9"
        await stage.wait(31)
        assert await stage.address("app.example.com") == "SERVFAIL"
        assert len(stage.asked) == 1

    play(scenario)


def test_what_is_on_its_way_by_a_rule_that_is_no_more_is_not_kept() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.zone("example.com", {"app": "192.0.2.1"})
        await stage.wait(TOLD_S)
        outbound, _ = await stage.endpoint("OUTBOUND")
        rule = await stage.rule("example.com", OFFICE[1], endpoint=outbound)
        vpc = await stage.vpc(W)
        assert await stage.address("localhost") == "127.0.0.1"  # has heard of private zones
        runtime = stage.simulated.outside
        asking = runtime.spawn(stage.address("app.example.com"), "ask")
        await runtime.sleep(0.01)  # of the round trip to the office
        await stage.call("DisassociateResolverRule", ResolverRuleId=rule, VPCId=vpc)
        assert await asking == "10.9.9.9"
        assert await stage.address("app.example.com") == "192.0.2.1"

    play(scenario)


def test_surprise_23_a_private_zone_never_lets_a_name_fall_through() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.zone("example.com", {"app": "192.0.2.1", "only": "192.0.2.2"})
        await stage.zone("com", {"app.example": "10.0.0.3"}, W)
        await stage.zone("example.com", {"app": "10.0.0.1", "out": "web.example.org"}, W)
        await stage.zone("example.org", {"web": "192.0.2.7"})
        await stage.wait(TOLD_S)
        assert await stage.address("app.example.com") == "10.0.0.1"
        assert await stage.address("only.example.com") == "NXDOMAIN"
        assert await stage.address("out.example.com") == "192.0.2.7"  # each link its own way
        assert await stage.address("app.example.com", place=E) == "192.0.2.1"

    play(scenario)


def test_surprise_24_a_forward_rule_beats_the_private_zone_of_the_same_name() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.zone("example.com", {"app": "10.0.0.1"}, W)
        await stage.zone("more.example.com", {"app": "10.0.0.2"}, W)
        await stage.wait(TOLD_S)
        assert await stage.address("app.example.com") == "10.0.0.1"
        outbound, _ = await stage.endpoint("OUTBOUND")
        await stage.rule(".", OFFICE[1], endpoint=outbound)
        assert await stage.address("app.example.com") == "10.0.0.1"  # more specific than "."
        await stage.rule("example.com", OFFICE[1], endpoint=outbound)
        assert await stage.address("app.example.com") == "10.9.9.9"
        assert await stage.address("app.more.example.com") == "10.0.0.2"

    play(scenario)


def test_names_cross_regions_by_an_outbound_and_an_inbound_endpoint() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.zone("corp.example", {"db": "10.0.0.5"}, E)
        await stage.wait(TOLD_S)
        assert await stage.address("db.corp.example", place=E) == "10.0.0.5"
        assert await stage.address("db.corp.example") == "NXDOMAIN"
        _, inbound = await stage.endpoint("INBOUND", E)
        assert await stage.address("db.corp.example", ip=inbound[1], place=E) == "10.0.0.5"
        outbound, _ = await stage.endpoint("OUTBOUND")
        await stage.rule("corp.example", *inbound, endpoint=outbound)
        world, started = stage.simulated.world, stage.simulated.outside.now()
        assert await stage.address("db.corp.example") == "10.0.0.5"
        took_ms = (stage.simulated.outside.now() - started) * 1e3
        assert took_ms == pytest.approx(world.rtt_ms(W, E), rel=0.1)
        cut = world.install(CutLink(a=W, b=E))
        await stage.wait(61)
        assert await stage.address("db.corp.example") == "SERVFAIL"
        assert await stage.address("db.corp.example", place=E) == "10.0.0.5"
        world.heal(cut)
        assert await stage.address("db.corp.example") == "10.0.0.5"

    play(scenario)


def test_a_region_that_starts_again_goes_by_its_rules_and_zones_also_alone() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.zone("corp.example", {"db": "10.0.0.5"}, W)
        await stage.wait(TOLD_S)
        outbound, _ = await stage.endpoint("OUTBOUND")
        _, inbound = await stage.endpoint("INBOUND")
        await stage.rule("example.com", OFFICE[1], endpoint=outbound)
        assert await stage.address("db.corp.example") == "10.0.0.5"
        stage.simulated.kill(W)
        with pytest.raises(TimedOut):
            await stage.ask("db.corp.example")
        for other in (E, HOME, "edge/*"):
            stage.simulated.world.install(CutLink(a=W, b=other))
        await stage.simulated.restart(W)
        assert await stage.address("app.example.com") == "10.9.9.9"
        assert await stage.address("db.corp.example", ip=inbound[0]) == "10.0.0.5"

    play(scenario)


def test_a_region_that_hears_nothing_of_private_zones_answers_all_the_same() -> None:
    async def scenario(stage: Stage) -> None:
        stage.simulated.world.install(CutLink(a=W, b=HOME))
        started = stage.simulated.outside.now()
        assert await stage.address("nobody.example.net") == "NXDOMAIN"
        assert stage.simulated.outside.now() - started < 2
        started = stage.simulated.outside.now()
        assert await stage.address("others.example.net") == "NXDOMAIN"
        assert stage.simulated.outside.now() - started < 0.2

    play(scenario)


def test_an_endpoint_that_is_being_made_says_nothing_and_forwards_nothing() -> None:
    async def scenario(stage: Stage) -> None:
        outbound, _ = await stage.endpoint("OUTBOUND")
        await stage.rule("example.com", OFFICE[1], endpoint=outbound)
        _, inbound = await stage.endpoint("INBOUND")
        assert await stage.address("app.example.com") == "SERVFAIL"
        with pytest.raises(TimedOut):
            await stage.ask("localhost", ip=inbound[0])
        await stage.wait(60)
        assert await stage.address("app.example.com") == "10.9.9.9"
        assert await stage.address("localhost", ip=inbound[0]) == "127.0.0.1"

    play(scenario, control_plane_delay_s=60.0)


def test_who_deletes_an_endpoint_closes_its_doors() -> None:
    async def scenario(stage: Stage) -> None:
        identity, inbound = await stage.endpoint("INBOUND")
        assert await stage.address("localhost", ip=inbound[0]) == "127.0.0.1"
        await stage.call("DeleteResolverEndpoint", ResolverEndpointId=identity)
        with pytest.raises(TimedOut):
            await stage.ask("localhost", ip=inbound[0])

    play(scenario)


def test_addresses_of_an_endpoint_are_asked_from_when_they_come_until_they_go() -> None:
    async def scenario(stage: Stage) -> None:
        identity, ips = await stage.endpoint("INBOUND")
        subnets = (await stage.call("ec2:DescribeSubnets", W))["Subnets"]
        third = next(one for one in subnets if one["CidrBlock"] == "172.31.32.0/20")
        added = {"SubnetId": third["SubnetId"], "Ip": "172.31.32.99"}
        named = {"ResolverEndpointId": identity}
        await stage.call("AssociateResolverEndpointIpAddress", **named, IpAddress=added)
        assert await stage.address("localhost", ip=added["Ip"]) == "127.0.0.1"
        await stage.call("DisassociateResolverEndpointIpAddress", **named, IpAddress=added)
        with pytest.raises(TimedOut):
            await stage.ask("localhost", ip=added["Ip"])
        assert await stage.address("localhost", ip=ips[0]) == "127.0.0.1"

    play(scenario)


def test_a_loop_of_rules_ends_in_a_failure() -> None:
    """Two regions that forward to each other, which the guide warns of."""

    async def scenario(stage: Stage) -> None:
        outbound, _ = await stage.endpoint("OUTBOUND")
        _, west = await stage.endpoint("INBOUND")
        _, east = await stage.endpoint("INBOUND", E)
        await stage.rule("example.com", *east, endpoint=outbound)
        back, _ = await stage.endpoint("OUTBOUND", E)
        made = await stage.call(
            "CreateResolverRule",
            E,
            CreatorRequestId="back",
            DomainName="example.com",
            RuleType="FORWARD",
            ResolverEndpointId=back,
            TargetIps=[{"Ip": ip} for ip in west],
        )
        rule, vpc = made["ResolverRule"]["Id"], await stage.vpc(E)
        await stage.call("AssociateResolverRule", E, ResolverRuleId=rule, VPCId=vpc)
        assert await stage.address("app.example.com") == "SERVFAIL"

    play(scenario)


def test_what_is_defined_by_itself_is_more_specific_than_a_private_zone_above_it() -> None:
    name, above, own = (to_wire(text) for text in ("1.10.in-addr.arpa", "arpa", "10.in-addr.arpa"))
    assert way_of(name, None, above, own).kind == "auto"
    assert way_of(name, None, own, own).kind == "private"
    assert way_of(name, None, above, None).kind == "private"
    assert way_of(name, None, None, None).kind == "public"


def test_is_within_is_by_whole_labels() -> None:
    assert is_within(to_wire("a.example.com"), to_wire("example.com"))
    assert not is_within(to_wire("notexample.com"), to_wire("example.com"))
