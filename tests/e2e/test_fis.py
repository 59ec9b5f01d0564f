"""Experiments in a world of real processes, by plain boto3: they break it, and it heals."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.e2e.worlds import REGIONS, RunningWorld, alive, kill, wait

pytestmark = pytest.mark.slow  # starts processes

W, E = REGIONS
ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
GATEWAY = f"arn:aws:ec2:{W}:{ACCOUNT}:transit-gateway/tgw-0123"


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    with RunningWorld("--speed", "20") as running:
        yield running


def start(fis: Any, action: dict[str, Any], target: dict[str, Any], minutes: int) -> str:
    """Make a template with one action and start it; return the experiment's id."""
    action["parameters"] = {"duration": f"PT{minutes}M", **action.get("parameters", {})}
    template = fis.create_experiment_template(
        description="An experiment",
        stopConditions=[{"source": "none"}],
        targets={"target": {"selectionMode": "ALL", **target}},
        actions={"action": action},
        roleArn=ROLE,
    )["experimentTemplate"]
    started = fis.start_experiment(experimentTemplateId=template["id"])
    return str(started["experiment"]["id"])


def cut(fis: Any, minutes: int) -> str:
    """Cut the way from one region to the other."""
    action = {
        "actionId": "aws:network:transit-gateway-disrupt-cross-region-connectivity",
        "parameters": {"region": E},
        "targets": {"TransitGateways": "target"},
    }
    target = {"resourceType": "aws:ec2:transit-gateway", "resourceArns": [GATEWAY]}
    return start(fis, action, target, minutes)


def status(fis: Any, experiment: str) -> str:
    """An experiment's status."""
    return str(fis.get_experiment(id=experiment)["experiment"]["state"]["status"])


def test_an_experiment_cuts_a_link_and_heals_it(world: RunningWorld) -> None:
    fis = world.client("fis")
    experiment = cut(fis, 1)
    handle = f"fis-{experiment}-1.1"
    wait(lambda: handle in world.ask("/faults"))
    assert world.ask("/faults")[handle] == {
        "kind": "cut-link",
        "a": W,
        "b": E,
        "both_ways": False,
    }
    assert world.ask("/status")["faults"][handle] == f"nothing passes from {W} to {E}"
    wait(lambda: status(fis, experiment) == "completed")
    assert world.ask("/faults") == {}
    listed = fis.list_experiments()["experiments"]
    assert [one["state"]["status"] for one in listed if one["id"] == experiment] == ["completed"]


def test_a_killed_region_comes_back_to_its_experiment(world: RunningWorld) -> None:
    fis = world.client("fis")
    experiment = cut(fis, 600)
    wait(lambda: world.ask("/faults"))
    before = world.pids()[W]
    kill(before)
    wait(lambda: not alive(before))
    wait(lambda: world.pids().get(W, before) != before)
    world.wait_up()
    assert len(world.ask("/faults")) == 1
    fis = world.client("fis")
    assert status(fis, experiment) == "running"
    fis.stop_experiment(id=experiment)
    wait(lambda: status(fis, experiment) == "stopped")
    assert world.ask("/faults") == {}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        fis.stop_experiment(id="EXPnone")


def test_a_world_that_comes_back_has_the_faults_of_its_experiments(world: RunningWorld) -> None:
    experiment = cut(world.client("fis"), 600)
    wait(lambda: world.ask("/faults"))
    world.down()
    world.up()
    wait(lambda: list(world.ask("/faults")) == [f"fis-{experiment}-1.1"])
    fis = world.client("fis")
    fis.stop_experiment(id=experiment)
    wait(lambda: status(fis, experiment) == "stopped")
    assert world.ask("/faults") == {}


def test_replication_pauses_for_one_table(world: RunningWorld) -> None:
    west, east = world.client("dynamodb"), world.client("dynamodb", E)
    table = west.create_table(
        TableName="Paused",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]
    west.update_table(TableName="Paused", ReplicaUpdates=[{"Create": {"RegionName": E}}])
    wait(lambda: west.describe_table(TableName="Paused")["Table"].get("Replicas"))

    def there(client: Any, key: str) -> bool:
        return "Item" in client.get_item(TableName="Paused", Key={"k": {"S": key}})

    west.put_item(TableName="Paused", Item={"k": {"S": "before"}})
    wait(lambda: _answers(lambda: there(east, "before")))
    fis = world.client("fis")
    action = {
        "actionId": "aws:dynamodb:global-table-pause-replication",
        "targets": {"Tables": "target"},
    }
    target = {"resourceType": "aws:dynamodb:global-table", "resourceArns": [table["TableArn"]]}
    experiment = start(fis, action, target, 600)
    wait(lambda: all(way.get("paused") == ["Paused"] for way in world.ask("/replication")))
    west.put_item(TableName="Paused", Item={"k": {"S": "west"}})
    east.put_item(TableName="Paused", Item={"k": {"S": "east"}})
    wait(lambda: all(way["pending"] == 0 for way in world.ask("/replication")))
    assert not there(east, "west")
    assert not there(west, "east")
    fis.stop_experiment(id=experiment)
    wait(lambda: there(east, "west") and there(west, "east"))


def _answers(ask: Any) -> bool:
    """Whether something is there, where the table may not be yet."""
    try:
        return bool(ask())
    except ClientError:
        return False


def test_calls_of_a_role_are_throttled_as_the_client_knows_it(world: RunningWorld) -> None:
    fis = world.client("fis")
    action = {
        "actionId": "aws:fis:inject-api-throttle-error",
        "parameters": {"service": "dynamodb", "operations": "ListTables", "percentage": "100"},
        "targets": {"Roles": "target"},
    }
    experiment = start(fis, action, {"resourceType": "aws:iam:role", "resourceArns": [ROLE]}, 600)
    session = world.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="me")["Credentials"]
    as_app = boto3.client(
        "dynamodb",
        region_name=W,
        endpoint_url=world.url,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}),
    )

    def throttled() -> bool:
        try:
            as_app.list_tables()
        except as_app.exceptions.ClientError as error:
            return bool(error.response["Error"]["Code"] == "ThrottlingException")
        return False

    wait(throttled)
    assert world.client("dynamodb").list_tables()["TableNames"] is not None
    fis.stop_experiment(id=experiment)
    wait(lambda: not throttled())


def test_toxiproxys_clients_find_their_api(world: RunningWorld) -> None:
    proxy = {"name": "backbone", "listen": W, "upstream": E}
    assert world.ask("/toxiproxy/version") == {"version": "2.9.0"}
    world.ask("/toxiproxy/proxies", "POST", proxy)
    toxic = {"type": "latency", "attributes": {"latency": 100}}
    world.ask("/toxiproxy/proxies/backbone/toxics", "POST", toxic)
    fault = world.ask("/faults")["toxiproxy-backbone-latency_downstream"]
    assert (fault["kind"], fault["a"], fault["b"]) == ("slow-link", E, W)
    world.ask("/faults", "DELETE")
    assert world.ask("/toxiproxy/proxies")["backbone"]["toxics"] == []
