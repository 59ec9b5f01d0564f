"""A simulated world driven by ordinary blocking code: boto3, time, people, and what breaks."""

import os
import subprocess  # noqa: TID251 - an interpreter of another hash seed
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    ReadTimeoutError,
    WaiterError,
)

from antipodes.testing.breaking import Refused
from antipodes.testing.caller import Closed
from antipodes.testing.deployments import DeploymentFailed
from antipodes.testing.networks import QuestionError
from antipodes.testing.virtualworld import VirtualWorld

W, E = "us-west-2", "eu-central-1"
EXAMPLE = Path(__file__).parents[2] / "examples" / "global-app"
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=2)


@pytest.fixture
def sim() -> Iterator[VirtualWorld]:
    with VirtualWorld((W, E), seed=7) as world:
        yield world


def make_table(sim: VirtualWorld) -> tuple[Any, Any]:
    """A table with a replica; return the clients of both sides."""
    here, there = sim.client("dynamodb", W), sim.client("dynamodb", E)
    here.create_table(
        TableName="Things",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    here.get_waiter("table_exists").wait(TableName="Things")
    here.update_table(TableName="Things", ReplicaUpdates=[{"Create": {"RegionName": E}}])
    sim.advance(seconds=5)
    return here, there


def put(client: Any, key: str, value: str) -> None:
    client.put_item(TableName="Things", Item={"k": {"S": key}, "v": {"S": value}})


def read(client: Any, key: str) -> str | None:
    item = client.get_item(TableName="Things", Key={"k": {"S": key}}).get("Item")
    return None if item is None else str(item["v"]["S"])


def test_calls_take_no_longer_than_they_take_and_replication_takes_its_time(
    sim: VirtualWorld,
) -> None:
    here, there = make_table(sim)
    before = sim.now
    put(here, "a", "1")
    assert read(there, "a") is None
    assert sim.now - before < 0.05
    sim.advance(seconds=2)
    assert read(there, "a") == "1"


def test_what_the_test_imports_is_what_the_client_raises_and_takes(sim: VirtualWorld) -> None:
    make_table(sim)
    table = sim.resource("dynamodb", W).Table("Things")
    with table.batch_writer() as batch:
        for number in range(30):
            batch.put_item(Item={"k": f"k{number}", "v": number})
    found = table.query(KeyConditionExpression=Key("k").eq("k7"), FilterExpression=Attr("v").gt(6))
    assert found["Items"] == [{"k": "k7", "v": 7}]
    with pytest.raises(ClientError, match="ResourceNotFoundException") as caught:
        sim.resource("dynamodb", E).Table("Nothing").get_item(Key={"k": "a"})
    assert isinstance(caught.value, sim.client("dynamodb").exceptions.ResourceNotFoundException)
    unsigned = sim.client("dynamodb", config=Config(signature_version=UNSIGNED))
    with pytest.raises(ClientError):
        unsigned.describe_table(TableName="Nothing")


def test_accounts_see_their_own(sim: VirtualWorld) -> None:
    make_table(sim)
    stranger = sim.client("dynamodb", W, account="111111111111")
    assert stranger.list_tables()["TableNames"] == []
    identity = sim.session(E, account="111111111111").client("sts").get_caller_identity()
    assert identity["Account"] == "111111111111"


def test_a_waiter_waits_in_virtual_time(sim: VirtualWorld) -> None:
    client = sim.client("dynamodb")
    before = sim.now
    with pytest.raises(WaiterError):
        client.get_waiter("table_exists").wait(TableName="Nothing")
    assert 24 * 20 <= sim.now - before < 25 * 20


def test_time_passes_when_it_is_told_to(sim: VirtualWorld) -> None:
    before, clock = sim.now, sim.utcnow
    after = before + 0.001 * 86400 + 0.01 * 3600 + 2 * 60 + 3
    assert sim.advance(days=0.001, hours=0.01, minutes=2, seconds=3) == pytest.approx(after)
    assert (sim.utcnow - clock).total_seconds() == pytest.approx(after - before)
    assert sim.advance() == pytest.approx(after)
    with pytest.raises(Refused, match="forwards"):
        sim.advance(seconds=-1)


def test_waiting_for_a_condition_ends_with_it_or_fails(sim: VirtualWorld) -> None:
    here, there = make_table(sim)
    put(here, "a", "1")
    before = sim.now
    assert sim.wait_until(lambda: read(there, "a")) == "1"
    assert sim.now - before < 5
    with pytest.raises(AssertionError, match="3 virtual seconds"):
        sim.wait_until(lambda: read(there, "b"), within_s=3)
    assert sim.now - before >= 3


def test_a_killed_region_refuses_and_comes_back_with_its_disk(sim: VirtualWorld) -> None:
    here, _ = make_table(sim)
    put(here, "a", "1")
    broken = sim.kill(W)
    assert sim.wrongs() == [f"kill-{W}"]
    with pytest.raises(EndpointConnectionError):
        read(here, "a")
    with pytest.raises(Refused, match="not up"):
        sim.kill(W)
    broken.heal()
    broken.heal()
    assert read(here, "a") == "1"
    sim.restart(W)
    assert read(here, "a") == "1"
    assert sim.wrongs() == []


def test_a_paused_region_keeps_callers_waiting(sim: VirtualWorld) -> None:
    make_table(sim)
    client = sim.client("dynamodb", W, config=ONCE)
    with sim.pause(W):
        before = sim.now
        with pytest.raises(ReadTimeoutError):
            read(client, "a")
        assert sim.now - before == pytest.approx(2)
    assert read(client, "a") is None


def test_what_is_cut_diverges_and_converges_to_the_last_writer(sim: VirtualWorld) -> None:
    here, there = make_table(sim)
    with sim.cut(W, E):
        assert len(sim.wrongs()) == 1
        put(here, "a", "first")
        sim.advance(seconds=30)
        put(there, "a", "last")
        sim.advance(seconds=30)
        assert (read(here, "a"), read(there, "a")) == ("first", "last")
    sim.advance(seconds=30)
    assert read(here, "a") == read(there, "a") == "last"


def test_one_way_is_one_way_and_slow_is_slow(sim: VirtualWorld) -> None:
    here, there = make_table(sim)
    sim.slow(W, E, extra_ms=3_000, one_way=True)
    put(here, "a", "1")
    put(there, "b", "2")
    sim.advance(seconds=2)
    assert (read(there, "a"), read(here, "b")) == (None, "2")
    sim.advance(seconds=5)
    assert read(there, "a") == "1"
    sim.heal()
    put(here, "c", "3")
    sim.advance(seconds=5)
    assert read(there, "c") == "3"


def test_darkness_loss_narrowness_and_any_other_fault_have_their_words(sim: VirtualWorld) -> None:
    faults = [
        sim.dark(E),
        sim.lossy(W, E, loss=0.5),
        sim.narrow(W, E, mbit_s=10),
        sim.slow("edge/GRU", extra_ms=5),
        sim.break_("cut-link", a="city/*", b=W),
        sim.break_({"kind": "dark-place", "place": "edge/GRU"}),
    ]
    assert len(sim.wrongs()) == len(faults)
    assert sim.wrongs()[0] == f"{E} is dark: nothing gets in or out"
    with pytest.raises(Refused, match="loss"):
        sim.lossy(W, E, loss=5)
    sim.heal()
    assert sim.wrongs() == []
    assert all(fault.healed for fault in faults)


def test_a_clock_that_is_wrong_is_wrong_for_its_region(sim: VirtualWorld) -> None:
    def created(name: str) -> float:
        client = sim.client("dynamodb", W)
        made = client.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        ahead = made["TableDescription"]["CreationDateTime"] - sim.utcnow
        return float(ahead.total_seconds())

    with sim.clock(W, offset_s=300):
        assert created("Early") == pytest.approx(300, abs=1)
    assert created("Now") == pytest.approx(0, abs=1)


def test_a_full_disk_keeps_nothing_and_a_slow_one_takes_long(sim: VirtualWorld) -> None:
    make_table(sim)
    client = sim.client("dynamodb", W, config=ONCE)
    with sim.disk(W, full=True), pytest.raises(ClientError):
        put(client, "a", "1")
    assert read(client, "a") is None
    with sim.disk(W, slow_ms=500):
        before = sim.now
        put(client, "a", "2")
        assert sim.now - before >= 0.5
    assert read(client, "a") == "2"
    with pytest.raises(Refused, match="full"):
        sim.disk(W)


def test_functions_run_side_by_side(sim: VirtualWorld) -> None:
    here, there = make_table(sim)

    def writer(client: Any) -> float:
        for number in range(10):
            put(client, f"k{number}", sim.client("sts").meta.region_name)
            sim.advance(seconds=1)
        return sim.now

    before = sim.now
    ended = sim.concurrently(lambda: writer(here), lambda: writer(there))
    assert [round(end - before) for end in ended] == [10, 10]
    assert sim.concurrently() == []


def test_of_functions_side_by_side_each_ends_and_the_first_failure_is_told(
    sim: VirtualWorld,
) -> None:
    ended = []

    def failing() -> None:
        sim.advance(seconds=1)
        pytest.fail("the first")

    def slower() -> None:
        inner = sim.concurrently(lambda: sim.advance(seconds=5), lambda: 2)
        ended.append(inner[1])
        raise ValueError("the second")

    with pytest.raises(pytest.fail.Exception, match="the first") as caught:
        sim.concurrently(failing, slower)
    assert ended == [2]
    assert "the second" in caught.value.__notes__[0]


def play(seed: int) -> str:
    """A little of everything; returns the digest."""
    with VirtualWorld((W, E), seed=seed) as sim:
        here, there = make_table(sim)
        with sim.cut(W, E):
            sim.concurrently(lambda: put(here, "a", "1"), lambda: put(there, "a", "2"))
            sim.advance(minutes=1)
        sim.advance(minutes=1)
        assert read(here, "a") == read(there, "a")
        return sim.digest()


def test_a_seed_gives_one_run_whatever_the_hash_seed() -> None:
    digest = play(3)
    assert play(3) == digest
    assert play(4) != digest
    root = Path(__file__).parents[2]
    said = subprocess.run(
        [sys.executable, "-c", "from tests.testing.test_virtualworld import play; print(play(3))"],
        env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": f"{root}:{root / 'src'}"},
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said.strip() == digest


def test_two_worlds_at_once_are_two() -> None:
    with VirtualWorld((W, E), seed=1) as one, VirtualWorld((W, E), seed=1) as other:
        first, second = make_table(one)[0], make_table(other)[0]
        put(first, "a", "1")
        assert read(second, "a") is None
        other.advance(hours=1)
        assert one.now < 60 < other.now
        put(first, "b", "1")
        assert one.now < 60


def test_a_client_of_a_world_that_is_over_says_so() -> None:
    with VirtualWorld((W,)) as sim:
        client = sim.client("dynamodb")
    with pytest.raises(Closed, match="over"):
        client.list_tables()


def test_a_host_that_nobody_has_needed_so_far_can_be_lost() -> None:
    with VirtualWorld((W,)) as sim:
        broken = sim.kill("eu-west-1")
        config = sim.client("route53-recovery-control-config", W)
        config.create_cluster(ClusterName="four")
        sim.advance(seconds=60)
        assert "eu-west-1" not in sim.simulated.hosts
        broken.heal()
        assert "eu-west-1" in sim.simulated.hosts


def test_what_does_not_exist_is_named(sim: VirtualWorld) -> None:
    with pytest.raises(Refused, match="atlantis"):
        sim.cut(W, "atlantis")
    with pytest.raises(Refused, match="sa-east-1 is not a host"):
        sim.kill("sa-east-1")
    with pytest.raises(Refused, match="not a city"):
        sim.at(W)
    with pytest.raises(Refused, match="atlantis"):
        sim.at("atlantis")
    with pytest.raises(Refused, match="http://"):
        sim.get("gopher://a")
    with pytest.raises(Refused, match="mars-1"):
        VirtualWorld(("mars-1",))
    with pytest.raises(ClientError):
        sim.client("dynamodb", "sa-east-1").list_tables()
    assert sim.wrongs() == []


def test_a_city_is_as_far_away_as_it_is(sim: VirtualWorld) -> None:
    near, far = sim.client("dynamodb", E), sim.at("sao-paulo").client("dynamodb", E)
    took = []
    for client in (near, far):
        before = sim.now
        client.list_tables()
        took.append(sim.now - before)
    assert took[0] < 0.01
    assert took[1] > 0.2


@pytest.mark.slow
def test_an_application_is_deployed_and_asked_and_survives() -> None:
    """Slow: the example's whole application, and some minutes of it."""
    with VirtualWorld((W, E), seed=2, directory=EXAMPLE) as sim:
        said = sim.deploy("deploy.py")
        sim.advance(minutes=2)
        url = said["url"]
        assert sim.at("frankfurt").put(f"{url}/put/a?value=1").ok
        sim.advance(seconds=2)
        answer = sim.at("sao-paulo").get(f"{url}/get/a")
        assert (answer.status, answer.json()["value"]) == (200, "1")
        assert answer.headers["x-served-by"] == W
        assert answer.took_s > 0.3
        assert sim.get(f"{url}/get/nothing").status == 404
        sim.kill(W)
        lost = sim.at("sao-paulo").get(f"{url}/get/a")
        assert (lost.status, lost.ok) == (0, False)
        assert lost.error
        sim.advance(minutes=3)
        assert sim.at("sao-paulo").get(f"{url}/get/a").headers["x-served-by"] == E
        assert sim.at("tokyo").get("http://nowhere.example/").error


def test_a_deployment_that_fails_tells_what_it_printed(tmp_path: Path) -> None:
    (tmp_path / "deploy.py").write_text(
        "import os, sys\nprint('in', os.environ['AWS_REGIONS'], os.environ['STAGE'])\nsys.exit(3)\n"
    )
    (tmp_path / "quiet.py").write_text("print('done')")
    with VirtualWorld((W, E), directory=tmp_path) as sim:
        with pytest.raises(DeploymentFailed, match=f"in {W},{E} test"):
            sim.deploy("deploy.py", STAGE="test")
        with pytest.raises(DeploymentFailed, match="there is no"):
            sim.deploy("nothing.py")
        assert sim.deploy("quiet.py") == {}


CODE = '''
"""Code that makes its own clients, as most code does."""

import dataclasses
import datetime
import os
import time

import boto3
from botocore.exceptions import ClientError

from prices import price

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


@dataclasses.dataclass
class Order:
    key: "str"


def place(key):
    started = time.monotonic()
    time.sleep(60)
    try:
        table.put_item(
            Item={"k": key, "v": price(), "at": datetime.datetime.now().isoformat()},
            ConditionExpression="attribute_not_exists(k)",
        )
    except ClientError as error:
        return error.response["Error"]["Code"]
    return time.monotonic() - started, Order(key)
'''


def test_code_that_makes_its_own_clients_is_loaded_into_the_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shopping.py").write_text(CODE)
    (tmp_path / "prices.py").write_text("def price():\n    return '7'\n")
    with VirtualWorld((W, E), directory=tmp_path) as sim, VirtualWorld((W,)) as other:
        make_table(sim)
        orders = sim.load("shopping.py", TABLE="Things")
        assert not {"shopping", "prices"} & set(sys.modules)
        other.client("dynamodb").list_tables()  # another world is in use meanwhile
        sim.client("dynamodb").list_tables()
        before = sim.now
        took, order = orders.place("a")
        assert 60 <= took < 61
        assert sim.now - before == pytest.approx(took)
        assert order == orders.Order("a")
        assert orders.place("a") == "ConditionalCheckFailedException"
        found = sim.resource("dynamodb").Table("Things").get_item(Key={"k": "a"})["Item"]
        assert found["v"] == "7"
        assert found["at"].startswith("2026-01-01T00:01:0")
        monkeypatch.syspath_prepend(tmp_path)
        assert sim.load("prices").price() == "7"
        for name in ("nothing.py", "nothing.at.all"):
            with pytest.raises(ImportError, match="nothing"):
                sim.load(name)


def test_networks_are_asked_about(sim: VirtualWorld) -> None:
    ec2 = sim.client("ec2")
    [subnet, *_] = ec2.describe_subnets()["Subnets"]
    for _ in range(2):
        ec2.run_instances(
            ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, SubnetId=subnet["SubnetId"]
        )
    one, other = (
        reservation["Instances"][0]["InstanceId"]
        for reservation in ec2.describe_instances()["Reservations"]
    )
    assert sim.walk(one, other, port=22)["reached"]
    assert sim.walk("internet", other)["forward"]["outcome"] == "refused by groups"
    [private] = ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"]
    refused = sim.network("walk", "internet", private["PrivateIpAddress"])
    assert (refused.status, "private address" in refused.text) == (1, True)
    with pytest.raises(QuestionError, match="nothing here is called i-9"):
        sim.walk("i-9", other)
    with pytest.raises(QuestionError, match="invalid choice: 'fly'"):
        sim.network("fly", one)
