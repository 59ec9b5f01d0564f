"""A world in this process, in virtual time, for ordinary synchronous test code.

`client` gives an ordinary boto3 client. A call of it lets the simulation run until its answer is
there; between two calls no virtual time passes. `advance` lets time pass and runs everything that
falls due: replication, health checks, retries, timeouts. The same seed gives the same run, to the
`digest`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from antipodes.fabric.dns.cache import UnknownBehaviour
from antipodes.hosting.configuration import ON_DEMAND
from antipodes.hosting.privatenames import PrivateNames
from antipodes.hosting.reports import networks_as
from antipodes.hosting.resolver import NoSuchName, Resolver, behaviours
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.runtime.contract import Gone, TimedOut
from antipodes.runtime.script import Script
from antipodes.service.contract import Settings
from antipodes.service.http import HttpClient
from antipodes.testing.answers import Answer, Requests
from antipodes.testing.breaking import Breakable, Broken, Refused
from antipodes.testing.caller import Caller, Driver
from antipodes.testing.deployments import DeploymentFailed, environment, last_object
from antipodes.testing.home import nearest_city
from antipodes.testing.libraries import EVERY_CALL, boto3_in_virtual_time
from antipodes.testing.loading import load
from antipodes.testing.networks import Networked
from antipodes.world import addresses
from antipodes.world.errors import WorldError

T = TypeVar("T")

REGIONS = ("us-west-2", "eu-central-1")
ENDPOINT_URL = "http://127.0.0.1:4566"
DEPLOY_S_MAX = 900.0  # of the simulated world
ANSWER_S_MAX = 60.0
HTTP_PORT = 80
WITHIN_S, EVERY_S = 60.0, 0.25


class VirtualWorld(Breakable, Networked):
    """Regions, the edge and cities in virtual time. Use it as `with VirtualWorld() as sim:`."""

    endpoint_url = ENDPOINT_URL

    def __init__(  # noqa: PLR0913 - everything that a test may choose
        self,
        regions: Sequence[str] = REGIONS,
        *,
        seed: int = 1,
        propagation_s: float = 60.0,
        replication_delay: str = "link",
        network_enforce: bool = False,
        resolvers: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        """`directory` is where scripts to deploy are looked for. Raises Refused."""
        super().__init__()
        self.regions = tuple(regions)
        self.seed = seed
        self._directory = directory or Path.cwd()
        try:
            self.simulated = SimulatedWorld(
                self.regions,
                seed=seed,
                settings=Settings(
                    seed=seed,
                    propagation_s=propagation_s,
                    replication_delay=replication_delay,
                    network_enforce=network_enforce,
                ),
            )
        except WorldError as error:
            raise Refused(str(error)) from None
        try:
            self.behaviours = behaviours(self.simulated.world, resolvers or {})
        except (WorldError, UnknownBehaviour) as error:
            self.simulated.close()
            raise Refused(str(error)) from None
        self._driver = Driver(self.simulated)
        self._names = PrivateNames(self.simulated.outside)
        self._callers: dict[str, Caller] = {}
        self._sessions: dict[tuple[str, str], Any] = {}
        self._cities: dict[str, VirtualCity] = {}
        self._deployments = 0
        self._caller("").activate()
        try:
            self._driver.wait(self.simulated.start())
        except BaseException:
            self.close()
            raise

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
        """End it, and everything in it."""
        if not self._driver.closed:
            self._driver.closed = True
            self.simulated.close()

    # Time.

    @property
    def now(self) -> float:
        """Virtual seconds since the world began."""
        return self.simulated.outside.now()

    @property
    def utcnow(self) -> datetime:
        """What a clock shows that nobody has put wrong."""
        return datetime.fromtimestamp(self.simulated.outside.wall(), UTC)

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> float:
        """Let time pass, run everything that falls due, and return what `now` is then."""
        span_s = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        if span_s < 0:
            raise Refused(f"time passes forwards: {span_s:g} s")
        if span_s:
            self._driver.wait(self.simulated.outside.sleep(span_s))
        return self.now

    def wait_until(
        self,
        condition: Callable[[], T],
        *,
        within_s: float = WITHIN_S,
        every_s: float = EVERY_S,
    ) -> T:
        """Let time pass until a condition holds; return what it returned."""
        end = self.now + within_s
        while True:
            found = condition()
            if found:
                return found
            if self.now >= end:
                raise AssertionError(f"not within {within_s:g} virtual seconds: {condition!r}")
            self.advance(seconds=every_s)

    def concurrently(self, *functions: Callable[[], Any]) -> list[Any]:
        """Run blocking functions side by side in virtual time, each to its end.

        Returns what they return, in their order. When some fail, the first one's failure is raised
        after all have ended.
        """
        return self._driver.concurrently(functions)

    # Clients.

    def client(
        self, service: str, region: str = "", *, account: str = "test", **options: Any
    ) -> Any:
        """An ordinary boto3 client, which stands beside the region it calls."""
        return self.client_in("", service, region, account, options)

    def client_in(
        self, place: str, service: str, region: str, account: str, options: dict[str, Any]
    ) -> Any:
        """A client at a place; its calls take the time that the distance takes."""
        named = {"region_name": region or self.regions[0], **options}
        return self._kept_session(account, place).client(service, **named)

    def resource(
        self, service: str, region: str = "", *, account: str = "test", **options: Any
    ) -> Any:
        """An ordinary boto3 resource."""
        named = {"region_name": region or self.regions[0], **options}
        return self._kept_session(account, "").resource(service, **named)

    def session(self, region: str = "", *, account: str = "test") -> Any:
        """An ordinary boto3 session; a 12-digit access key id names the account."""
        return self._session(region, account, "")

    def _kept_session(self, account: str, place: str) -> Any:
        """One for all clients of an account, so that they share their classes of exceptions."""
        if (account, place) not in self._sessions:
            self._sessions[account, place] = self._session("", account, place)
        self._caller(place).activate()
        return self._sessions[account, place]

    def _session(self, region: str, account: str, place: str) -> Any:
        caller = self._caller(place)
        caller.activate()
        session = boto3_in_virtual_time().session.Session(
            aws_access_key_id=account,
            aws_secret_access_key="test",  # noqa: S106 - any will do
            region_name=region or self.regions[0],
        )
        # Its clients' calls are of this world, also while another one is in use.
        session.events.register(EVERY_CALL, caller.activate)
        return session

    def _caller(self, place: str) -> Caller:
        if place not in self._callers:
            self._callers[place] = Caller(self._driver, place, environment(self))
        return self._callers[place]

    @property
    def env(self) -> dict[str, str]:
        """What points AWS's tools at this world; only programs inside the simulation can use it."""
        return environment(self)

    def _told(self, account: str) -> dict[str, Any]:
        told = {
            place: self.simulated.region(place).reports["networks"]()
            for place in self.regions
            if place in self.simulated.hosts
        }
        own = self.simulated.settings.account
        return networks_as(account or own, told, of_any=not account)

    def resolve(self, name: str, region: str, vpc: str) -> list[str]:
        """The addresses that a VPC's own resolver answers with."""
        found: list[str] = self._driver.wait(self._names.look_up(region, vpc, name))["addresses"]
        return found

    # People, and applications.

    def at(self, city: str) -> "VirtualCity":
        """Somebody in a city, such as `sao-paulo`, with the city's own cache of names."""
        try:
            place = self.simulated.world.place(city)
        except WorldError as error:
            raise Refused(str(error)) from None
        if not place.startswith("city/"):
            raise Refused(f"{city} is not a city")
        if place not in self._cities:
            self._cities[place] = VirtualCity(self, self._driver, place)
        return self._cities[place]

    @property
    def home(self) -> "VirtualCity":
        """The city that is nearest to the first region."""
        return self.at(nearest_city(self.simulated.world))

    def get(self, url: str, **options: Any) -> Answer:
        """GET from the city nearest to the first region."""
        return self.home.get(url, **options)

    def put(self, url: str, body: bytes | str = b"", **options: Any) -> Answer:
        """PUT from the city nearest to the first region."""
        return self.home.put(url, body, **options)

    def deploy(self, script: str | Path, **variables: str) -> dict[str, Any]:
        """Run a deployment script as `python deploy.py` would be; return its last line's JSON.

        It is ordinary boto3, and finds AWS_ENDPOINT_URL, AWS_REGIONS and the like. Raises
        DeploymentFailed with what it printed.
        """
        path = self._directory / script
        if not path.is_file():
            raise DeploymentFailed(f"there is no {path}")
        self._deployments += 1
        program = Script(
            self.simulated.outside,
            path,
            variables={**environment(self), **variables},
            chance=self.simulated.outside.chance(f"test/deployment/{self._deployments}"),
            send=self._caller("").send,
        )
        try:
            reply = self._driver.wait(self._execute(program))
        except TimedOut:
            raise DeploymentFailed(
                f"{path.name} did not end within {DEPLOY_S_MAX:g} s:\n{program.output}"
            ) from None
        if reply.kind != "ready" and not (reply.kind == "exit" and reply.status == 0):
            raise DeploymentFailed(f"{path.name} ended with {reply.kind}:\n{program.output}")
        return last_object(program.output)

    def load(self, module: str, **variables: str) -> Any:
        """Load code that makes its own clients, for this world: `orders.py`, or `shop.orders`.

        Its boto3, its `time.sleep`, its clock and its `os.environ`, with `variables`, are the
        world's. A file is looked for beside the test. Raises ImportError.
        """
        caller = self._caller("")
        caller.environ.update(variables)
        return load(module, self._directory, caller.activate)

    async def _execute(self, program: Script) -> Any:
        async with self.simulated.outside.timeout(DEPLOY_S_MAX):
            return await program.execute()

    # Breaking.

    def restart(self, region: str) -> None:
        """Kill a region, if it is up, and start it again at once, with what its disk has."""
        self._host(region)
        if region in self.simulated.hosts:
            self.simulated.kill(region)
        self._driver.wait(self.simulated.restart(region))

    def disk(self, region: str, *, full: bool = False, slow_ms: float = 0.0) -> Broken:
        """Fill a region's disk, or let every commit take longer."""
        if not full and slow_ms <= 0:
            raise Refused("disk: it is to be full, or slow by slow_ms")
        place = self._host(region)
        return self._note(self.simulated.set_disk(place, full=full, slow_s=slow_ms / 1e3))

    def _host(self, place: str) -> str:
        if place in ON_DEMAND and place not in self.simulated.places:  # nobody has needed it so far
            self._driver.wait(self.simulated.ensure_endpoint(place))
        if place not in self.simulated.places:
            known = ", ".join(self.simulated.places)
            raise Refused(f"{place} is not a host of this world; it has {known}")
        return place

    def _up(self, place: str) -> str:
        if self._host(place) not in self.simulated.hosts:
            raise Refused(f"{place} is not up")
        return place

    def _install(self, fault: dict[str, Any]) -> str:
        try:
            return self.simulated.install(fault)
        except WorldError as error:
            raise Refused(str(error)) from None

    def _kill(self, place: str) -> str:
        return self.simulated.kill(self._up(place))

    def _pause(self, place: str) -> str:
        return self.simulated.pause(self._up(place))

    def _set_clock(self, place: str, offset_s: float, drift_ppm: float) -> str:
        return self.simulated.set_clock(self._host(place), offset_s, drift_ppm)

    def _heal_one(self, handle: str) -> None:
        self._driver.wait(self.simulated.heal(handle))

    def _heal_all(self) -> None:
        self._driver.wait(self.simulated.heal_all())

    def wrongs(self) -> list[str]:
        """What the test has broken and not healed, in words."""
        described = {handle: fault.describe() for handle, fault in self.simulated.world.faults()}
        open_ = [broken.handle for broken in self._broken if not broken.healed]
        return [described.get(handle, handle) for handle in open_]

    # Repeating.

    def digest(self) -> str:
        """A digest of everything that happened so far: the same code and seed give the same."""
        return self.simulated.simulation.journal.digest()


