"""The edge: DNS and TCP against the usual servers, decisions, and what large zones cost.

Ours is the edge's host as a world has it, with all its locations, one of which is reached by a port
of 127.0.0.1, and no distances. All servers have one worker, and everybody is measured in turn,
measure by measure and round by round: a ratio is the median of those of each round, whose samples
were taken one after the other, since machines are slower in one minute than in the next. The peers:
BIND, NSD and dnslib for DNS, HAProxy and nginx's stream module for TCP.

`dns_weighted` and `dns_latency` are names with three records each, of which ours chooses by weight
and by the asker's city; the peers have no policies, and answer for a plain record. `dns_subnet` has
a client subnet in every question. `_cpu` is processor time of the server for one answer, request or
connection (for `tcp_bulk`, for one transfer of 4 MB), `_p99` the latency at 5,000 questions a
second. `direct` has no proxy at all.

Load and server share two cores with each other (and `tcp_*` with the backend): ratios within one
run count, and processor time moves least with what else the machine does.
"""

import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from support import dnspeers, tcpproxies
from support.edgehost import POLICY_NAMES
from support.harness import Comparison, Server, free_port, parsing
from support.processes import processor_s

from antipodes.edge.globalaccelerator.model import Endpoint, Group
from antipodes.edge.globalaccelerator.routing import Flow, decide

US = "antipodes"
ROUNDS = 9
PARTS = ("dns", "tcp", "zones", "decisions")
RECORDS = (10, 1_000, 100_000)
DECISIONS = 50_000
ECS = ("-E", "8:00011800c63364")  # 198.51.100.0/24
# How each measure of DNS is asked: ours, the peers, and how.
QUESTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "dns_simple": ("www", ()),
    "dns_weighted": ("weighted", ()),
    "dns_latency": ("latency", ()),
    "dns_subnet": ("www", ECS),
}
AIMS = {
    "dns_simple": {"bind": 1.0},
    "dns_weighted": {"bind": 0.7},
    "dns_latency": {"bind": 0.7},
    "tcp_requests": {"haproxy": 0.8},
    "tcp_bulk": {"haproxy": 0.8},
    "tcp_connections": {"haproxy": 0.6},
}


def edge(directory: Path, udp_port: int, tcp_port: int, records: int) -> Server:
    """Our edge, started."""
    program = Path(__file__).parent / "support" / "edgehost.py"
    ports = str(udp_port), str(tcp_port)
    command = [sys.executable, str(program), str(directory), *ports, str(records)]
    return Server(US, command, udp_port, dnspeers.answers)


def in_turn(names: list[str], number: int) -> list[str]:
    """All names, beginning with another one in each round."""
    return names[number % len(names) :] + names[: number % len(names)]


def left_out(name: str) -> None:
    """Say whom there is no comparison with."""
    print(f"{name} cannot be had here and is left out", file=sys.stderr)


