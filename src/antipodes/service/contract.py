"""What every service is made of: a table of operations, a host to live on, and a call's context.

A service is a folder of the same few files (`__init__`, `api`, `model`, and one per data plane).
`api.py` has one thin function per AWS operation, `(service, call, request) -> response`,
registered in an `Operations` table. `request` and `response` are plain dictionaries in the shapes
of botocore's model for that operation: the same that boto3 takes and gives (blobs are bytes,
timestamps are Unix seconds as float, or datetimes on the way out).
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import msgspec

from antipodes.runtime.contract import Runtime, Store
from antipodes.service.http import HttpRequest, HttpResponse

Request = dict[str, Any]
Response = dict[str, Any]


class Call(msgspec.Struct, frozen=True):
    """Who calls, where, and how to speak of it afterwards."""

    account: str
    region: str
    request_id: str
    access_key: str = ""
    trace: str = ""
    # The caller's identity when it assumed a role: arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION.
    principal_arn: str = ""


class ServiceError(Exception):
    """AWS's own answer to a caller's mistake: code, message, HTTP status, further members.

    `code` is the error code clients match on (`ResourceNotFoundException`); `members` are the
    further members of the error's modelled shape (`Item`, `CancellationReasons`, ...).
    """

    def __init__(self, code: str, message: str = "", status: int = 400, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


Handler = Callable[[Any, Call, Request], "Response | Awaitable[Response]"]
H = TypeVar("H", bound=Handler)


class Operations:
    """The operations a service offers, by AWS name; what is not here is refused by name."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def __call__(self, name: str) -> Callable[[H], H]:
        def register(handler: H) -> H:
            assert name not in self._handlers, f"operation {name} registered twice"
            self._handlers[name] = handler
            return handler

        return register

    def get(self, name: str) -> Handler | None:
        return self._handlers.get(name)

    def module_of(self, name: str) -> str:
        """The module that an operation is in."""
        return self._handlers[name].__module__

    def __iter__(self) -> Iterator[str]:
        return iter(self._handlers)


class Preceded(Operations):
    """Operations before each of which the same is done."""

    def __init__(self, before: Callable[[Any, Call], None]) -> None:
        super().__init__()
        self._before = before

    def get(self, name: str) -> Handler | None:
        """Return the operation, with what comes before it."""
        handler = super().get(name)
        if handler is None:
            return None
        found, before = handler, self._before

        def preceded(service: Any, call: Call, request: Request) -> Any:
            before(service, call)
            return found(service, call, request)

        return preceded


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person may choose about a world; times in seconds of the world."""

    account: str = "000000000000"
    speed: float = 1.0
    seed: int = 0
    durability: str = "process"  # or "power"
    verify_signatures: bool = False
    propagation_s: float = 60.0  # of routing and health state to the edge locations
    replication_delay: str = "link"  # of global tables, see replication/delays.py
    control_plane_delay_s: float = 0.0  # CREATING -> ACTIVE of tables, functions, balancers
    throttling: bool = False  # whether tables' capacity can be short
    strong_region_sets: bool = False  # whether strongly consistent tables keep to AWS's region sets
    network_enforce: bool = False  # whether what services send and take obeys networks (EC2)
    ttl_delay_s: float = 0.0  # from the end of an item's time to live to its removal, at least
    stream_shard_s: float = 4 * 3600.0  # how long a shard of a stream is open
    regions: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


class Host(Protocol):
    """What a service knows of the host it lives on.

    `changes` is the host's change log (replication.changelog.ChangeLog), `world` the shared
    picture of places and links (world.world.World).
    """

    place: str  # a region's code, or "edge"
    runtime: Runtime
    store: Store
    settings: Settings
    world: Any
    changes: Any
    # Real body only: http://127.0.0.1:PORT of this region's own API, for its functions.
    api_url: str

    async def serve_http(self, request: HttpRequest) -> HttpResponse:
        """Answer one API request as this region's endpoint would (any service, any region)."""

    async def call(
        self, service: str, operation: str, request: Request, *, account: str, trace: str = ""
    ) -> Response:
        """Call a service of this host, as a customer of `account` would; raises ServiceError."""

    def service(self, name: str) -> "Service | None":
        """The service of that botocore name on this host, for the host's own plumbing only."""


@runtime_checkable
class Laned(Protocol):
    """A host that answers requests with one head, again and again, for callers inside of it."""

    def lane(
        self, headers: dict[str, str]
    ) -> Callable[[bytes, str], "HttpResponse | Awaitable[HttpResponse] | None"] | None:
        """Return what answers a body in a trace, or declines with None, if there is such a way."""


# Asked about a call of a service's operation before it is done; raises ServiceError.
Permit = Callable[[str, str, Call, Request], None]


@runtime_checkable
class Permitting(Protocol):
    """A host that answers requests with somebody's leave."""

    async def serve_permitted(self, request: HttpRequest, permit: Permit) -> HttpResponse:
        """As `serve_http`, if what the request is for is permitted."""


class Service:
    """One AWS API on one host. Control-plane records belong to an (account, region)."""

    name: ClassVar[str]  # botocore's service name
    operations: ClassVar[Operations]
    home: ClassVar[str] = ""  # the home region of a global control plane, else ""
    places: ClassVar[tuple[str, ...]] = ()  # of one that is in certain regions only, else ()

    def __init__(self, host: Host) -> None:
        self.host = host

    async def start(self) -> None:
        """Recover from the store and begin background work (`host.runtime.spawn`)."""

    async def stop(self) -> None:
        """Let go of what would outlive the host."""
