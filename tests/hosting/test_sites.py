"""A customer's site in a world: reached over its link, cut off, lost, and its programs dead."""

import socketserver
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from antipodes.fabric.dns.message import RR, encode_answer
from antipodes.fabric.dns.names import to_wire
from antipodes.hosting.links import WorldLinks
from antipodes.hosting.resolver import NetworkResolver, NoSuchName, Resolver
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.hosting.sites import SiteHost
from antipodes.runtime.contract import Address, Datagram, Gone, PlainReceiver, Stream
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from antipodes.service.dnsserver import DnsServer
from antipodes.world.addresses import zone_address
from antipodes.world.atlas import load_atlas
from antipodes.world.faults import CutLink, DarkPlace
from antipodes.world.sites import read_sites
from antipodes.world.world import World
from tests.regional.elbv2.networks import Heard

REGION, SITE = "eu-west-2", "site/call-centre"
PROGRAM = Address("laptop", "127.0.0.1:9000")
SITES = """
[[site]]
name = "call-centre"
near = "london"
listen = { "10.20.0.5:5060" = "127.0.0.1:9000", "10.20.0.6:5060" = "127.0.0.1:9001" }
"""


class Echo(PlainReceiver):
    """A program at the site: says its own name after whatever it hears."""

    def connection_made(self, stream: Stream) -> None:
        self.stream = stream

    def data_received(self, data: bytes) -> None:
        self.stream.write(b"site heard " + data)


class Centre:
    """A world of one region and a site, and a program behind one of its two addresses."""

    def __init__(self) -> None:
        self.simulated = SimulatedWorld((REGION,), sites=read_sites(SITES))
        self.outside = self.simulated.outside
        self.city = self.outside.at("city/london")
        self.program: Any = None
        self.run(self.simulated.start())
        self.run(self.start_program())

    def run(self, scenario: Coroutine[Any, Any, Any]) -> Any:
        async def caught() -> Any:
            try:
                return await scenario
            except Gone as error:
                return error

        async def main() -> Any:
            return await self.outside.spawn(caught(), "scenario")

        outcome = self.simulated.run(main())
        if isinstance(outcome, Gone):
            raise outcome
        return outcome

    def wait(self, seconds: float) -> None:
        self.run(self.outside.sleep(seconds))

    async def start_program(self) -> None:
        self.program = await self.outside.listen(PROGRAM, lambda _: Echo())

        def take(datagram: Datagram) -> None:
            door.reply(datagram, b"site heard " + datagram.data)

        door = await self.outside.listen_datagrams(PROGRAM, take)

    def say(self, to: Address, data: bytes = b"hello", *, place: str = REGION) -> Heard:
        heard = Heard()

        async def say() -> None:
            stream, _ = await self.outside.at(place).connect(to, lambda _: heard)
            stream.write(data)
            await self.outside.sleep(1)

        self.run(say())
        return heard

    async def call(self, operation: str, **request: Any) -> Any:
        return await self.simulated.call(REGION, "elbv2", operation, request)

    async def balance(self, protocol: str) -> tuple[str, str]:
        """A network load balancer with both addresses of the site; its door and its group."""
        vpcs = await self.simulated.call(REGION, "ec2", "DescribeVpcs", {})
        subnets = await self.simulated.call(REGION, "ec2", "DescribeSubnets", {})
        ids = [subnet["SubnetId"] for subnet in subnets["Subnets"]][:2]
        made = await self.call("CreateLoadBalancer", Name="calls", Type="network", Subnets=ids)
        arn = made["LoadBalancers"][0]["LoadBalancerArn"]
        group = await self.call(
            "CreateTargetGroup",
            Name="calls",
            TargetType="ip",
            Protocol=protocol,
            Port=5060,
            VpcId=vpcs["Vpcs"][0]["VpcId"],
            HealthCheckIntervalSeconds=10,
        )
        group_arn: str = group["TargetGroups"][0]["TargetGroupArn"]
        targets = [{"Id": f"10.20.0.{n}", "AvailabilityZone": "all"} for n in (5, 6)]
        await self.call("RegisterTargets", TargetGroupArn=group_arn, Targets=targets)
        forward = {"Type": "forward", "TargetGroupArn": group_arn}
        await self.call(
            "CreateListener",
            LoadBalancerArn=arn,
            Protocol=protocol,
            Port=5060,
            DefaultActions=[forward],
        )
        return f"elb/{arn.partition('/')[2]}:5060", group_arn

    def states(self, group: str) -> list[str]:
        found = self.run(self.call("DescribeTargetHealth", TargetGroupArn=group))
        return [one["TargetHealth"]["State"] for one in found["TargetHealthDescriptions"]]


