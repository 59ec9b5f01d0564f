"""The delay of replicated writes, chosen at the start of a world and while it runs."""

import time
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.e2e.worlds import RunningWorld, run

W, E = "us-west-2", "eu-central-1"
pytestmark = pytest.mark.slow


def test_a_delay_is_chosen_at_the_start_and_changed_while_the_world_runs() -> None:
    with RunningWorld("--replication-delay", "1.5") as world:
        west, east = world.client("dynamodb", W), world.client("dynamodb", E)
        west.create_table(
            TableName="Items",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        west.update_table(TableName="Items", ReplicaUpdates=[{"Create": {"RegionName": E}}])
        east.get_waiter("table_exists").wait(TableName="Items", WaiterConfig={"Delay": 1})

        def seconds(key: str) -> float:
            west.put_item(TableName="Items", Item={"k": {"S": key}})
            began = time.monotonic()
            while "Item" not in east.get_item(TableName="Items", Key={"k": {"S": key}}):
                assert time.monotonic() < began + 30
            return time.monotonic() - began

        assert seconds("a") >= 1.5
        told = world.ask("/replication", "PUT", {"delay": "link"})
        assert {way["delay"] for way in told} == {"link"}
        assert seconds("b") < 1.5
        world.ask("/replication", "PUT", {"delay": "aws"})
        with pytest.raises(HTTPError, match="400"):
            world.ask("/replication", "PUT", {"delay": "soon"})
        told = world.ask("/replication", "GET")
        assert {way["delay"] for way in told} == {"aws"}


def test_what_is_no_delay_is_refused(tmp_path: Path) -> None:
    ended = run("up", "--replication-delay", "soon", state=tmp_path / "state")
    assert ended.returncode != 0
    assert "no replication delay" in ended.stderr
