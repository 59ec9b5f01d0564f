"""Simulated worlds: requests per wall second, how much faster than life a drill is, and growth.

Every sample is a process of its own, so that its memory is its own. The application is the one of
examples/global-app, deployed by its own script: each request is a new connection from a city
through its resolver, the accelerator's edge, a balancer and a function to the region's table.
`requests_per_second` leaves the customer's code out: a native stand-in answers for the functions
and calls the table directly. `requests_per_second_boto3` runs the functions themselves.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).parents[1]
APPLICATION = ROOT / "examples" / "global-app"
CITIES = ("sao-paulo", "frankfurt", "seattle", "new-york")
REGIONS = ("us-west-2", "eu-central-1")
CITY_PEOPLE_MAX = 64
ROUNDS = 3


def drill(sample: dict[str, Any]) -> Any:
    """The drill of a sample."""
    from antipodes.drills.format import parse_drill  # noqa: PLC0415 - only in a sample's process

    clients, per_client = sample.get("clients"), sample.get("per_client", 0.1)
    cities: list[str] = list(CITIES)
    people, rate = CITY_PEOPLE_MAX, sample.get("rate", 50.0) / len(cities)
    if clients:
        cities = every_city()[: max(1, -(-clients // CITY_PEOPLE_MAX))]
        people = -(-clients // len(cities))
        rate = per_client * people
    lost = [
        {"at_s": sample["duration_s"] * 0.1, "phase": "lost", "kill": REGIONS[0]},
        {"at_s": sample["duration_s"] * 0.4, "phase": "returned", "heal": True},
    ]
    return parse_drill(
        {
            "name": "benchmark",
            "duration_s": sample["duration_s"],
            "world": {"regions": regions(sample.get("regions", 2))},
            "application": {
                "deploy": "deploy.py",
                "table": {"name": "GlobalApp", "key": "item_id", "value": "value"},
            },
            "load": {"cities": cities, "people": people, "rate": rate, "writes": 0.4},
            "timeline": lost if sample.get("loss") else [],
        },
        "benchmark",
    )


def every_city() -> list[str]:
    """All cities whose name is theirs alone, in the atlas's order."""
    from antipodes.world.atlas import load_atlas  # noqa: PLC0415 - only in a sample's process

    return [city.slug for city in load_atlas().cities]


def regions(number: int) -> list[str]:
    """So many regions, the tutorial's two first."""
    from antipodes.world.atlas import load_atlas  # noqa: PLC0415 - only in a sample's process

    others = [region.code for region in load_atlas().regions if region.code not in REGIONS]
    return [*REGIONS, *others][:number]


class NativeFunctions:
    """Stands in for a region's functions: does what the example's function does, without it."""

    name = "lambda"

    def __init__(self, host: Any, functions: Any) -> None:
        self._host = host
        self._functions = functions
        self.operations: dict[str, Any] = {
            name: functions.operations.get(name) for name in functions.operations
        }
        self.operations["Invoke"] = lambda _, call, request: self._invoke(call, request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._functions, name)

    async def _invoke(self, call: Any, request: dict[str, Any]) -> dict[str, Any]:
        event = orjson.loads(request["Payload"])
        action, _, key = event["path"].lstrip("/").partition("/")
        status, body = 200, {"region": self._host.place}
        if action == "get":
            found = await self._table(call, "GetItem", Key={"item_id": {"S": key}})
            status = 200 if "Item" in found else 404
            body |= {name: value["S"] for name, value in found.get("Item", {}).items()}
        elif action == "put":
            value = event["queryStringParameters"]["value"]
            item = {"item_id": {"S": key}, "value": {"S": value}}
            await self._table(call, "PutItem", Item=item)
        answer = {
            "statusCode": status,
            "headers": {"Content-Type": "application/json", "X-Served-By": self._host.place},
            "body": orjson.dumps(body).decode(),
        }
        return {"StatusCode": 200, "Payload": orjson.dumps(answer)}

    async def _table(self, call: Any, operation: str, **request: Any) -> dict[str, Any]:
        request["TableName"] = "GlobalApp"
        found: dict[str, Any] = await self._host.call(
            "dynamodb", operation, request, account=call.account, trace=call.trace
        )
        return found