class Dns:
    """Questions and their answers."""

    def __init__(self, directory: Path, us: Server, *, quick: bool) -> None:
        self._seconds, self._rounds = (1, 1) if quick else (1, ROUNDS)
        self._servers = {US: us}
        self._questions = {
            prefix: dnspeers.write_questions(directory, prefix)
            for prefix in ("www", "weighted", "latency")
        }
        zone = dnspeers.write_zone(directory)
        peers = {"bind": dnspeers.bind, "nsd": dnspeers.nsd, "dnslib": dnspeers.dnslib}
        for name, command_of in peers.items():
            port = free_port()
            command = command_of(directory, zone, port)
            if command is None:
                left_out(name)
            else:
                self._servers[name] = Server(name, command, port, dnspeers.answers)
        units = {}
        for name in QUESTIONS:
            units[name], units[f"{name}_cpu"], units[f"{name}_p99"] = "q/s", "µs", "ms"
        self.comparison = Comparison(units)

    def take(self) -> None:
        """All rounds, measure by measure, each beginning with another server; ours is warm."""
        for questions in self._questions.values():
            dnspeers.warm(self._servers[US].port, questions)
        for number in range(self._rounds):
            plain: dict[str, tuple[float, float, float]] = {}
            for measure, (prefix, how) in QUESTIONS.items():
                for name in in_turn(list(self._servers), number):
                    if name == US or how or name not in plain:
                        questions = self._questions[prefix if name == US else "www"]
                        found = self._sample(self._servers[name], questions, how)
                    else:
                        found = plain[name]  # peers have no policies: the same questions again
                    plain.setdefault(name, found)
                    for suffix, value in zip(("", "_cpu", "_p99"), found, strict=True):
                        self.comparison.add(measure + suffix, name, value)

    def _sample(
        self, server: Server, questions: Path, how: tuple[str, ...]
    ) -> tuple[float, float, float]:
        before = processor_s(server.process.pid)
        asked = dnspeers.sample(server.port, questions, self._seconds, *how)
        used = processor_s(server.process.pid) - before
        p99_ms = dnspeers.p99_ms(server.port, questions, 1, *how)
        return asked.rate, used / max(1, asked.done) * 1e6, p99_ms

    def stop(self) -> None:
        """End the peers."""
        for name, server in self._servers.items():
            if name != US:
                server.stop()


class Tcp:
    """Connections through a proxy."""

    def __init__(self, directory: Path, us: Server, us_port: int, backend: Server, *, quick: bool):
        self._seconds, self._rounds = (1, 1) if quick else (2, ROUNDS)
        self._servers = {US: (us, us_port), "direct": (backend, backend.port)}
        self._started = []
        rivals = {"haproxy": tcpproxies.haproxy, "nginx": tcpproxies.nginx}
        for name, command_of in rivals.items():
            port = free_port()
            command = command_of(directory, port, backend.port)
            if command is None:
                left_out(name)
                continue
            server = Server(name, command, port, answers)
            self._started.append(server)
            self._servers[name] = server, port
        units = {}
        for name in tcpproxies.LOADS:
            units[name], units[f"{name}_cpu"] = "/s", "µs"
        units["tcp_bulk"] = "MB/s"
        self.comparison = Comparison(units)

    def take(self) -> None:
        """All rounds, measure by measure, each beginning with another proxy."""
        for number in range(self._rounds):
            for measure, load in tcpproxies.LOADS.items():
                for name in in_turn(list(self._servers), number):
                    self._take(name, measure, load)

    def _take(self, name: str, measure: str, load: tcpproxies.Load) -> None:
        server, port = self._servers[name]
        before = processor_s(server.process.pid)
        rate, done = tcpproxies.sample(port, load, self._seconds)
        used = processor_s(server.process.pid) - before
        self.comparison.add(measure, name, rate * (4 if measure == "tcp_bulk" else 1))
        self.comparison.add(f"{measure}_cpu", name, used / max(1, done) * 1e6)

    def stop(self) -> None:
        """End the rivals."""
        for server in self._started:
            server.stop()


