"""The story, step by step, through real boto3, real sockets and real processes."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.worlds import RunningWorld, kill, wait

W, E = "us-west-2", "eu-central-1"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    with RunningWorld("--speed", "10") as running:
        yield running


@pytest.fixture(scope="module")
def application(world: RunningWorld) -> dict[str, Any]:
    said = world.deploy()
    # Health, too, has to reach each city's edge location before its own region is used.
    for city, region in (("frankfurt", E), ("sao-paulo", W)):
        wait(lambda city=city, region=region: served_by(world, said, city) == region)  # type: ignore[misc] # bound on purpose
    return said


def test_what_is_written_in_one_region_is_read_in_the_other(
    world: RunningWorld, application: dict[str, Any]
) -> None:
    assert application["url"].startswith("http://a")
    found = wait(
        lambda: (
            world.client("dynamodb", E)
            .get_item(TableName="GlobalApp", Key={"item_id": {"S": "foobar"}})
            .get("Item")
        )
    )
    assert found["value"] == {"S": "hello"}
    replicas = world.client("dynamodb", W).describe_table(TableName="GlobalApp")["Table"][
        "Replicas"
    ]
    assert [(r["RegionName"], r["ReplicaStatus"]) for r in replicas] == [(E, "ACTIVE")]


@pytest.mark.parametrize(("city", "region"), [("frankfurt", E), ("sao-paulo", W)])
def test_each_city_is_served_by_its_own_region(
    world: RunningWorld, application: dict[str, Any], city: str, region: str
) -> None:
    for target in (application["url"], f"http://{application['addresses'][0]}"):
        # A busy machine may fail a hurried health check: its own region serves, sooner or later.
        found = wait(lambda target=target: answer_of(world, target, city, region))  # type: ignore[misc] # bound on purpose
        assert found["region"] == region
        assert found["value"] == "hello"


def answer_of(world: RunningWorld, target: str, city: str, region: str) -> Any:
    """What a region answers to a city; nothing while another one serves it."""
    status, headers, body = world.curl(city, f"{target}/get/foobar")
    return json.loads(body) if (status, headers.get("x-served-by")) == (200, region) else None


def test_the_distance_shows_and_the_spans_say_where(
    world: RunningWorld, application: dict[str, Any]
) -> None:
    started = time.perf_counter()
    _, headers, _ = world.curl("sao-paulo", f"{application['url']}/get/foobar")
    took = time.perf_counter() - started
    # Two round trips from the edge in São Paulo to Oregon (about 170 ms each).
    assert took > 0.3
    spans = world.ask(f"/traces/{headers['x-antipodes-trace']}")
    names = {span["name"] for span in spans}
    assert {"city.request", "edge.route", "alb.request"} <= names
    assert {span["place"] for span in spans} >= {"city/sao-paulo", "edge/GRU"}


def test_a_writer_in_one_city_is_read_in_another(
    world: RunningWorld, application: dict[str, Any]
) -> None:
    status, _, _ = world.curl("sao-paulo", f"{application['url']}/put/k1?value=ol%C3%A1", "PUT")
    assert status == 200
    found = wait(
        lambda: (
            world.curl("frankfurt", f"{application['url']}/get/k1")[0] == 200
            and world.curl("frankfurt", f"{application['url']}/get/k1")[2]
        )
    )
    assert json.loads(found)["value"] == "olá"


def served_by(world: RunningWorld, application: dict[str, Any], city: str) -> str | None:
    status, headers, _ = world.curl(city, f"{application['url']}/get/foobar")
    return headers.get("x-served-by") if status == 200 else None


def set_status(world: RunningWorld, region: str, status: str) -> None:
    world.client("lambda", region).update_function_configuration(
        FunctionName="GlobalApp",
        Environment={"Variables": {"tablename": "GlobalApp", "STATUS": status}},
    )


def test_an_unhealthy_region_is_left_and_returned_to(
    world: RunningWorld, application: dict[str, Any]
) -> None:
    set_status(world, W, "400")
    wait(lambda: served_by(world, application, "sao-paulo") == E)
    set_status(world, W, "200")
    wait(lambda: served_by(world, application, "sao-paulo") == W)
    assert wait(lambda: served_by(world, application, "frankfurt") == E)


def test_a_killed_region_is_left_comes_back_and_catches_up(
    world: RunningWorld, application: dict[str, Any]
) -> None:
    handle = world.ask(f"/hosts/{W}/kill", "POST")["handle"]
    wait(lambda: served_by(world, application, "sao-paulo") == E)
    for number in range(20):
        url = f"{application['url']}/put/while-away-{number}?value=v{number}"
        assert world.curl("frankfurt", url, "PUT")[0] == 200
    world.ask(f"/faults/{handle}", "DELETE")
    client = world.client("dynamodb", W)
    for number in range(20):
        key = {"item_id": {"S": f"while-away-{number}"}}
        wait(lambda key=key: "Item" in client.get_item(TableName="GlobalApp", Key=key))  # type: ignore[misc] # bound on purpose
    wait(lambda: served_by(world, application, "sao-paulo") == W)


def test_kill_9_of_the_edge_heals_itself(world: RunningWorld, application: dict[str, Any]) -> None:
    before = world.pids()["edge"]
    kill(before)
    wait(lambda: world.pids().get("edge") not in {None, before})
    world.wait_up()
    assert wait(lambda: served_by(world, application, "frankfurt") == E)