@pytest.fixture
def centre() -> Iterator[Centre]:
    centre = Centre()
    yield centre
    centre.simulated.simulation.close()


def test_an_address_of_a_site_leads_to_a_program_on_the_laptop(centre: Centre) -> None:
    started = centre.outside.now()
    heard = Heard()

    async def say() -> float:
        stream, _ = await centre.outside.at(REGION).connect(
            Address(SITE, "10.20.0.5:5060"), lambda _: heard
        )
        stream.write(b"hello")
        return centre.outside.now()

    opened_s = centre.run(say()) - started
    assert opened_s == pytest.approx(centre.simulated.world.rtt_ms(SITE, REGION) / 1e3, rel=0.5)
    centre.wait(1)
    assert heard.data == b"site heard hello"


def test_what_listens_nowhere_refuses(centre: Centre) -> None:
    with pytest.raises(Gone):
        centre.say(Address(SITE, "10.20.0.7:5060"))
    assert centre.say(Address(SITE, "10.20.0.6:5060")).reset  # the program does not run
    centre.simulated.kill("site")
    with pytest.raises(Gone):
        centre.say(Address(SITE, "10.20.0.5:5060"))


def test_a_load_balancer_sends_to_the_site_and_notices_what_is_dead(centre: Centre) -> None:
    door, group = centre.run(centre.balance("TCP"))
    centre.wait(30)
    assert centre.states(group) == ["healthy", "unhealthy"]
    to = Address(REGION, door)
    for _ in range(8):
        assert centre.say(to, place="city/london").data == b"site heard hello"


def test_targets_in_the_region_take_over_from_those_at_the_site(centre: Centre) -> None:
    """One target group with both: every connection goes to what is well."""
    _, group = centre.run(centre.balance("TCP"))
    zone = load_atlas().region(REGION).zones[0]
    standby = {"Id": "172.31.0.10"}

    async def stand_by() -> None:
        in_zone = Address(zone.place, "172.31.0.10:5060")
        await centre.outside.listen(in_zone, lambda accepted: Heard(accepted, b"standby"))
        await centre.call("RegisterTargets", TargetGroupArn=group, Targets=[standby])

    centre.run(stand_by())
    centre.wait(30)
    to = Address(zone.place, f"{zone_address(zone.place, 1)}:5060")

    def answers() -> set[bytes]:
        return {centre.say(to, place="city/london").data for _ in range(12)}

    assert answers() == {b"site heard hello", b"standby"}
    handle = centre.simulated.world.install(DarkPlace(SITE))
    centre.wait(45)
    assert answers() == {b"standby"}
    centre.simulated.world.heal(handle)
    centre.wait(60)
    assert answers() == {b"site heard hello", b"standby"}


@pytest.mark.parametrize(
    "fault", [DarkPlace(SITE), CutLink(a=SITE, b=REGION), CutLink(a="site/*", b="region/*")]
)
def test_a_site_that_cannot_be_reached_is_unhealthy(centre: Centre, fault: Any) -> None:
    _, group = centre.run(centre.balance("TCP"))
    centre.wait(1)
    assert centre.states(group)[0] == "healthy"
    handle = centre.simulated.world.install(fault)
    centre.wait(45)
    assert centre.states(group)[0] == "unhealthy"
    centre.simulated.world.heal(handle)
    centre.wait(60)
    assert centre.states(group)[0] == "healthy"


def test_datagrams_go_to_the_site_and_come_back(centre: Centre) -> None:
    door, _ = centre.run(centre.balance("UDP"))
    centre.wait(30)
    answers: list[Datagram] = []

    async def say() -> None:
        own = await centre.city.listen_datagrams(Address(centre.city.place, ""), answers.append)
        for word in (b"one", b"two"):
            own.send(Address(REGION, door), word, source_ip="198.19.128.9")
            await centre.outside.sleep(1)

    centre.run(say())
    assert [answer.data for answer in answers] == [b"site heard one", b"site heard two"]


def test_a_machine_in_a_region_reaches_a_site_and_people_in_cities_do_not(centre: Centre) -> None:
    world = centre.simulated.world
    machine = NetworkResolver(centre.outside.at(REGION), world)
    assert machine.door("10.20.0.5", 5060) == Address(SITE, "10.20.0.5:5060")
    assert machine.door("172.31.0.9", 80) == Address(REGION, "172.31.0.9:80")
    with pytest.raises(NoSuchName):
        Resolver(centre.city, world).door("10.20.0.5", 5060)


