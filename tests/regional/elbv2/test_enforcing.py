"""Where a world enforces its networks: what they let load balancers take and send."""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.runtime.contract import Address, Gone
from antipodes.service.contract import Settings
from antipodes.service.http import HttpClient, HttpRequest, HttpResponse, HttpServer
from tests.regional.ec2.worlds import named
from tests.regional.elbv2.hosts import ACCOUNT, REGION, fixed, forward
from tests.regional.elbv2.networks import CLIENT, ZONES, Flows, Network, place_of
from tests.regional.elbv2.test_nlbdatagrams import Speaker

A, B, C = ZONES[:3]
INSIDE = "172.31.0.0/16"
EVERYTHING = {"Protocol": "-1", "CidrBlock": "0.0.0.0/0"}


class Enforced(Network):
    """A region whose networks are enforced, or not."""

    def __init__(self, *, enforces: bool = True) -> None:
        super().__init__(settings=Settings(account=ACCOUNT, network_enforce=enforces))
        self.ec2 = self.client("ec2")

    def closed(self, name: str) -> str:
        """A group that lets nothing in."""
        made = self.ec2.create_security_group(VpcId=self.vpc(), GroupName=name, Description=name)
        group: str = made["GroupId"]
        return group

    def let_in(self, group: str, prefix: str = "", *, members: str = "") -> None:
        """Let all in that come from a prefix, or from members of a group; soon it is so."""
        rule: dict[str, Any] = {"IpProtocol": "-1"}
        rule |= {"IpRanges": [{"CidrIp": prefix}]} if prefix else {}
        rule |= {"UserIdGroupPairs": [{"GroupId": members}]} if members else {}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        self.wait(1)

    def stand(self, zone: str, address: str, group: str) -> None:
        """Have an interface at an address of a zone's default subnet."""
        self.ec2.create_network_interface(
            SubnetId=self.subnet(zone), PrivateIpAddress=address, Groups=[group]
        )

    def front(self, name: str, group: str) -> str:
        """An application load balancer with an answer of its own; its ARN."""
        subnets = [self.subnet(zone) for zone in (A, B)]
        [made] = self.client("elbv2").create_load_balancer(
            Name=name, Subnets=subnets, SecurityGroups=[group]
        )["LoadBalancers"]
        self.listener(made, fixed("here"))
        return str(made["LoadBalancerArn"])

    def node(self, name: str, port: int = 80) -> str:
        """The door of a load balancer's node."""
        [made] = self.client("elbv2").describe_load_balancers(Names=[name])["LoadBalancers"]
        return f"{self.addresses(made['DNSName'])[0]}:{port}"

    def silent_s(self, door: str) -> float:
        """How long a client hears nothing, before it is reset."""
        began = self.runtime.now()
        with pytest.raises(Gone):
            self.ask(door)
        return float(self.runtime.now() - began)


@pytest.fixture(scope="module")
def network() -> Iterator[Enforced]:
    network = Enforced()
    yield network
    network.close()


def test_a_group_without_a_rule_holds_clients_back(network: Enforced) -> None:
    group = network.closed("front")
    arn = network.front("front", group)
    door = network.node("front")
    network.wait(1)
    assert 75 <= network.silent_s(door) < 77
    assert network.ask(door, source_ip="172.31.200.1").body == b"here"  # was walked on its way
    edge = network.simulation.boot("edge/GRU")
    at = Address(REGION, f"elb/{arn.partition('/')[2]}:80")

    async def through_an_accelerator(**more: Any) -> bytes:
        client = HttpClient(edge)
        return bytes((await client.request(at, "GET", "/", keep_alive=False, **more)).body)

    assert network.run(through_an_accelerator()) == b"here"  # without the client's address
    with pytest.raises(Gone):
        network.run(through_an_accelerator(source_ip=CLIENT))
    network.let_in(group, f"{CLIENT}/32")
    assert network.ask(door).body == b"here"
    assert network.run(through_an_accelerator(source_ip=CLIENT)) == b"here"
    assert network.simulation.journal.markers()["elb.kept-out"] == 2


def test_what_has_a_public_address_of_a_network_was_walked_on_its_way_out(
    network: Enforced,
) -> None:
    group = network.closed("public")
    network.front("public", group)
    ec2, door = network.ec2, network.node("public")
    own = ec2.create_network_interface(SubnetId=network.subnet(C), Groups=[group])
    elastic = ec2.allocate_address()
    ec2.associate_address(
        AllocationId=elastic["AllocationId"],
        NetworkInterfaceId=own["NetworkInterface"]["NetworkInterfaceId"],
    )
    network.wait(1)
    with pytest.raises(Gone):
        network.ask(door, source_ip=elastic["PublicIp"])
    network.let_in(group, f"{elastic['PublicIp']}/32")
    assert network.ask(door, source_ip=elastic["PublicIp"]).body == b"here"


