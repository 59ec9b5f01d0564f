"""A world of processes for tests: started on a free port, in a directory of its own.

The world lives as long as this object, and never longer than the process of the tests: a keeper
(`keeper.py`) holds it. Everything is asked of it over HTTP, as anybody could.
"""

import json
import os
import subprocess  # noqa: TID251 - a test stands outside of every world
import sys
import tempfile  # noqa: TID251 - as above
import time  # noqa: TID251 - as above
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException  # noqa: TID251 - as above
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

from antipodes.runtime.statedirectory import read_world
from antipodes.testing import keeper
from antipodes.testing.answers import Answer, Requests
from antipodes.testing.breaking import Breakable, Refused
from antipodes.testing.deployments import DeploymentFailed, environment, last_object
from antipodes.testing.networks import Networked

T = TypeVar("T")

REGIONS = ("us-west-2", "eu-central-1")
START_S_MAX = 60.0
STOP_S_MAX = 25.0
DEPLOY_S_MAX = 180.0
ANSWER_S_MAX = 60.0
POLL_S = 0.02
WITHIN_S, EVERY_S = 60.0, 0.05
HTTP_PORT = 80
DEPTH_OF_LOG = 4000


class WorldFailed(Exception):
    """The world did not start, or does not answer."""


class RealWorld(Breakable, Networked):
    """Regions, the edge and cities as processes. Use it as `with RealWorld() as world:`."""

    def __init__(  # noqa: PLR0913 - everything that a test may choose
        self,
        regions: Sequence[str] = REGIONS,
        *,
        speed: float = 1.0,
        seed: int = 0,
        propagation_s: float = 60.0,
        replication_delay: str = "link",
        resolvers: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        """`directory` is where scripts to deploy are looked for. Raises WorldFailed."""
        super().__init__()
        self.regions = tuple(regions)
        self.speed = speed
        self.seed = seed
        self.directory = directory or Path.cwd()
        self._sessions: dict[str, Any] = {}
        self.state = Path(tempfile.mkdtemp(prefix="antipodes-test-"))
        path = self.state / "supervisor.log"
        arguments = [
            *("--state", str(self.state), "up", "--port", "0"),
            *("--regions", ",".join(self.regions), "--speed", f"{speed:g}"),
            *("--seed", str(seed), "--propagation", f"{propagation_s:g}"),
            *("--replication-delay", replication_delay),
            *(f"--resolver={city}={how}" for city, how in (resolvers or {}).items()),
        ]
        with path.open("wb") as log:
            self._log = path.open("rb")  # it can be read to the end, also when it is removed
            self._keeper = subprocess.Popen(  # noqa: S603 - our own command
                [
                    *(sys.executable, keeper.__file__, str(self.state)),
                    *(sys.executable, "-m", "antipodes", *arguments),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self.port = self._wait_announced()
        except BaseException:
            self.close()
            raise

    def _wait_announced(self) -> int:
        end = time.monotonic() + START_S_MAX
        while time.monotonic() < end:
            announced = read_world(self.state)
            if announced is not None:
                return int(announced["port"])
            if self._keeper.poll() is not None:
                break
            time.sleep(POLL_S)
        said = self._log.read().decode(errors="replace")
        raise WorldFailed(said.strip()[-DEPTH_OF_LOG:] or "the world did not start")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop it, and remove its state."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        try:
            self._keeper.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
        self._log.close()

    @property
    def endpoint_url(self) -> str:
        """Where AWS's tools have to point."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """What points AWS's tools at this world, as environment variables."""
        return environment(self)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the world itself: `GET /status`, `GET /replication` and so on. Raises Refused."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S_MAX)
        content = None if body is None else json.dumps(body)
        try:
            connection.request(method, f"/_antipodes{path}", content)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        except (OSError, HTTPException, ValueError) as error:
            raise WorldFailed(f"the world does not answer: {error}") from error
        finally:
            connection.close()
        if answer.status != HTTPStatus.OK:
            raise Refused(said.get("message", f"HTTP {answer.status}"))
        return said

    def _told(self, account: str) -> dict[str, Any]:
        query = f"?account={quote(account, safe='')}" if account else ""
        told: dict[str, Any] = self.ask("GET", f"/networks{query}")
        return told

    def resolve(self, name: str, region: str, vpc: str) -> list[str]:
        """The addresses that a VPC's own resolver answers with."""
        parts = "/".join(quote(one, safe="") for one in (region, vpc, name))
        found: list[str] = self.ask("GET", f"/names/{parts}")["addresses"]
        return found

    # Time.

    def wait_until(
        self, condition: Callable[[], T], *, within_s: float = WITHIN_S, every_s: float = EVERY_S
    ) -> T:
        """Wait until a condition holds; return what it returned."""
        end = time.monotonic() + within_s
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() >= end:
                raise AssertionError(f"not within {within_s:g} seconds: {condition!r}")
            time.sleep(every_s)

    def wait_whole(self) -> None:
        """Wait until every host is up."""
        self.wait_until(lambda: self.ask("GET", "/health")["status"] == "running")

    # Clients.

    def client(
        self, service: str, region: str = "", *, account: str = "test", **options: Any
    ) -> Any:
        """An ordinary boto3 client."""
        named = {"region_name": region or self.regions[0], **options}
        return self._kept_session(account).client(service, **named)

    def resource(
        self, service: str, region: str = "", *, account: str = "test", **options: Any
    ) -> Any:
        """An ordinary boto3 resource."""
        named = {"region_name": region or self.regions[0], **options}
        return self._kept_session(account).resource(service, **named)

    def _kept_session(self, account: str) -> Any:
        """One for all clients of an account, so that they share their classes of exceptions."""
        if account not in self._sessions:
            self._sessions[account] = self.session(account=account)
        return self._sessions[account]

    def session(self, region: str = "", *, account: str = "test") -> Any:
        """A boto3 session whose clients call this world; a 12-digit key id names the account."""
        from antipodes.testing.sessions import WorldSession  # noqa: PLC0415 - boto3 is slow

        return WorldSession(
            self.endpoint_url,
            aws_access_key_id=account,
            aws_secret_access_key="test",  # noqa: S106 - any will do
            region_name=region or self.regions[0],
        )

    # People, and applications.

    def at(self, city: str) -> "RealCity":
        """Somebody in a city, such as `sao-paulo`, with the city's own cache of names."""
        return RealCity(self, self.ask("GET", f"/cities/{quote(city, safe='')}"))

    @property
    def home(self) -> "RealCity":
        """The city that is nearest to the first region."""
        from antipodes.testing.home import nearest_city_of  # noqa: PLC0415 - rarely needed

        return self.at(nearest_city_of(self.regions))

    def get(self, url: str, **options: Any) -> Answer:
        """GET from the city nearest to the first region."""
        return self.home.get(url, **options)

    def put(self, url: str, body: bytes | str = b"", **options: Any) -> Answer:
        """PUT from the city nearest to the first region."""
        return self.home.put(url, body, **options)

    def deploy(self, script: str | Path, **variables: str) -> dict[str, Any]:
        """Run a deployment script; return the JSON of its last line. Raises DeploymentFailed."""
        path = self.directory / script
        if not path.is_file():
            raise DeploymentFailed(f"there is no {path}")
        done = subprocess.run(  # noqa: S603 - the user's own script
            [sys.executable, str(path)],
            env={**os.environ, **self.env, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEPLOY_S_MAX,
            check=False,
        )
        if done.returncode != 0:
            raise DeploymentFailed(
                f"{path.name} ended with status {done.returncode}:\n{done.stdout}"
            )
        return last_object(done.stdout)

    # Breaking.

    def _install(self, fault: dict[str, Any]) -> str:
        return str(self.ask("POST", "/faults", fault)["handle"])

    def _kill(self, place: str) -> str:
        return str(self.ask("POST", f"/hosts/{place}/kill")["handle"])

    def _pause(self, place: str) -> str:
        return str(self.ask("POST", f"/hosts/{place}/pause")["handle"])

    def _set_clock(self, place: str, offset_s: float, drift_ppm: float) -> str:
        wrong = {"offset_s": offset_s, "drift_ppm": drift_ppm}
        return str(self.ask("POST", f"/hosts/{place}/clock", wrong)["handle"])

    def _heal_one(self, handle: str) -> None:
        self.ask("DELETE", f"/faults/{handle}")

    def _heal_all(self) -> None:
        self.ask("DELETE", "/faults")


class RealCity(Requests):
    """Somebody in a city of a running world: requests go through the city's proxy."""

    def __init__(self, world: RealWorld, city: dict[str, Any]) -> None:
        self.place = str(city["city"])
        self.edge = str(city["edge"])
        self._world = world
        self._port = int(city["port"])

    def client(
        self, service: str, region: str = "", *, account: str = "test", **options: Any
    ) -> Any:
        """An ordinary boto3 client, as far from the region it calls as the city is."""
        from botocore.config import Config  # noqa: PLC0415 - boto3 is slow

        region = region or self._world.regions[0]
        proxied = Config(proxies={"http": f"http://127.0.0.1:{self._port}"})
        given = options.pop("config", None)
        return self._world.client(
            service,
            region,
            account=account,
            endpoint_url=f"http://{service}.{region}.amazonaws.com",
            config=given.merge(proxied) if given is not None else proxied,
            **options,
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | str = b"",
        timeout_s: float = ANSWER_S_MAX,
    ) -> Answer:
        """Make one request over a connection of its own, at the city's distance from there."""
        parts = urlsplit(url)
        if parts.scheme != "http":
            raise Refused(f"{url}: a URL begins with http://")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        content = body.encode() if isinstance(body, str) else body
        connection = HTTPConnection("127.0.0.1", self._port, timeout=timeout_s)
        # Through a tunnel: the proxy's own refusal cannot be taken for the application's.
        connection.set_tunnel(parts.hostname or "", parts.port or HTTP_PORT)
        started = time.monotonic()
        try:
            connection.request(method, target, content, {"host": parts.netloc, **(headers or {})})
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            data = answer.read()
        except (OSError, HTTPException) as error:
            return Answer(0, took_s=time.monotonic() - started, error=str(error))
        finally:
            connection.close()
        return Answer(answer.status, named, data, time.monotonic() - started)