def test_a_rule_of_a_network_forwards_names_to_a_site(centre: Centre) -> None:
    office = RR(to_wire("db.corp.example"), 1, 60, bytes((10, 20, 0, 9)))
    names = DnsServer(centre.outside, lambda query, _: encode_answer(query, 0, [office]))

    async def resolver(operation: str, **request: Any) -> Any:
        return await centre.simulated.call(REGION, "route53resolver", operation, request)

    async def look_up() -> list[RR]:
        await names.listen(Address("laptop", "127.0.0.1:9001"))
        listed = await centre.simulated.call(REGION, "ec2", "DescribeSubnets", {})
        groups = await centre.simulated.call(REGION, "ec2", "DescribeSecurityGroups", {})
        made = await resolver(
            "CreateResolverEndpoint",
            CreatorRequestId="out",
            Direction="OUTBOUND",
            SecurityGroupIds=[groups["SecurityGroups"][0]["GroupId"]],
            IpAddresses=[{"SubnetId": subnet["SubnetId"]} for subnet in listed["Subnets"][:2]],
        )
        rule = await resolver(
            "CreateResolverRule",
            CreatorRequestId="corp",
            DomainName="corp.example",
            RuleType="FORWARD",
            ResolverEndpointId=made["ResolverEndpoint"]["Id"],
            TargetIps=[{"Ip": "10.20.0.6", "Port": 5060}],
        )
        vpc, rule_id = listed["Subnets"][0]["VpcId"], rule["ResolverRule"]["Id"]
        await resolver("AssociateResolverRule", ResolverRuleId=rule_id, VPCId=vpc)
        machine = NetworkResolver(centre.outside.at(REGION), centre.simulated.world)
        return [*(await machine.look_up(office.name, office.rtype)).records]

    assert centre.run(look_up()) == [office]


def test_a_site_starts_again(centre: Centre) -> None:
    handle = centre.simulated.kill("site")
    centre.run(centre.simulated.heal(handle))
    assert centre.say(Address(SITE, "10.20.0.5:5060")).data == b"site heard hello"
    site: Any = centre.simulated.hosts["site"]
    assert site.status()["sites"] == {
        "call-centre": {"10.20.0.5:5060": "127.0.0.1:9000", "10.20.0.6:5060": "127.0.0.1:9001"}
    }


def test_a_city_resolves_the_balancers_names_and_reaches_the_site(centre: Centre) -> None:
    centre.run(centre.balance("TCP"))
    centre.wait(90)  # what was made has spread

    async def resolve() -> tuple[str, str]:
        made = await centre.call("DescribeLoadBalancers", Names=["calls"])
        balancer = made["LoadBalancers"][0]
        name, zone = balancer["DNSName"], balancer["AvailabilityZones"][0]["ZoneName"]
        resolver = Resolver(centre.city, centre.simulated.world)
        return await resolver.resolve(name), await resolver.resolve(f"{zone}.{name}")

    nodes = [zone_address(zone.place, 1) for zone in load_atlas().region(REGION).zones[:2]]
    found, first = centre.run(resolve())
    assert found in nodes
    assert first == nodes[0]
    to = Address(load_atlas().region(REGION).zones[0].place, f"{first}:5060")
    assert centre.say(to, place="city/london").data == b"site heard hello"


class Shout(socketserver.BaseRequestHandler):
    """A program of the laptop's: answers datagrams."""

    def handle(self) -> None:
        data, door = self.request
        door.sendto(data.upper(), self.client_address)


def test_datagrams_of_a_real_site_reach_a_real_program(tmp_path: Path) -> None:
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Shout) as program:
        threading.Thread(target=program.serve_forever, daemon=True).start()
        port = program.socket.getsockname()[1]
        sites = read_sites(SITES.replace("127.0.0.1:9000", f"127.0.0.1:{port}"))
        world = World(load_atlas(), (REGION,), sites=sites)

        async def start(host: str) -> RealRuntime:
            return await RealRuntime.start(
                host=host,
                links=WorldLinks(world),
                run_directory=tmp_path,
                state_directory=tmp_path / "state",
            )

        async def main() -> list[bytes]:
            site, region = await start("site"), await start(REGION)
            try:
                await SiteHost(site, world).start()
                answers: list[bytes] = []
                heard = region.future()

                def take(datagram: Datagram) -> None:
                    answers.append(datagram.data)
                    if len(answers) == 2:
                        heard.set_result(None)

                door = await region.listen_datagrams(Address(REGION, ""), take)
                async with region.timeout(20):
                    for word in (b"one", b"two"):
                        door.send(Address(SITE, "10.20.0.5:5060"), word)
                    await heard
                return answers
            finally:
                await region.close()
                await site.close()

        try:
            assert sorted(run_main(main())) == [b"ONE", b"TWO"]
        finally:
            program.shutdown()
