"""Measuring rivals side by side: alternated rounds, medians, ratios, one table, one JSON file."""

import argparse
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROUNDS = 5


def parsing(text: str) -> argparse.ArgumentParser:
    """The options that every script here takes."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--quick", action="store_true", help="short samples")
    parser.add_argument("--json", metavar="FILE", default="")
    return parser


def options(text: str) -> argparse.Namespace:
    """The options of a script that takes no others."""
    return parsing(text).parse_args()


class Server:
    """A rival: a process that answers on a port."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        ready: Callable[[int], bool],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.port = port
        started = time.perf_counter()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            env={**quiet(), **(environment or {})},
        )
        while not ready(port):
            if self.process.poll() is not None or time.perf_counter() - started > 60:
                self._log.seek(0)
                said = self._log.read().decode(errors="replace")
                self.stop()
                raise RuntimeError(f"{name} did not start: {said[-2000:]}")
            time.sleep(0.005)
        self.ready_s = time.perf_counter() - started

    def stop(self) -> None:
        """End it and whatever it started."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self._log.close()


def quiet() -> dict[str, str]:
    """The environment without AWS settings of the user's."""
    # Compiled modules are kept, as those of an installed package are.
    dropped = ("AWS_", "PYTHONDONTWRITEBYTECODE")
    return {k: v for k, v in os.environ.items() if not k.startswith(dropped)}


def answers(port: int, path: str = "/", body: bytes | None = None, **headers: str) -> bool:
    """Whether something on the port answers an HTTP request, with whatever status."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
            return bool(answer.status)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def free_port() -> int:
    """A port that nobody uses now."""
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the rounds' ratios: both samples of a round are of the same minute."""
    pairs = [(mine, other) for mine, other in zip(ours, theirs, strict=False) if other]
    return statistics.median(mine / other for mine, other in pairs) if pairs else 0.0


class Comparison:
    """Samples of several measures, of us and of peers."""

    def __init__(self, units: Mapping[str, str]) -> None:
        self._units = units
        self._samples: dict[str, dict[str, list[float]]] = {measure: {} for measure in units}

    def add(self, measure: str, who: str, value: float) -> None:
        """Add one sample."""
        self._samples[measure].setdefault(who, []).append(value)

    def results(self) -> dict[str, Any]:
        """Medians, and ratios (ours divided by the peer's of the same round), by measure."""
        found = {}
        for measure, samples in self._samples.items():
            medians = {who: statistics.median(values) for who, values in samples.items()}
            ours = medians.pop("antipodes", None)
            if ours is None:
                continue
            ratios = {who: _ratio(samples["antipodes"], samples[who]) for who in medians}
            found[measure] = {
                "us": round(ours, 3),
                "peer": {who: round(value, 3) for who, value in medians.items()},
                "ratio": {who: round(ratio, 3) for who, ratio in ratios.items() if ratio},
                "unit": self._units[measure],
                "samples": {who: [round(v, 3) for v in values] for who, values in samples.items()},
            }
        return found

    def show(self, file: str) -> None:
        """Print the table; write the JSON where asked."""
        for measure, row in self.results().items():
            peers = "  ".join(
                f"{who} {value:g} ({row['ratio'].get(who, float('nan')):.2f}x)"
                for who, value in row["peer"].items()
            )
            print(f"{measure:26} {row['us']:>10g} {row['unit']:8} {peers}")
        if file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(json.dumps(self.results(), indent=2))
