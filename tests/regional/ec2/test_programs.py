"""What listens on instances: programs of the user's, named by a tag."""

from typing import Any

import pytest

from antipodes.runtime.contract import Accepted, Address, Gone, PlainReceiver, Stream
from antipodes.service.programs import instance_door
from tests.regional.ec2.networks import Networks
from tests.regional.ec2.worlds import refusal
from tests.regional.elbv2.hosts import Region

PROGRAM = Address("laptop", "127.0.0.1:8080")


class Greeter(PlainReceiver):
    """Says that it is there, and goes."""

    def connection_made(self, stream: Stream) -> None:
        stream.write(b"hello")
        stream.close()


class Heard(PlainReceiver):
    """Keeps what it is told."""

    def __init__(self, _: Accepted) -> None:
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data


def said(region: Region, interface: str, port: int) -> bytes:
    """What is heard at an interface's port; nothing where nobody listens."""

    async def scenario() -> bytes:
        try:
            door = instance_door(region.place, interface, port)
            _, heard = await region.runtime.connect(door, Heard)
        except Gone:
            return b""
        await region.runtime.sleep(1.0)
        return heard.data

    found: bytes = region.run(scenario())
    return found


@pytest.fixture
def machine(region: Region) -> tuple[Any, str, str]:
    """EC2, an instance, and its interface; a program runs on the laptop."""
    laptop = region.simulation.boot(PROGRAM.place)
    region.run(laptop.listen(PROGRAM, lambda _: Greeter()))
    networks = Networks(region)
    subnet = networks.subnet(networks.vpc("10.0.0.0/16"), "10.0.0.0/24")
    instance = networks.instance(subnet)
    [found] = networks.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    interface = found["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    return networks.ec2, instance, interface


def listens(ec2: Any, instance: str, value: str) -> None:
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "antipodes:listens", "Value": value}])


def test_a_tag_lets_a_port_lead_to_a_program(region: Region, machine: tuple[Any, str, str]) -> None:
    ec2, instance, interface = machine
    assert said(region, interface, 80) == b""
    listens(ec2, instance, "80=8080 81=127.0.0.1:8080,82=9")
    assert [said(region, interface, port) for port in (80, 81, 82)] == [b"hello", b"hello", b""]
    listens(ec2, instance, "83=8080")
    assert [said(region, interface, port) for port in (80, 83)] == [b"", b"hello"]
    region.restart()
    assert said(region, interface, 83) == b"hello"


@pytest.mark.parametrize(
    "value", ["80", "80=", "x=80", "80=0", "65536=1", "80=10.0.0.1:80", "80=127.0.0.1:x"]
)
def test_only_ports_of_this_machine_can_be_named(still: Any, value: str) -> None:
    [vpc] = still.describe_vpcs()["Vpcs"]
    tags = [{"Key": "antipodes:listens", "Value": value}]
    code = refusal(still.create_tags, Resources=[vpc["VpcId"]], Tags=tags)
    assert code == "InvalidParameterValue"