class VirtualCity(Requests):
    """Somebody in a city of a simulated world."""

    def __init__(self, world: VirtualWorld, driver: Driver, place: str) -> None:
        self.place = place
        self._world = world
        self._driver = driver
        self._runtime = driver.outside.at(place)
        self._resolver = Resolver(self._runtime, world.simulated.world, world.behaviours)

    def client(
        self, service: str, region: str = "", *, account: str = "test", **options: Any
    ) -> Any:
        """An ordinary boto3 client, as far from the region it calls as the city is."""
        return self._world.client_in(self.place, service, region, account, options)

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
        if not url.startswith("http://"):
            raise Refused(f"{url}: a URL begins with http://")
        content = body.encode() if isinstance(body, str) else body
        started = self._runtime.now()
        try:
            return self._driver.wait(self._ask(method, url, headers or {}, content, timeout_s))
        except (Gone, TimedOut, NoSuchName) as error:
            return Answer(0, took_s=self._runtime.now() - started, error=str(error))

    async def _ask(
        self, method: str, url: str, headers: dict[str, str], body: bytes, timeout_s: float
    ) -> Answer:
        parts = urlsplit(url)
        runtime, host = self._runtime, parts.hostname or ""
        started = runtime.now()
        async with runtime.timeout(timeout_s):
            address = await self._resolver.resolve(host)
            response = await HttpClient(runtime).request(
                self._resolver.door(address, parts.port or HTTP_PORT),
                method,
                (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
                headers={"host": parts.netloc, **headers},
                body=body,
                keep_alive=False,
                source_ip=addresses.client_ip(runtime.place, 0),
            )
        named = {name.lower(): value for name, value in response.headers}
        return Answer(response.status, named, response.body, runtime.now() - started)
