"""A region's host: its store, its change log, its services, and the doors they stand behind.

The same class serves in both bodies. Requests reach it over the `api` door (from places of the
world), over connections the front door hands on, and, in real time, over a loopback port of the
region's own, at which its functions find their region. A request signed for another region is
forwarded over the backbone, as a call from inside a region to another region's endpoint travels.
"""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from antipodes.hosting.catalogue import SERVICES, build_services
from antipodes.replication.changelog import ChangeLog
from antipodes.replication.logserver import LogServer
from antipodes.runtime.contract import Address, DiskFull, Gone, Runtime, TimedOut
from antipodes.service.contract import Permit, Response, Service, ServiceError, Settings
from antipodes.service.dispatch import Dispatcher
from antipodes.service.http import (
    UNKEPT,
    HttpClient,
    HttpRequest,
    HttpResponse,
    HttpServer,
    passed_back,
    passed_on,
)
from antipodes.service.planes import CLUSTER_REGIONS, is_control
from antipodes.world.world import World

FORWARD_S_MAX = 60.0


class RegionHost:
    """One region, alive. With `control_only` it runs global control planes and nothing else."""

    def __init__(
        self, runtime: Runtime, world: World, settings: Settings, *, control_only: bool = False
    ) -> None:
        self.place = runtime.place
        self.runtime = runtime
        self.world = world
        self.settings = settings
        self.control_only = control_only
        self.api_url = ""
        self.forwarded: dict[str, int] = {}  # bytes of requests sent on to other regions
        self.store = runtime.open_store("main")
        self.changes = ChangeLog(self.store)
        self.log_server = LogServer(runtime, self.changes, self.store)
        self.services: dict[str, Service] = build_services(self, control_only=control_only)
        resolver: Any = self.services.get("route53resolver")
        if resolver is not None:
            resolver.resolvers.private = self._private_zones
        self.dispatcher = Dispatcher(self, self.services, forward=self._forward, admit=self.admit)
        for service in self.services.values():
            self.dispatcher.fast.update(getattr(service, "fast", {}))
            self.dispatcher.injections = getattr(service, "injections", self.dispatcher.injections)
        self.server = HttpServer(
            runtime, self.dispatcher.handle, store=self.store, express=self.dispatcher.express
        )
        self._client = HttpClient(runtime)

    async def start(self) -> None:
        """Recover the services and open the doors, the API's last."""
        if not self.runtime.virtual:
            runtime: Any = self.runtime
            listener = await runtime.listen_loopback(self.server.receiver)
            self.api_url = f"http://127.0.0.1:{listener.port}"
        await self.log_server.start()
        for service in self.services.values():
            await service.start()
        await self.runtime.listen(Address(self.place, "api"), self.server.receiver)

    async def stop(self) -> None:
        """End in order."""
        for service in reversed(self.services.values()):
            await service.stop()
        with contextlib.suppress(DiskFull):  # who wrote was told
            await self.store.committed()
        self.store.close()

    def service(self, name: str) -> Service | None:
        """The service of that botocore name on this host."""
        return self.services.get(name)

    async def call(
        self,
        service: str,
        operation: str,
        request: dict[str, Any],
        *,
        account: str,
        trace: str = "",
    ) -> Response:
        """Call a service of this host, as a customer of `account` would."""
        response: Response = await self.dispatcher.call(
            service, operation, request, account=account, trace=trace
        )
        return response

    def admit(self, service: str, operation: str) -> None:
        """Refuse a customer's call while a fault keeps its control plane down.

        And what this host is not here for: it is no region of the world's.
        """
        if self.control_only and service not in self.services and service in SERVICES:
            raise self._unrecognized(self.place)
        if self.world.has_control_plane(service, self.place) or not is_control(service, operation):
            return
        self.runtime.journal.sometimes("control-plane.unavailable")
        raise ServiceError("ServiceUnavailable", f"{service} is temporarily unavailable", 503)

    async def serve_http(self, request: HttpRequest) -> HttpResponse:
        """Answer one API request as this region's endpoint would, durably."""
        return await self._served(request, None)

    async def serve_permitted(self, request: HttpRequest, permit: Permit) -> HttpResponse:
        """As `serve_http`, if what the request is for is permitted."""
        return await self._served(request, permit)

    async def _served(self, request: HttpRequest, permit: Permit | None) -> HttpResponse:
        failures = self.store.failures
        response = self.dispatcher.handle(request, permit)
        if not isinstance(response, HttpResponse):
            response = await response
        return await self._durable(response, failures)

    async def _durable(self, response: HttpResponse, failures: int) -> HttpResponse:
        """Answer when what the answer tells of is durable, or that it is not."""
        try:
            await self.store.committed()
        except DiskFull:
            return UNKEPT
        return response if failures == self.store.failures else UNKEPT

    def _private_zones(self) -> Any:
        """What this region knows of Route 53's private zones; not before somebody asks here."""
        from antipodes.edge.route53.private import (  # noqa: PLC0415 - most worlds have none
            PrivateZones,
        )

        return PrivateZones(self)

    def lane(
        self, headers: dict[str, str]
    ) -> Callable[[bytes, str], HttpResponse | Awaitable[HttpResponse] | None] | None:
        """As `serve_http`, for many requests with one head, if they are of a hot operation."""
        lane, store = self.dispatcher.lane(headers), self.store
        if lane is None:
            return None

        def answer(body: bytes, trace: str) -> HttpResponse | Awaitable[HttpResponse] | None:
            failures = store.failures
            response = lane(body, trace)
            if response is None or not (store.dirty or store.failures != failures):
                return response
            return self._durable(response, failures)

        return answer

    async def _forward(self, region: str, request: HttpRequest) -> HttpResponse:
        """Send a request on to the region it was signed for."""
        if not self._is_host(region, request):
            raise self._unrecognized(region)
        headers = passed_on(
            request.raw_headers, {"connection", "content-length", "transfer-encoding"}
        )
        started = self.runtime.now()
        self.forwarded[region] = self.forwarded.get(region, 0) + len(request.body)
        try:
            async with self.runtime.timeout(FORWARD_S_MAX):
                response = await self._client.request(
                    Address(region, "api"),
                    request.method,
                    request.target,
                    headers=headers,
                    body=request.body,
                    trace=request.accepted.trace,
                )
        except (Gone, TimedOut) as error:
            raise ServiceError(
                "ServiceUnavailable", f"Could not connect to region {region}: {error}", 503
            ) from None
        trace = request.accepted.trace
        self.runtime.journal.span(trace, "forward", started, target=region)
        kept = passed_back(response, head=request.method == "HEAD")
        return HttpResponse(response.status, kept, response.body, response.reason)

    def _unrecognized(self, region: str) -> ServiceError:
        known = ", ".join(self.world.regions)
        message = f"Region {region} is not part of this world ({known})"
        return ServiceError("UnrecognizedRegion", message, 400)

    def _is_host(self, region: str, request: HttpRequest) -> bool:
        """Whether there is a host that answers such requests; endpoints of clusters are no more."""
        signed = request.headers.get("authorization", "")
        return (
            region in self.world.regions
            or region in self.settings.extra.get("homes", ())
            or (region in CLUSTER_REGIONS and f"/{region}/route53-recovery-cluster/" in signed)
        )

    def choose_replication_delay(self, text: str) -> None:
        """Choose the delay of replicated writes that arrive here. Raises UnknownDelay."""
        dynamodb: Any = self.services.get("dynamodb")
        if dynamodb is not None:
            dynamodb.globaltables.held.choose(text)

    @property
    def actions(self) -> dict[str, Callable[[dict[str, Any]], str]]:
        """What the supervisor may ask for, by name; the answer is a mistake, or nothing."""
        return {
            "replication-delay": self._choose_replication_delay,
            "upgrade-global-table": self._upgrade_global_table,
        }

    def _choose_replication_delay(self, asked: dict[str, Any]) -> str:
        self.choose_replication_delay(asked["delay"])
        return ""

    def _upgrade_global_table(self, asked: dict[str, Any]) -> str:
        """What the console's button does to a global table of version 2017.11.29."""
        dynamodb: Any = self.services.get("dynamodb")
        try:
            dynamodb.upgrade_global_table(asked["account"], asked["table"])
        except ServiceError as error:
            return str(error)
        return ""

    def status(self) -> dict[str, Any]:
        """What there is to say about this host."""
        status: dict[str, Any] = {
            "place": self.place,
            "control_only": self.control_only,
            "services": list(self.services),
            "head": self.store.head,
        }
        dynamodb: Any = self.services.get("dynamodb")
        if dynamodb is not None:
            status["replication"] = dynamodb.globaltables.status()
        status["followed_by"] = [
            {
                **self._followed_by(name),
                "bytes_sent": self.changes.sent.to(name),
                "sent": self.changes.sent.shares(name),
            }
            for name in self.changes.followers
        ]
        return status

    @property
    def reports(self) -> dict[str, Callable[[], Any]]:
        """What may be asked of this host besides its status, by name."""
        return {"networks": self._networks}

    def _networks(self) -> dict[str, Any]:
        """The private networks of all accounts here."""
        ec2: Any = self.services.get("ec2")
        return ec2.networks() if ec2 is not None else {}

    def lags(self) -> dict[str, Any]:
        """Of the status, how far behind each way of replication is: what is asked for often."""
        dynamodb: Any = self.services.get("dynamodb")
        followers = dynamodb.globaltables.followers.values() if dynamodb is not None else ()
        return {
            "replication": [follower.status() for follower in followers],
            "followed_by": [self._followed_by(name) for name in self.changes.followers],
        }

    def _followed_by(self, follower: str) -> dict[str, Any]:
        """How far a follower of this region has come, as this side knows it."""
        destination, _, name = follower.rpartition("/")
        pending, lag_s = self.changes.lag(follower, self.runtime.wall())
        return {
            "source": self.place,
            "destination": destination,
            "name": name,
            "pending": pending,
            "lag_s": round(lag_s, 3),
        }
