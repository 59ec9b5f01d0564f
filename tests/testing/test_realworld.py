"""A world of processes for tests: the same words as in simulation, and nothing left behind."""

import json
import subprocess  # noqa: TID251 - a test run that is killed
import sys
import time  # noqa: TID251 - waits for processes to end
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from antipodes.testing.breaking import Refused
from antipodes.testing.deployments import DeploymentFailed
from antipodes.testing.realworld import RealWorld, WorldFailed

pytestmark = pytest.mark.slow  # real processes

W, E = "us-west-2", "eu-central-1"
EXAMPLE = Path(__file__).parents[2] / "examples" / "global-app"


def wait(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait until a condition holds; return what it returned."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds:g} s"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def pids(world: RealWorld) -> list[int]:
    hosts = world.ask("GET", "/status")["hosts"]
    return [host["pid"] for host in hosts.values() if host["pid"]]


@pytest.fixture(scope="module")
def world() -> Iterator[RealWorld]:
    with RealWorld((W, E), speed=20, directory=EXAMPLE) as running:
        yield running


def test_clients_sessions_and_resources_call_this_world(world: RealWorld) -> None:
    client = world.client("dynamodb", E)
    client.create_table(
        TableName="Things",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName="Things", WaiterConfig={"Delay": 1})
    world.resource("dynamodb", E).Table("Things").put_item(Item={"k": "a"})
    session = world.session(E)
    assert session.client("dynamodb").scan(TableName="Things")["Items"] == [{"k": {"S": "a"}}]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        world.client("dynamodb", W).describe_table(TableName="Things")
    account = world.client("sts", account="111111111111").get_caller_identity()["Account"]
    assert account == "111111111111"
    assert world.env["AWS_ENDPOINT_URL"] == world.endpoint_url


def test_what_is_broken_is_broken_until_it_is_healed(world: RealWorld) -> None:
    def faults() -> dict[str, str]:
        found: dict[str, str] = world.ask("GET", "/status")["faults"]
        return found

    with (
        world.cut(W, E),
        world.dark("edge/GRU"),
        world.slow(W, E, extra_ms=5),
        world.slow("city/tokyo", jitter_ms=5),
        world.clock(E, offset_s=60),
        world.lossy(W, E, loss=0.1),
        world.narrow(W, E, mbit_s=100),
        world.break_("cut-link", a=W, b="city/*"),
    ):
        assert len(faults()) == 8
    assert faults() == {}
    world.pause(E)
    world.heal()
    assert faults() == {}
    with pytest.raises(Refused, match="atlantis"):
        world.cut(W, "atlantis")
    with pytest.raises(Refused, match="sa-east-1"):
        world.kill("sa-east-1")


def test_a_killed_region_refuses_and_comes_back(world: RealWorld) -> None:
    client = world.client("dynamodb", W)
    with world.kill(W):
        with pytest.raises((BotoCoreError, ClientError)):
            client.list_tables()
        with pytest.raises(Refused, match="not up"):
            world.kill(W)
    world.wait_whole()
    assert client.list_tables()["TableNames"] == []


def test_an_application_is_deployed_and_asked_from_cities(world: RealWorld, tmp_path: Path) -> None:
    said = world.deploy("deploy.py")
    url = said["url"]
    paris = world.at("paris")
    assert world.wait_until(lambda: paris.put(f"{url}/put/a?value=1").ok, within_s=60)
    answer = world.at("sao-paulo").get(f"{url}/get/a")
    assert answer.headers["x-served-by"] == W
    assert answer.took_s > 0.2
    assert world.get(f"{url}/get/nothing").status == 404
    lost = world.at("tokyo").get("http://nowhere.example/")
    assert (lost.status, lost.ok) == (0, False)
    assert lost.error
    started = time.monotonic()
    assert world.at("sao-paulo").client("dynamodb", E).list_tables()["TableNames"]
    assert time.monotonic() - started > 0.2
    world.directory = tmp_path
    (tmp_path / "deploy.py").write_text("import sys; print('no'); sys.exit(3)")
    with pytest.raises(DeploymentFailed, match="no"):
        world.deploy("deploy.py")
    with pytest.raises(AssertionError, match=r"0\.1 seconds"):
        world.wait_until(lambda: False, within_s=0.1)


def test_closing_stops_every_process_and_removes_the_state() -> None:
    with RealWorld((W,)) as world:
        hosts = pids(world)
        assert hosts
        assert all(map(alive, hosts))
    wait(lambda: not any(map(alive, hosts)))
    assert not world.state.exists()
    with pytest.raises(WorldFailed, match="does not answer"):
        world.ask("GET", "/status")


def test_a_world_that_cannot_start_says_why() -> None:
    with pytest.raises(WorldFailed, match="mars-1"):
        RealWorld(("mars-1",))


def test_a_world_ends_with_a_test_run_that_is_killed() -> None:
    script = (
        "import json, time\n"
        "from antipodes.testing.realworld import RealWorld\n"
        "world = RealWorld(('us-west-2',))\n"
        "hosts = world.ask('GET', '/status')['hosts'].values()\n"
        "print(json.dumps([str(world.state), [h['pid'] for h in hosts if h['pid']]]), flush=True)\n"
        "time.sleep(60)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert run.stdout is not None
    state, hosts = json.loads(run.stdout.readline())
    assert all(map(alive, hosts))
    run.kill()
    run.wait()
    run.stdout.close()
    wait(lambda: not any(map(alive, hosts)))
    wait(lambda: not Path(state).exists())
