"""How replication keeps up: lag beyond the link's own delay, under load, both ways; catching up.

Everything is seen from outside. A lag is the time from the answer of a put in one region until a
get in the other finds it, less the link's delay; the polling (every half millisecond, from shortly
before the link can have carried it) is in it.
"""

import http.client
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.itemrequests import PEER, REGION, bodies, key_of, signed
from support.load import HERE, prepare, sample

SIZE = 300
TABLE = "Replicated"
CAUGHT_UP_S_MAX = 60.0
SOONEST = 0.95  # of the link's delay: when a mark is asked for first


class Region:
    """One region's endpoint, asked over one connection."""

    def __init__(self, port: int, region: str) -> None:
        self._port = port
        self._region = region
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send one signed request."""
        (request,) = signed(self._port, operation, iter([body]), self._region)
        head, _, data = request.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        self._connection.request("POST", "/", data, headers)
        answer = self._connection.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
        if answer.status != http.client.OK:
            raise RuntimeError(f"{operation} in {self._region}: {answer.status} {found}")
        return found


class Pair:
    """Two regions of one world, with a table in both."""

    def __init__(self, port: int, directory: Path, delay_ms: float) -> None:
        self.port = port
        self._directory = directory
        self._delay_ms = delay_ms
        self.here, self.there = Region(port, REGION), Region(port, PEER)
        self._marks = 0
        self.files = {
            region: prepare(directory / f"puts-{region}", self._puts(region))
            for region in (REGION, PEER)
        }

    def _puts(self, region: str) -> list[bytes]:
        return signed(self.port, "PutItem", bodies("PutItem", SIZE, TABLE), region)

    def lag_ms(self) -> float:
        """Put a mark here, and wait for it there."""
        self._marks += 1
        key = {"id": {"S": f"mark-{self._marks}"}}
        self.here.ask("PutItem", {"TableName": TABLE, "Item": key})
        put = time.perf_counter()
        time.sleep(self._delay_ms * SOONEST / 1e3)  # who asks in vain keeps others from working
        self._wait_for(key)
        return (time.perf_counter() - put) * 1e3 - self._delay_ms

    def _wait_for(self, key: dict[str, Any]) -> None:
        asked = time.perf_counter()
        while "Item" not in self.there.ask("GetItem", {"TableName": TABLE, "Key": key}):
            if time.perf_counter() - asked > CAUGHT_UP_S_MAX:
                raise RuntimeError(f"{key} did not reach {PEER}")
            time.sleep(0.0005)

    def lags_ms(self, seconds: float) -> list[float]:
        """Lags for some seconds, one after the other."""
        until = time.perf_counter() + seconds
        found = []
        while time.perf_counter() < until:
            found.append(self.lag_ms())
        return found

    def load(self, region: str, seconds: float, rate: float) -> subprocess.Popen[str]:
        """Begin a load of so many puts a second."""
        command = [sys.executable, str(HERE / "loader.py"), str(self.port), "16"]
        command += [str(seconds), str(self.files[region]), str(rate)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def faults(self, method: str, body: dict[str, Any] | None = None) -> None:
        """Break the link, or heal everything."""
        url = f"http://127.0.0.1:{self.port}/_antipodes/faults"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method)
        urllib.request.urlopen(request).close()  # noqa: S310 - loopback


def measure(pair: Pair, *, quick: bool) -> Iterator[tuple[str, float, str]]:
    """All measures of replication: name, value, unit."""
    seconds = 1.0 if quick else 10.0
    full = sample(pair.port, pair.files[REGION], 16, 1 if quick else 4).rate
    yield "replication_put", full, "req/s"
    pair.lag_ms()
    quiet = pair.lags_ms(seconds)
    yield "replication_lag_idle", _p99(quiet), "ms"
    yield from _under_load(pair, seconds, full)
    yield from _both_ways(pair, seconds, full)
    yield from _catching_up(pair, 1 if quick else 4)


def _under_load(pair: Pair, seconds: float, full: float) -> Iterator[tuple[str, float, str]]:
    loading = pair.load(REGION, seconds + 1, full / 2)
    lags = pair.lags_ms(seconds)
    yield "replication_lag_p50", statistics.median(lags), "ms"
    yield "replication_lag", _p99(lags), "ms"
    yield "replication_load", _rate(loading), "req/s"


def _both_ways(pair: Pair, seconds: float, full: float) -> Iterator[tuple[str, float, str]]:
    """Write to both regions at once; the lag at the end against that at the beginning."""
    loading = [pair.load(region, 2 * seconds + 1, full / 4) for region in (REGION, PEER)]
    first, last = pair.lags_ms(seconds), pair.lags_ms(seconds)
    yield "replication_both_load", sum(_rate(one) for one in loading), "req/s"
    yield "replication_both_first", statistics.median(first), "ms"
    yield "replication_both_last", statistics.median(last), "ms"


def _catching_up(pair: Pair, seconds: int) -> Iterator[tuple[str, float, str]]:
    """Write while the link is cut, and see how fast what was written is applied afterwards."""
    pair.faults("POST", {"kind": "cut-link", "a": REGION, "b": PEER})
    written = sample(pair.port, pair.files[REGION], 16, seconds).rate * seconds
    key = key_of(0, -1)
    pair.here.ask("PutItem", {"TableName": TABLE, "Item": key})
    pair.faults("DELETE")
    began = time.perf_counter()
    while "Item" not in pair.there.ask("GetItem", {"TableName": TABLE, "Key": key}):
        if time.perf_counter() - began > CAUGHT_UP_S_MAX:
            raise RuntimeError("the replica did not catch up")
        time.sleep(0.005)
    yield "replication_caught_up", written / (time.perf_counter() - began), "req/s"


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def _rate(loading: subprocess.Popen[str]) -> float:
    said, _ = loading.communicate(timeout=60)
    found: dict[str, float] = json.loads(said)
    if found["wrong"]:
        raise RuntimeError(f"{found['wrong']} puts failed")
    return found["rate"]
