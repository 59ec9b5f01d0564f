"""A program of one's own on the laptop, at a site of a world of processes, behind a balancer."""

import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from antipodes.world.addresses import zone_address
from tests.e2e.worlds import RunningWorld, run, wait

REGION = "eu-west-2"


class Page(BaseHTTPRequestHandler):
    """What stands at the site."""

    def do_GET(self) -> None:
        """Answer anything."""
        self.send_response(HTTPStatus.OK)
        self.send_header("content-length", "9")
        self.end_headers()
        self.wfile.write(b"from site")

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def world(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorld]:
    file = tmp_path_factory.mktemp("sites") / "sites.toml"
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        unused = nobody.getsockname()[1]
    file.write_text(
        '[[site]]\nname = "call-centre"\nnear = "london"\n'
        f'listen = {{ "10.20.0.5:80" = "127.0.0.1:{port}", '
        f'"10.20.0.6:80" = "127.0.0.1:{unused}" }}\n'
    )
    with RunningWorld("--sites", str(file), "--speed", "10", regions=(REGION,)) as world:
        yield world


def test_a_balancer_sends_a_citys_requests_to_the_site(world: RunningWorld) -> None:
    elbv2, ec2 = world.client("elbv2", REGION), world.client("ec2", REGION)
    subnet = next(
        s for s in ec2.describe_subnets()["Subnets"] if s["AvailabilityZone"] == f"{REGION}a"
    )
    made = elbv2.create_load_balancer(Name="calls", Type="network", Subnets=[subnet["SubnetId"]])
    group = elbv2.create_target_group(
        Name="calls",
        TargetType="ip",
        Protocol="TCP",
        Port=80,
        VpcId=subnet["VpcId"],
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    targets = [{"Id": f"10.20.0.{n}", "AvailabilityZone": "all"} for n in (5, 6)]
    elbv2.register_targets(TargetGroupArn=group, Targets=targets)
    elbv2.create_listener(
        LoadBalancerArn=made["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="TCP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )

    def states() -> list[str]:
        found = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [one["TargetHealth"]["State"] for one in found]

    wait(lambda: states() == ["healthy", "unhealthy"])
    url = f"http://{zone_address(f'{REGION}a', 1)}/"
    for _ in range(3):
        assert world.curl("paris", url)[2] == b"from site"
    assert world.ask("/status")["hosts"]["site"]["state"] == "up"


def test_a_file_of_sites_that_is_wrong_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sites.toml"
    file.write_text('[[site]]\nname = "x"\n')
    done = run("up", "--sites", str(file), state=tmp_path / "state")
    assert done.returncode == 2
    assert "either what city" in done.stderr
