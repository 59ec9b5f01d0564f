"""Programs that stand on instances: what their networks let through is really sent."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from antipodes.wire.pcap import ACK, FIN, SYN
from tests.e2e.worlds import RunningWorld, run

W, E = "us-west-2", "eu-central-1"
GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=30).read().decode())"
LIST = """
import boto3, botocore.config
once = botocore.config.Config(retries={"total_max_attempts": 1})
print(boto3.client("dynamodb", region_name="us-west-2", config=once).list_tables())
"""
pytestmark = pytest.mark.slow


class Page(BaseHTTPRequestHandler):
    """Says who is asking for what."""

    def do_GET(self) -> None:
        body = f"here is {self.path}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def program() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def host(ec2: Any, prefix: str, **tags: str) -> tuple[str, str, str, str]:
    """A network with one host: the network, its main table, its group, and the host."""
    vpc = ec2.create_vpc(CidrBlock=f"{prefix}.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"{prefix}.0.0/24")["Subnet"]["SubnetId"]
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    [group] = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    [table] = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    made = ec2.run_instances(
        ImageId="ami-0123456789abcdef0",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        PrivateIpAddress=f"{prefix}.0.10",
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    )
    return vpc, table["RouteTableId"], group["GroupId"], made["Instances"][0]["InstanceId"]


def fetched(world: RunningWorld, method: str, path: str) -> bytes:
    url = f"http://127.0.0.1:{world.port}/_antipodes{path}"
    with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
        content: bytes = answer.read()
        return content


def packets(file: bytes) -> list[tuple[int, bytes]]:
    """The flags and data of each segment in a captured file."""
    found, at = [], 24
    while at < len(file):
        length = int.from_bytes(file[at + 8 : at + 12], "little")
        packet = file[at + 16 : at + 16 + length]
        found.append((packet[33], packet[40:]))
        at += 16 + length
    return found


def test_a_program_on_an_instance_reaches_what_its_networks_let_it(program: int) -> None:
    with RunningWorld("--speed", "10", regions=(W,)) as world:
        ec2 = world.client("ec2", W)

        def at(machine: str, code: str, *words: str) -> subprocess.CompletedProcess[str]:
            return run("at", machine, "--", sys.executable, "-c", code, *words, state=world.state)

        listens = {"antipodes:listens": f"80={program}"}
        vpc, table, _, client = host(ec2, "10.1")
        far_vpc, far_table, far_group, server = host(ec2, "10.2", **listens)
        nowhere = at(client, GET, "http://10.2.0.10/x")
        assert (nowhere.returncode, "504" in nowhere.stderr) == (1, True)

        made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=far_vpc)
        peering = {"VpcPeeringConnectionId": made["VpcPeeringConnection"]["VpcPeeringConnectionId"]}
        ec2.accept_vpc_peering_connection(**peering)
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.2.0.0/16", **peering)
        ec2.create_route(RouteTableId=far_table, DestinationCidrBlock="10.1.0.0/16", **peering)
        assert "504" in at(client, GET, "http://10.2.0.10/x").stderr  # its group lets nobody in
        permission = {
            "IpProtocol": "tcp",
            "FromPort": 80,
            "ToPort": 81,
            "IpRanges": [{"CidrIp": "10.1.0.0/16"}],
        }
        ec2.authorize_security_group_ingress(GroupId=far_group, IpPermissions=[permission])
        captures = [world.ask(f"/captures/{one}", "POST")["capture"] for one in (client, server)]
        answer = at(client, GET, "http://10.2.0.10/x")
        assert answer.stdout == "here is /x\n", answer.stderr
        near, far = (packets(fetched(world, "DELETE", f"/captures/{one}")) for one in captures)
        assert near == far
        assert [flags for flags, _ in near[:3]] == [SYN, SYN | ACK, ACK]
        assert [flags for flags, _ in near[-3:]] == [FIN | ACK, FIN | ACK, ACK]
        said = b"".join(data for _, data in near)
        assert said.startswith(b"GET /x HTTP/1.1\r\n")
        assert said.endswith(b"here is /x")
        nowhere = run("network", "capture", client, str(world.state), state=world.state)
        assert (nowhere.returncode, "cannot be written" in nowhere.stderr) == (2, True)
        assert "502" in at(client, GET, "http://10.2.0.10:81/x").stderr  # nothing listens

        assert at(client, LIST).returncode == 1  # no way out of the network
        ec2.create_vpc_endpoint(
            VpcId=vpc, ServiceName=f"com.amazonaws.{W}.dynamodb", RouteTableIds=[table]
        )
        assert "'TableNames': []" in at(client, LIST).stdout
        ec2.delete_tags(Resources=[server], Tags=[{"Key": "antipodes:listens"}])
        assert "502" in at(client, GET, "http://10.2.0.10/x").stderr
        unknown = at("i-0123456789abcdef0", GET, "http://10.2.0.10/x")
        assert (unknown.returncode, "has an instance" in unknown.stderr) == (2, True)


def listening(elbv2: Any, balancer: dict[str, Any]) -> None:
    said = {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "balanced"}
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": said}],
    )


def test_a_program_on_an_instance_reaches_balancers() -> None:
    with RunningWorld("--speed", "10", "--network-enforce", regions=(W,)) as world:
        ec2, elbv2 = world.client("ec2", W), world.client("elbv2", W)
        subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"][:2]]
        made = ec2.run_instances(
            ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, SubnetId=subnets[0]
        )
        [machine] = made["Instances"]
        made = elbv2.create_load_balancer(Name="inside", Scheme="internal", Subnets=subnets)
        [balancer] = made["LoadBalancers"]
        listening(elbv2, balancer)
        filters = [{"Name": "description", "Values": ["ELB app/inside/*"]}]
        nodes = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        url = f"http://{nodes[0]['PrivateIpAddress']}/"
        asked = ("at", machine["InstanceId"], "--", sys.executable, "-c", GET, url)
        answer = run(*asked, state=world.state)
        assert answer.stdout == "balanced\n", answer.stderr
        [group] = balancer["SecurityGroups"]
        [rule] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rule["IpPermissions"])
        refused = run(*asked, state=world.state)
        assert "504" in refused.stderr

        made = ec2.create_security_group(GroupName="open", Description="open")
        everybody = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        ec2.authorize_security_group_ingress(GroupId=made["GroupId"], IpPermissions=everybody)
        [outside] = elbv2.create_load_balancer(
            Name="outside", Subnets=subnets, SecurityGroups=[made["GroupId"]]
        )["LoadBalancers"]
        listening(elbv2, outside)
        url = f"http://{outside['DNSName']}/"
        asked = ("at", machine["InstanceId"], "--", sys.executable, "-c", GET, url)
        answer = run(*asked, state=world.state)
        assert answer.stdout == "balanced\n", answer.stderr