def answers(port: int) -> bool:
    """Whether the backend answers on a port."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return len(answer.read()) == 100
    except OSError:
        return False


def zones(directory: Path, *, quick: bool) -> Iterator[tuple[str, float, str]]:
    """What a zone costs by the number of its records."""
    for records in RECORDS:
        home = directory / f"zone-{records}"
        home.mkdir()
        server = edge(home, free_port(), free_port(), records)
        try:
            said = json.loads((home / "edge.json").read_text())
            questions = dnspeers.write_questions(directory, "www", records)
            dnspeers.warm(server.port, questions)
            before = processor_s(server.process.pid)
            asked = dnspeers.sample(server.port, questions, 1 if quick else 3)
            used = processor_s(server.process.pid) - before
        finally:
            server.stop()
        name = f"dns_zone_{records}"
        yield name, asked.rate, "q/s"
        yield f"{name}_cpu", used / asked.done * 1e6, "µs"
        yield f"{name}_load", said["loaded_s"], "s"
        yield f"{name}_resident", said["resident_kb"] / 1024, "MB"


def decisions() -> Iterator[tuple[str, float, str]]:
    """How many flows the pure function routes in a second of a core, in easy and hard cases."""
    regions = ("us-west-2", "eu-central-1", "ap-northeast-1")

    def groups(
        dial: float, endpoints: int, *, well: bool
    ) -> tuple[list[Group], Callable[[str], bool]]:
        made = [
            Group(
                region,
                region,
                dial=dial,
                endpoints=tuple(
                    Endpoint(f"{region}-{n}", region, "elb/x", f"{region}-{n}", weight=10 + n)
                    for n in range(endpoints)
                ),
            )
            for region in regions
        ]
        return made, lambda name: well or name.startswith(regions[1])

    cases = {
        "one": groups(100.0, 1, well=True),
        "weighted": groups(100.0, 3, well=True),
        "dialled": groups(50.0, 3, well=True),
        "failing over": groups(100.0, 3, well=False),
    }
    for name, (made, is_healthy) in cases.items():
        flows = [Flow("198.19.128.1", port, "198.18.0.1", 80) for port in range(1024, 2048)]
        best = 0.0
        for _ in range(3):
            started = time.process_time()
            for _ in range(DECISIONS // len(flows)):
                for flow in flows:
                    decide("NONE", made, is_healthy, flow)
            count = DECISIONS // len(flows) * len(flows)
            best = max(best, count / (time.process_time() - started))
        yield f"decisions, {name}", best, "/s"


def judge(results: dict[str, Any]) -> None:
    """Say of each aim how near it is, by rate and by processor time."""
    for measure, aims in AIMS.items():
        for peer, aim in aims.items():
            ratio = results.get(measure, {"ratio": {}})["ratio"].get(peer)
            spent = results.get(f"{measure}_cpu", {"ratio": {}})["ratio"].get(peer)
            if ratio is not None and spent:
                said = "reached" if ratio >= aim else "NOT reached"
                print(f"{measure:16} {ratio:5.2f} x {peer}, aim {aim} x: {said}; cpu {spent:.2f} x")


def side_by_side(directory: Path, parts: list[str], *, quick: bool) -> dict[str, Any]:
    """Us and the peers."""
    found: dict[str, Any] = {}
    backend_port, tcp_port = free_port(), free_port()
    program = Path(__file__).parent / "support" / "backend.py"
    command = [sys.executable, str(program), str(directory), str(backend_port)]
    backend = Server("backend", command, backend_port, answers)
    us = edge(directory, free_port(), tcp_port, POLICY_NAMES)
    kinds: dict[str, Callable[[], Dns | Tcp]] = {
        "dns": lambda: Dns(directory, us, quick=quick),
        "tcp": lambda: Tcp(directory, us, tcp_port, backend, quick=quick),
    }
    try:
        for part, begin in kinds.items():
            if part not in parts:
                continue
            measures = begin()
            try:
                measures.take()
            finally:
                measures.stop()
            measures.comparison.show("")
            found |= measures.comparison.results()
    finally:
        us.stop()
        backend.stop()
    judge(found)
    return found


def main() -> None:
    """Measure, print, write."""
    parser = parsing(__doc__ or "")
    parser.add_argument("--only", metavar="PARTS", default=",".join(PARTS), help="of the default")
    chosen = parser.parse_args()
    parts = chosen.only.split(",")
    with tempfile.TemporaryDirectory(prefix="ap-") as name:
        directory = Path(name)
        results = {}
        if {"dns", "tcp"} & set(parts):
            results = side_by_side(directory, parts, quick=chosen.quick)
        alone = {"zones": lambda: zones(directory, quick=chosen.quick), "decisions": decisions}
        for part, measure_all in alone.items():
            for measure, value, unit in measure_all() if part in parts else ():
                results[measure] = {"us": round(value, 3), "unit": unit, "peer": {}, "ratio": {}}
                print(f"{measure:26} {value:>10.6g} {unit}", flush=True)
    if chosen.json:
        Path(chosen.json).parent.mkdir(parents=True, exist_ok=True)
        Path(chosen.json).write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
