"""The life of a world: up, down, bad input, and `kill -9` of everything in turn."""

import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from tests.e2e.worlds import RunningWorld, alive, clean, command, kill, run, wait

W, E, HOME = "us-west-2", "eu-central-1", "us-east-1"
TABLE = {
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    with RunningWorld() as running:
        yield running


def test_two_accounts_with_equal_names_never_see_each_other(world: RunningWorld) -> None:
    one = world.client("dynamodb", W, account="111111111111")
    two = world.client("dynamodb", W, account="222222222222")
    for client in (one, two):
        client.create_table(TableName="Same", **TABLE)
        client.get_waiter("table_exists").wait(TableName="Same", WaiterConfig={"Delay": 1})
    one.put_item(TableName="Same", Item={"k": {"S": "x"}, "of": {"S": "one"}})
    assert "Item" not in two.get_item(TableName="Same", Key={"k": {"S": "x"}})
    two.delete_table(TableName="Same")
    assert one.get_item(TableName="Same", Key={"k": {"S": "x"}})["Item"]["of"] == {"S": "one"}
    arn = one.describe_table(TableName="Same")["Table"]["TableArn"]
    assert arn == "arn:aws:dynamodb:us-west-2:111111111111:table/Same"
    assert world.client("dynamodb", E, account="111111111111").list_tables()["TableNames"] == []


def test_an_assumed_role_acts_in_its_own_account(world: RunningWorld) -> None:
    sts = world.client("sts", W, account="333333333333")
    role = sts.assume_role(
        RoleArn="arn:aws:iam::444444444444:role/visitor", RoleSessionName="visit"
    )
    assumed = world.client(
        "sts",
        E,
        account=role["Credentials"]["AccessKeyId"],
        aws_session_token=role["Credentials"]["SessionToken"],
    )
    assert assumed.get_caller_identity()["Account"] == "444444444444"
    assert sts.get_caller_identity()["Account"] == "333333333333"


def test_a_kept_connection_may_change_the_region(world: RunningWorld) -> None:
    """One HTTP connection, requests signed for two regions, in turn."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - only here
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - only here
    from botocore.credentials import Credentials  # noqa: PLC0415 - only here

    world.client("dynamodb", E, account="555555555555").create_table(TableName="OnlyHere", **TABLE)
    connection = http.client.HTTPConnection("127.0.0.1", world.port)
    seen = []
    for region in (W, E, W):
        request = AWSRequest(
            "POST",
            f"{world.url}/",
            data=b"{}",
            headers={
                "X-Amz-Target": "DynamoDB_20120810.ListTables",
                "Content-Type": "application/x-amz-json-1.0",
            },
        )
        SigV4Auth(Credentials("555555555555", "test"), "dynamodb", region).add_auth(request)
        connection.request("POST", "/", body=b"{}", headers=dict(request.headers.items()))
        seen.append(json.load(connection.getresponse())["TableNames"])
    connection.close()
    assert seen == [[], ["OnlyHere"], []]


def test_a_city_has_one_port_however_many_ask_for_it_at_once(world: RunningWorld) -> None:
    for city in ("lima", "quito", "bogota"):
        connections = [http.client.HTTPConnection("127.0.0.1", world.port) for _ in range(8)]
        for connection, name in zip(connections, (city, f"city%2F{city}") * 4, strict=True):
            connection.request("GET", f"/_antipodes/cities/{name}")
        ports = [json.load(connection.getresponse())["port"] for connection in connections]
        for connection in connections:
            connection.close()
        assert ports == [world.ask("/status")["cities"][f"city/{city}"]] * len(connections)


def test_what_no_program_can_stand_in_is_named(world: RunningWorld) -> None:
    done = run("at", "edge/GRU", "--", "true", state=world.state)
    assert (done.returncode, "edge/GRU is not a city" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    "command", [("break", "region", "us west"), ("heal", "a b/c"), ("trace", "1-é&x=1#")]
)
def test_words_with_any_letters_are_passed_on(world: RunningWorld, command: Sequence[str]) -> None:
    done = run(*command, state=world.state)
    assert "Traceback" not in done.stderr
    assert command[-1] in done.stderr or "no spans" in done.stdout


def test_a_region_that_is_not_there_is_named(world: RunningWorld) -> None:
    with pytest.raises(ClientError, match="ap-south-1"):
        world.client("dynamodb", "ap-south-1").list_tables()


def test_what_is_not_offered_is_refused_by_name(world: RunningWorld) -> None:
    arn, client = "arn:aws:dynamodb:us-west-2:000000000000:table/Same", world.client("dynamodb")
    with pytest.raises(ClientError, match="ExportTableToPointInTime") as refused:
        client.export_table_to_point_in_time(TableArn=arn, S3Bucket="bucket")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError, match="sqs"):
        world.client("sqs").list_queues()


def post(world: RunningWorld, body: bytes, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(world.url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_unsigned_and_malformed_requests_get_awss_errors(world: RunningWorld) -> None:
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables"}
    status, body = post(world, b"{}", **target)
    assert (status, b"MissingAuthenticationToken" in body) == (400, True) or status == 403
    signed = (
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-west-2/dynamodb/aws4_request, "
        "SignedHeaders=host, Signature=00"
    )
    status, body = post(world, b"{", **target, Authorization=signed)
    assert status == 400
    assert b"SerializationException" in body


def test_health_is_told_where_tools_look_for_it(world: RunningWorld) -> None:
    for path in ("/_antipodes/health", "/_localstack/health"):
        with urllib.request.urlopen(world.url + path, timeout=30) as answer:
            health = json.load(answer)
        assert health["services"]["dynamodb"] == "available"


def test_a_second_world_in_the_same_directory_is_refused(world: RunningWorld) -> None:
    done = run("up", "--detach", "--port", "0", state=world.state)
    assert done.returncode == 2
    assert "in use" in done.stderr
    reset = run("reset", state=world.state)
    assert reset.returncode == 2


def test_a_port_in_use_is_told(world: RunningWorld, tmp_path: Path) -> None:
    done = run("up", "--detach", "--port", str(world.port), state=tmp_path / "other")
    assert done.returncode == 2
    assert str(world.port) in done.stderr


def test_a_newer_state_directory_is_refused_untouched(tmp_path: Path) -> None:
    tmp_path.joinpath("format.json").write_text('{"version": 99}')
    done = run("up", "--detach", "--port", "0", state=tmp_path)
    assert done.returncode == 2
    assert "newer" in done.stderr
    assert json.loads(tmp_path.joinpath("format.json").read_text()) == {"version": 99}


def test_unknown_regions_and_cities_are_named(world: RunningWorld, tmp_path: Path) -> None:
    done = run("up", "--regions", "us-west-7", state=tmp_path)
    assert done.returncode == 2
    assert "us-west-7" in done.stderr
    done = run("at", "atlantis", "--", "true", state=world.state)
    assert done.returncode == 2
    assert "atlantis" in done.stderr


def test_verbs_without_a_world_say_how_to_start_one(tmp_path: Path) -> None:
    done = run("status", state=tmp_path)
    assert done.returncode == 2
    assert "antipodes up" in done.stderr


def test_faults_are_installed_shown_and_healed(world: RunningWorld) -> None:
    done = run("break", "link", W, E, "--latency", "300ms", "--loss", "5%", state=world.state)
    assert done.returncode == 0, done.stderr
    handles = done.stdout.split()
    assert len(handles) == 2
    shown = json.loads(run("status", "--json", state=world.state).stdout)["faults"]
    assert set(handles) <= set(shown)
    assert run("heal", handles[0], state=world.state).returncode == 0
    assert run("heal", state=world.state).stdout.split() == ["healed", handles[1]]
    assert run("heal", "fault-99", state=world.state).returncode == 2


def test_a_control_plane_is_broken_by_name(world: RunningWorld) -> None:
    elastic = world.client("elbv2", E)
    assert elastic.describe_load_balancers()["LoadBalancers"] == []
    done = run("break", "control-plane", "elbv2", "--region", E, state=world.state)
    assert done.returncode == 0, done.stderr
    told = run("status", state=world.state).stdout
    assert f"the control plane of elbv2 in {E} is unavailable" in told
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        elastic.describe_load_balancers()
    assert run("heal", done.stdout.strip(), state=world.state).returncode == 0
    assert elastic.describe_load_balancers()["LoadBalancers"] == []
    done = run("break", "control-plane", "sts", state=world.state)
    assert (done.returncode, "no control plane" in done.stderr) == (2, True)


def test_a_switch_is_set_at_an_endpoint_in_a_region_that_the_world_has_not(
    world: RunningWorld,
) -> None:
    config = world.client("route53-recovery-control-config", W)
    cluster = config.create_cluster(ClusterName="real")["Cluster"]["ClusterArn"]

    def described() -> dict[str, Any]:
        found: dict[str, Any] = config.describe_cluster(ClusterArn=cluster)["Cluster"]
        return found

    wait(lambda: described()["Status"] == "DEPLOYED")
    arn = config.create_routing_control(ClusterArn=cluster, RoutingControlName="switch")[
        "RoutingControl"
    ]["RoutingControlArn"]
    described_control = config.describe_routing_control
    wait(lambda: described_control(RoutingControlArn=arn)["RoutingControl"]["Status"] == "DEPLOYED")
    urls = {e["Region"]: e["Endpoint"] for e in described()["ClusterEndpoints"]}
    tokyo, ireland = (
        boto3.client(
            "route53-recovery-cluster",
            region_name=region,
            endpoint_url=urls[region],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        for region in ("ap-northeast-1", "eu-west-1")
    )
    tokyo.update_routing_control_state(RoutingControlArn=arn, RoutingControlState="On")
    told = ireland.get_routing_control_state(RoutingControlArn=arn)
    assert told["RoutingControlState"] == "On"


def test_a_paused_region_hangs_until_it_is_healed(world: RunningWorld) -> None:
    done = run("break", "region", E, "--pause", state=world.state)
    assert (done.returncode, done.stdout) == (0, f"pause-{E}\n")
    with pytest.raises(ReadTimeoutError):
        world.client("sts", E, read_timeout=1).get_caller_identity()
    assert f"{E} hangs" in run("status", state=world.state).stdout
    assert run("heal", f"pause-{E}", state=world.state).returncode == 0
    assert world.client("sts", E).get_caller_identity()["Account"]
    assert "hangs" not in run("status", state=world.state).stdout


def test_a_wrong_clock_dates_what_its_region_does(world: RunningWorld) -> None:
    """A stack is dated by its region's clock: here, of a role's session."""
    done = run("break", "clock", E, "--offset=-3600s", state=world.state)
    assert (done.returncode, done.stdout) == (0, f"clock-{E}\n")
    role = {"RoleArn": "arn:aws:iam::444444444444:role/visitor", "RoleSessionName": "visit"}
    ends = [
        world.client("sts", region).assume_role(**role)["Credentials"]["Expiration"]
        for region in (W, E)
    ]
    assert 3590 < (ends[0] - ends[1]).total_seconds() < 3610
    assert run("heal", state=world.state).returncode == 0
    again = world.client("sts", E).assume_role(**role)["Credentials"]["Expiration"]
    assert abs((again - ends[0]).total_seconds()) < 60


def test_a_full_disk_refuses_writes_and_a_restart_keeps_it_full(world: RunningWorld) -> None:
    client = world.client("dynamodb", W, account="777777777777")
    client.create_table(TableName="Full", **TABLE)
    client.get_waiter("table_exists").wait(TableName="Full", WaiterConfig={"Delay": 1})
    client.put_item(TableName="Full", Item={"k": {"S": "before"}})
    assert world.ask(f"/hosts/{W}/disk", "POST", {"full": True}) == {"handle": f"disk-{W}"}
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            client.put_item(TableName="Full", Item={"k": {"S": "refused"}})
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        found = client.scan(TableName="Full")["Items"]
        assert found == [{"k": {"S": "before"}}]
        run("break", "region", W, state=world.state)
        run("heal", f"kill-{W}", state=world.state)
    assert run("heal", f"disk-{W}", state=world.state).returncode == 0
    client.put_item(TableName="Full", Item={"k": {"S": "after"}})


def test_the_aws_command_line_and_curl_work(world: RunningWorld) -> None:
    done = run("aws", "dynamodb", "list-tables", "--region", E, state=world.state)
    assert done.returncode == 0, done.stderr
    assert "TableNames" in json.loads(done.stdout)
    done = run("env", state=world.state)
    assert f"AWS_ENDPOINT_URL={world.url}" in done.stdout


def test_kill_9_of_a_region_loses_no_acknowledged_write() -> None:
    with RunningWorld(regions=(W,)) as world:
        client = world.client("dynamodb", W)
        client.create_table(TableName="Kept", **TABLE)
        client.get_waiter("table_exists").wait(TableName="Kept", WaiterConfig={"Delay": 1})
        acknowledged = []
        for number in range(300):
            key = f"k{number}"
            client.put_item(TableName="Kept", Item={"k": {"S": key}})
            acknowledged.append(key)
        before = world.pids()[W]
        kill(before)
        wait(lambda: world.pids().get(W) not in {None, before})
        world.wait_up()
        pages = world.client("dynamodb", W).get_paginator("scan").paginate(TableName="Kept")
        found = {item["k"]["S"] for page in pages for item in page["Items"]}
        assert found == set(acknowledged)


def test_a_home_that_nobody_has_called_so_far_can_be_lost() -> None:
    with RunningWorld(regions=(W,)) as world:
        names = world.client("route53", HOME)
        done = run("break", "region", HOME, state=world.state)
        assert done.returncode == 0, done.stderr
        with pytest.raises(BotoCoreError):
            names.list_hosted_zones()
        assert run("heal", done.stdout.strip(), state=world.state).returncode == 0
        assert names.list_hosted_zones()["HostedZones"] == []


def test_kill_9_of_the_supervisor_leaves_nothing_behind_and_the_next_up_works() -> None:
    with RunningWorld(regions=(W,)) as world:
        client = world.client("dynamodb", W)
        client.create_table(TableName="Kept", **TABLE)
        client.get_waiter("table_exists").wait(TableName="Kept", WaiterConfig={"Delay": 1})
        client.put_item(TableName="Kept", Item={"k": {"S": "kept"}})
        pids = list(world.pids().values())
        assert len(pids) >= 2
        kill(world.pid)
        wait(lambda: not any(alive(pid) for pid in pids))
        world.up()
        item = world.client("dynamodb", W).get_item(TableName="Kept", Key={"k": {"S": "kept"}})
        assert item["Item"] == {"k": {"S": "kept"}}


def test_ctrl_c_stops_the_world_and_reset_empties_it(tmp_path: Path) -> None:
    arguments = command("up", "--regions", W, "--port", "0", state=tmp_path)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=clean()) as process:
        assert process.stdout is not None
        assert "Antipodes is up" in process.stdout.readline()
        process.send_signal(2)
        assert process.wait(20) == 0
    assert (tmp_path / W).is_dir()
    assert run("reset", state=tmp_path).returncode == 0
    assert not (tmp_path / W).exists()


def test_the_module_runs_as_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "antipodes", "--help"], capture_output=True, text=True, check=True
    )
    assert "drill" in done.stdout