def test_where_networks_are_not_enforced_nobody_is_held_back() -> None:
    network = Enforced(enforces=False)
    network.front("free", network.closed("free"))
    machine = network.machine(A, 10)
    network.stand(A, machine.address, network.closed("target"))
    flows = network.serving_flows("flows", machine)
    assert network.ask(network.node("free")).body == b"here"
    assert flows.connect(flows.node(A)).data == machine.answer
    network.close()


def test_targets_are_reached_as_groups_and_filters_let_nodes(network: Enforced) -> None:
    front, back = network.closed("balancer"), network.closed("back")
    network.let_in(front, "0.0.0.0/0")
    network.stand(C, "172.31.32.20", back)

    async def answer(_: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"target")

    server = HttpServer(network.machines, answer)
    at = Address(place_of(C), "172.31.32.20:80")
    network.run_on_machines(network.machines.listen(at, server.receiver))
    network.front("asks", front)
    elbv2 = network.client("elbv2")
    [made] = elbv2.describe_load_balancers(Names=["asks"])["LoadBalancers"]
    group = network.group(
        "asked",
        TargetType="ip",
        Protocol="HTTP",
        Port=80,
        VpcId=network.vpc(),
        HealthCheckIntervalSeconds=10,
    )
    network.register(group, {"Id": "172.31.32.20"})
    network.listener(made, forward(group), port=82)
    door = network.node("asks", 82)

    def state() -> tuple[str, str]:
        return network.states(group)["172.31.32.20"]

    network.wait(30)
    assert state() == ("unhealthy", "Target.Timeout")
    began = network.runtime.now()
    assert network.ask(door).status == 504
    assert 10 <= network.runtime.now() - began < 12
    network.let_in(back, members=front)
    network.wait(60)
    assert state() == ("healthy", "")
    assert network.ask(door).body == b"target"

    ec2 = network.ec2
    acl = ec2.create_network_acl(VpcId=network.vpc())["NetworkAcl"]["NetworkAclId"]
    ports = {"Protocol": "6", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 80, "To": 80}}
    for egress, entry in ((False, EVERYTHING), (True, ports)):
        ec2.create_network_acl_entry(
            NetworkAclId=acl, RuleNumber=1, RuleAction="allow", Egress=egress, **entry
        )
    filters = named("association.subnet-id", network.subnet(C))
    [before] = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    [association] = [
        one["NetworkAclAssociationId"]
        for one in before["Associations"]
        if one["SubnetId"] == network.subnet(C)
    ]
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)
    network.wait(30)
    assert state() == ("unhealthy", "Target.Timeout")  # the answer has no way back
    ec2.create_network_acl_entry(
        NetworkAclId=acl, RuleNumber=2, RuleAction="allow", Egress=True, **EVERYTHING
    )
    network.wait(60)
    assert state() == ("healthy", "")


def test_targets_judge_the_client_where_its_address_is_kept(network: Enforced) -> None:
    machine, group = network.machine(A, 30), network.closed("machine")
    network.stand(A, machine.address, group)
    network.let_in(group, INSIDE)
    flows = network.serving_flows("kept", machine)
    network.wait(30)
    assert network.states(flows.group)[machine.address] == ("healthy", "")
    as_node = flows.connect(flows.node(A))
    assert as_node.data == machine.answer
    as_node.stream.close()
    network.set_group(flows.group, **{"preserve_client_ip.enabled": "true"})
    held = flows.connect(flows.node(A))
    assert (held.data, held.over) == (b"", False)
    network.wait(75)
    assert held.reset
    assert network.elbv2.network.flows == 0
    network.let_in(group, f"{CLIENT}/32")
    assert flows.connect(flows.node(A)).data == machine.answer


def test_a_load_balancer_behind_another_is_judged_at_its_node(network: Enforced) -> None:
    group = network.closed("behind")
    arn = network.front("behind", group)
    behind = network.flows(
        "behind", TargetType="alb", Port=80, HealthCheckProtocol="HTTP", Protocol="TCP"
    )
    network.register(behind, {"Id": arn})
    network.listening(network.nlb("before", A), behind)
    network.wait(40)
    assert network.states(behind)[arn] == ("unhealthy", "Target.FailedHealthChecks")
    network.let_in(group, INSIDE)
    network.wait(60)
    assert network.states(behind)[arn] == ("healthy", "")


def test_datagrams_are_dropped(network: Enforced) -> None:
    machine, group = network.machine(A, 40), network.closed("speaker")
    network.stand(A, machine.address, group)
    machine.listen_datagrams()
    front = network.closed("talk")
    balancer = network.nlb("talk", A, SecurityGroups=[front])
    targets = network.flows("talk", machine, Protocol="UDP")
    listener = network.listening(balancer, targets, "UDP")
    flows = Flows(network, balancer, targets, listener)
    network.wait(1)
    speaker = Speaker(network, flows.node(A))
    assert speaker.say(b"one") == b""
    network.let_in(front, "0.0.0.0/0")
    assert speaker.say(b"two") == b""
    network.let_in(group, f"{CLIENT}/32")
    assert speaker.say(b"three") == machine.answer
    assert [one.data for one in machine.datagrams] == [b"three"]
