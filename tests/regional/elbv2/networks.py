"""A region with network load balancers, machines that listen in its zones, and clients of both.

Machines are a host of their own in the simulation, so they outlive the region's host.
"""

from typing import Any

from antipodes.runtime.contract import Address, Datagram, PlainReceiver, Stream
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World
from tests.regional.elbv2.hosts import REGION, Region, forward

ZONES = tuple(zone.name for zone in load_atlas().region(REGION).zones)
CLIENT = "198.19.128.9"
PORT = 7000
TRACE = "1-5759e988-bd862e3fe1be46a994272793"


def place_of(zone: str) -> str:
    return load_atlas().zone(zone).place


class Heard(PlainReceiver):
    """One end of a connection: what came, whether it is over, and whether it was reset."""

    def __init__(self, accepted: Any = None, answer: bytes = b"") -> None:
        self.accepted = accepted
        self.answer = answer
        self.data = b""
        self.over = False
        self.reset = False
        self.stream: Stream

    def connection_made(self, stream: Stream) -> None:
        self.stream = stream

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.answer:
            self.stream.write(self.answer)

    def connection_lost(self, error: Exception | None) -> None:
        self.over, self.reset = True, error is not None


class Machine:
    """Something that listens at an address, answers with its name, and keeps what it hears."""

    def __init__(self, network: "Network", zone: str, address: str, port: int = PORT) -> None:
        self.network = network
        self.zone = zone
        self.address = address
        self.at = Address(place_of(zone) if zone in ZONES else zone, f"{address}:{port}")
        self.heard: list[Heard] = []
        self.datagrams: list[Datagram] = []
        self.door: Any = None
        self.answer = address.encode()
        self.start()

    def start(self) -> None:
        network = self.network
        self.door = network.run_on_machines(network.machines.listen(self.at, self._accept))

    def stop(self) -> None:
        """Refuse from now on."""
        self.door.close()

    def _accept(self, accepted: Any) -> Heard:
        self.heard.append(Heard(accepted, self.answer))
        return self.heard[-1]

    @property
    def served(self) -> list[Heard]:
        """Connections on which something came: not those of checks over TCP."""
        return [heard for heard in self.heard if heard.data]

    def listen_datagrams(self) -> None:
        """Answer every datagram with this machine's name."""
        network = self.network
        standing = network.machines.at(self.at.place)

        def take(datagram: Datagram) -> None:
            self.datagrams.append(datagram)
            door.reply(datagram, self.answer)

        door = network.run_on_machines(standing.listen_datagrams(self.at, take))


class Network(Region):
    """The region, with what network load balancers need around it."""

    def __init__(self, **more: Any) -> None:
        self.links: World = more.pop("world", None) or World(load_atlas(), (REGION, "eu-central-1"))
        super().__init__(world=self.links, **more)
        self.machines = self.simulation.boot("machines", REGION)

    def run_on_machines(self, scenario: Any) -> Any:
        return self._run_on(self.machines, scenario)

    def machine(self, zone: str, last: int, port: int = PORT) -> Machine:
        """A machine in a zone's default subnet."""
        third = 16 * ZONES.index(zone)
        return Machine(self, zone, f"172.31.{third}.{last}", port)

    def vpc(self) -> str:
        vpc: str = self.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
        return vpc

    def subnet(self, zone: str) -> str:
        subnets = self.client("ec2").describe_subnets()["Subnets"]
        return next(str(s["SubnetId"]) for s in subnets if s["AvailabilityZone"] == zone)

    def nlb(self, name: str, *zones: str, **more: Any) -> dict[str, Any]:
        subnets = [self.subnet(zone) for zone in zones or ZONES[:2]]
        more = {"Subnets": subnets, **more}
        made = self.client("elbv2").create_load_balancer(Name=name, Type="network", **more)
        balancer: dict[str, Any] = made["LoadBalancers"][0]
        return balancer

    def flows(self, name: str, *machines: Machine, **more: Any) -> str:
        """A target group whose targets are machines."""
        more = {
            "TargetType": "ip",
            "Protocol": "TCP",
            "Port": PORT,
            "VpcId": self.vpc(),
            "HealthCheckIntervalSeconds": 10,
            **more,
        }
        group = self.group(name, **more)
        if machines:
            self.register(group, *({"Id": machine.address} for machine in machines))
        return group

    def register(self, group: str, *targets: dict[str, Any]) -> None:
        self.client("elbv2").register_targets(TargetGroupArn=group, Targets=list(targets))

    def listening(self, balancer: dict[str, Any], group: str, protocol: str = "TCP") -> str:
        made = self.client("elbv2").create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol=protocol,
            Port=PORT,
            DefaultActions=[forward(group)],
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def serving_flows(self, name: str, *machines: Machine, **more: Any) -> "Flows":
        """A load balancer in the machines' zones with one listener, its targets checked."""
        zones = [zone for zone in ZONES if any(machine.zone == zone for machine in machines)]
        balancer = self.nlb(name, *zones)
        group = self.flows(name, *machines, **more)
        protocol = more.get("Protocol", "TCP")
        listener = self.listening(balancer, group, protocol)
        self.wait(1)
        return Flows(self, balancer, group, listener)

    def states(self, group: str) -> dict[str, tuple[str, str]]:
        """State and reason of every target, by what it is."""
        described = self.client("elbv2").describe_target_health(TargetGroupArn=group)
        return {
            one["Target"]["Id"]: (
                one["TargetHealth"]["State"],
                one["TargetHealth"].get("Reason", ""),
            )
            for one in described["TargetHealthDescriptions"]
        }

    def set_group(self, group: str, **values: str) -> None:
        attributes = [{"Key": key, "Value": value} for key, value in values.items()]
        self.client("elbv2").modify_target_group_attributes(
            TargetGroupArn=group, Attributes=attributes
        )

    def told_name(self, balancer: dict[str, Any]) -> dict[str, str]:
        """The zones in the answer for a load balancer's name, with their addresses."""
        return self._told(balancer, "addresses")

    def told_zonal(self, balancer: dict[str, Any]) -> dict[str, str]:
        """The address that each zonal name of a load balancer leads to."""
        return self._told(balancer, "zonal")

    def _told(self, balancer: dict[str, Any], what: str) -> dict[str, str]:
        named = dict(self.host.changes.answers["elbv2/name"](None))
        found: dict[str, str] = named[balancer["DNSName"].lower()][what]
        return found


class Flows:
    """A network load balancer at work."""

    def __init__(
        self, network: Network, balancer: dict[str, Any], group: str, listener: str
    ) -> None:
        self.network = network
        self.balancer = balancer
        self.arn: str = balancer["LoadBalancerArn"]
        self.group = group
        self.listener = listener
        self.door = f"elb/{self.arn.partition('/')[2]}:{PORT}"
        self.nodes = network.told_zonal(balancer)

    def node(self, zone: str) -> Address:
        return Address(place_of(zone), f"{self.nodes[zone]}:{PORT}")

    def connect(self, to: Address | None = None, source_ip: str = CLIENT) -> Heard:
        """A client in the city connects, and says something; what it hears is kept."""
        to = to or Address(REGION, self.door)
        heard = Heard()

        async def connect() -> None:
            stream, _ = await self.network.city.connect(
                to, lambda _: heard, source_ip=source_ip, trace=TRACE
            )
            stream.write(b"hello")
            await self.network.city.sleep(1)

        self.network.run_in_city(connect())
        return heard
