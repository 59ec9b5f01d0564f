"""Networks made by boto3 in two regions of real processes, and asked about on the command line."""

import json
from typing import Any

import pytest

from tests.e2e.worlds import RunningWorld, run, wait

W, E = "us-west-2", "eu-central-1"
pytestmark = pytest.mark.slow


def host(ec2: Any, prefix: str) -> tuple[str, str, str]:
    """A network with one host, open to 10.0.0.0/8: the network, its main table and the host."""
    vpc = ec2.create_vpc(CidrBlock=f"{prefix}.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"{prefix}.0.0/24")["Subnet"]["SubnetId"]
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    [group] = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    permission = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[permission])
    made = ec2.run_instances(
        ImageId="ami-0123456789abcdef0",
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
    )
    [table] = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    return vpc, table["RouteTableId"], made["Instances"][0]["InstanceId"]


def test_a_packet_goes_from_region_to_region_over_a_peering() -> None:
    with RunningWorld(regions=(W, E)) as world:
        west, east = world.client("ec2", W), world.client("ec2", E)
        vpc, table, near = host(west, "10.1")
        far_vpc, far_table, far = host(east, "10.2")

        def walked(*more: str) -> dict[str, Any]:
            asked = run("network", "walk", near, far, "--json", *more, state=world.state)
            found: dict[str, Any] = json.loads(asked.stdout)
            assert asked.returncode == (0 if found["reached"] else 1)
            return found

        assert walked()["forward"]["outcome"] == "no route"
        made = west.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=far_vpc, PeerRegion=E)
        peering = {"VpcPeeringConnectionId": made["VpcPeeringConnection"]["VpcPeeringConnectionId"]}
        wait(lambda: east.describe_vpc_peering_connections()["VpcPeeringConnections"])
        east.accept_vpc_peering_connection(**peering)
        west.create_route(RouteTableId=table, DestinationCidrBlock="10.2.0.0/16", **peering)
        east.create_route(RouteTableId=far_table, DestinationCidrBlock="10.1.0.0/16", **peering)
        wait(lambda: walked()["reached"])
        forward = walked("--port", "22")["forward"]
        assert forward["latency_ms"] > 50
        assert (forward["mtu"], forward["charges"]) == (8500, ["region crossed"])
        told = run("network", "walk", near, far, state=world.state)
        assert "reached, and answered" in told.stdout
        nobody = run("network", "walk", near, far, "--account", "1&2 3", state=world.state)
        assert (nobody.returncode, "no region that is up knows" in nobody.stderr) == (2, True)
        for port in ("65536", "-1", "web"):
            refused = run("network", "walk", near, far, f"--port={port}", state=world.state)
            assert (refused.returncode, "is not a port" in refused.stderr) == (2, True)
        unknown = run("network", "walk", "i-9", far, state=world.state)
        assert (unknown.returncode, "nothing here is called i-9" in unknown.stderr) == (2, True)
