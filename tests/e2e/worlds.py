"""Worlds for the end-to-end tests: real processes, started by the command line as a user would."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

REGIONS = ("us-west-2", "eu-central-1")
WAIT_S_MAX = 60.0
EXAMPLE = Path(__file__).parents[2] / "examples" / "global-app"


def command(*arguments: str, state: Path) -> list[str]:
    """An antipodes command as a list."""
    return [sys.executable, "-m", "antipodes", "--state", str(state), *arguments]


def run(*arguments: str, state: Path, timeout: float = 90) -> subprocess.CompletedProcess[str]:
    """Run an antipodes command to its end."""
    return subprocess.run(
        command(*arguments, state=state),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=clean(),
    )


def clean(**more: str) -> dict[str, str]:
    """The environment without the user's AWS and proxy settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
    }
    return {**kept, **more}


class RunningWorld:
    """A world of real processes in a directory of its own."""

    def __init__(self, *options: str, regions: tuple[str, ...] = REGIONS) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="ap-e2e-")
        self.state = Path(self._directory.name) / "state"
        self.regions = regions
        self.options = options
        self.up()

    def up(self) -> None:
        """Start it."""
        arguments = ["--regions", ",".join(self.regions), "--port", "0", *self.options]
        done = run("up", "--detach", *arguments, state=self.state)
        assert done.returncode == 0, done.stdout + done.stderr
        announced = json.loads((self.state / "world.json").read_text())
        self.port, self.pid = int(announced["port"]), int(announced["pid"])
        self.url = f"http://127.0.0.1:{self.port}"

    def down(self) -> None:
        """Stop it."""
        run("down", state=self.state)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()
        self._directory.cleanup()

    def client(
        self,
        service: str,
        region: str = REGIONS[0],
        account: str = "test",
        read_timeout: float = 30,
        **more: Any,
    ) -> Any:
        """An ordinary boto3 client of this world."""
        once = {"total_max_attempts": 1}
        options = {"retries": once, "read_timeout": read_timeout, "connect_timeout": 10}
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(**options),
            **more,
        )

    def ask(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask the world itself."""
        request = urllib.request.Request(
            f"{self.url}/_antipodes{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            request, timeout=60
        ) as answer:
            return json.load(answer)

    def pids(self) -> dict[str, int]:
        """The processes of the hosts that are up."""
        hosts = self.ask("/status")["hosts"]
        return {place: host["pid"] for place, host in hosts.items() if host["pid"]}

    def wait_up(self) -> None:
        """Wait until every host is up."""
        wait(lambda: self.ask("/health")["status"] == "running")

    def deploy(self) -> dict[str, Any]:
        """Deploy the example with its own script."""
        done = subprocess.run(
            [sys.executable, str(EXAMPLE / "deploy.py")],
            env=clean(
                AWS_ENDPOINT_URL=self.url,
                AWS_ACCESS_KEY_ID="test",
                AWS_SECRET_ACCESS_KEY="test",
                AWS_REGIONS=",".join(self.regions),
            ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return said

    def curl(self, city: str, url: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Make a request as if from a city; return status, headers and body."""
        proxy = f"http://127.0.0.1:{self.ask(f'/cities/{city}')['port']}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
        request = urllib.request.Request(url, method=method)
        try:
            with opener.open(request, timeout=60) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return answer.status, headers, answer.read()
        except urllib.error.HTTPError as error:
            headers = {name.lower(): value for name, value in error.headers.items()}
            return error.code, headers, error.read()


def wait(condition: Callable[[], Any], seconds: float = WAIT_S_MAX) -> Any:
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


def kill(pid: int) -> None:
    """`kill -9`."""
    os.kill(pid, signal.SIGKILL)