class Measure:
    """One world's run, measured from the first request to the last."""

    def __init__(self, sample: dict[str, Any]) -> None:
        self._sample = sample
        self._world: Any = None
        self._started = (0.0, 0.0, 0)  # wall seconds, seconds of the processor, events so far
        self._ended = (0.0, 0.0, 0)

    def prepare(self, world: Any) -> None:
        """The world is up and empty."""
        self._world = world
        for place in world.world.regions if self._sample["native"] else ():
            host = world.region(place)
            host.services["lambda"] = NativeFunctions(host, host.services["lambda"])

    def progress(self, said: str) -> None:
        """The drill says how far it is: first and again during the load, then that it is over."""
        now = (time.perf_counter(), time.process_time(), self._world.simulation.loop.calls)
        if said.startswith("\r") and not self._started[0]:
            self._started = now
        elif said.startswith("healing"):
            self._ended = now

    def run(self) -> dict[str, float]:
        """Play it; return what was measured."""
        from antipodes.drills.simulate import simulate  # noqa: PLC0415 - its import is not measured

        began = time.perf_counter()
        played = simulate(
            drill(self._sample), APPLICATION, seed=1, tamper=self.prepare, progress=self.progress
        )
        ended = time.perf_counter()
        operations = played.history.operations
        served = sum(operation.outcome == "ok" for operation in operations)
        if not self._sample.get("loss") and served < 0.99 * len(operations):
            raise RuntimeError(f"{len(operations) - served} of {len(operations)} were not served")
        wall_s, cpu_s, events = (b - a for a, b in zip(self._started, self._ended, strict=True))
        return {
            "requests": len(operations),
            "requests_per_second": len(operations) / wall_s,
            "requests_per_cpu_second": len(operations) / cpu_s,
            "events_per_second": events / wall_s,
            "virtual_s": played.virtual_s,
            "speedup": played.virtual_s / (ended - began),
            "start_s": self._started[0] - began,
            "wall_s": wall_s,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def measured(sample: dict[str, Any], rounds: int = 1) -> dict[str, float]:
    """Medians over so many processes."""
    found: list[dict[str, float]] = []
    for _ in range(rounds):
        command = [sys.executable, __file__, "--sample", json.dumps(sample)]
        found.append(json.loads(subprocess.check_output(command).splitlines()[-1]))
    return {key: statistics.median(one[key] for one in found) for key in found[0]}


def table(title: str, rows: list[tuple[str, dict[str, float]]]) -> None:
    """Print a growth table."""
    print(
        f"\n{title:12} {'requests/s':>11} {'events/s':>10} {'peak MB':>8} {'start s':>8} {'x':>7}"
    )
    for name, row in rows:
        print(
            f"{name:12} {row['requests_per_second']:11.0f} {row['events_per_second']:10.0f}"
            f" {row['peak_mb']:8.0f} {row['start_s']:8.1f} {row['speedup']:7.1f}",
            flush=True,
        )


def growth(
    title: str, values: tuple[int, ...], sample: Callable[[int], dict[str, Any]]
) -> dict[str, dict[str, float]]:
    """Measure along one axis."""
    rows = {str(value): measured(sample(value)) for value in values}
    table(title, list(rows.items()))
    return rows


def bench(*, quick: bool) -> dict[str, Any]:
    """All figures."""
    rounds = 1 if quick else ROUNDS
    steady = {"native": True, "duration_s": 60 if quick else 200}
    native = measured(steady, rounds)
    boto3 = measured({**steady, "native": False}, rounds)
    lost = measured({"native": False, "duration_s": 120 if quick else 600, "loss": True})
    print(f"requests/s, without customer code   {native['requests_per_second']:8.0f}")
    print(f"the same in seconds of processor    {native['requests_per_cpu_second']:8.0f}")
    print(f"requests/s, functions with boto3    {boto3['requests_per_second']:8.0f}")
    print(f"the same in seconds of processor    {boto3['requests_per_cpu_second']:8.0f}")
    print(f"events/s                            {native['events_per_second']:8.0f}")
    print(f"region loss, faster than life       {lost['speedup']:8.1f}")
    print(f"peak memory of it, MB               {lost['peak_mb']:8.0f}", flush=True)
    return {
        "requests_per_second": native["requests_per_second"],
        "requests_per_second_boto3": boto3["requests_per_second"],
        "requests_per_cpu_second": native["requests_per_cpu_second"],
        "requests_per_cpu_second_boto3": boto3["requests_per_cpu_second"],
        "drill_speedup": lost["speedup"],
        "events_per_second": native["events_per_second"],
        "peak_mb": lost["peak_mb"],
        "regions": growth(
            "regions",
            (2, 8) if quick else (2, 8, 30),
            lambda n: {"native": True, "duration_s": 60, "regions": n},
        ),
        "clients": growth(
            "clients",
            (10, 100, 1000) if quick else (10, 100, 1000, 10_000),
            lambda n: {"native": True, "duration_s": 30, "clients": n},
        ),
        "virtual_hours": growth(
            "hours",
            (1,) if quick else (1, 4, 12),
            lambda n: {"native": True, "duration_s": 3600 * n, "rate": 0.4},
        ),
        "largest": {} if quick else largest(),
    }


def largest() -> dict[str, float]:
    """Thirty regions and ten thousand clients."""
    sample = {"native": True, "duration_s": 30, "regions": 30, "clients": 10_000}
    found = measured(sample)
    table("largest", [("30 x 10000", found)])
    return found


def main() -> None:
    """Measure, print, and write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short samples")
    parser.add_argument("--json", metavar="FILE", default="")
    parser.add_argument("--sample", metavar="JSON", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.sample:
        print(json.dumps(Measure(json.loads(chosen.sample)).run()))
        return
    found = bench(quick=chosen.quick)
    if chosen.json:
        Path(chosen.json).parent.mkdir(parents=True, exist_ok=True)
        Path(chosen.json).write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
