"""The edge's host: every edge location, in one process.

It has a store and a change log of its own: what the locations last heard of routing and health is
durable here, so that they carry on when the control planes are gone, and after a restart.
"""

import contextlib
from typing import Any

from antipodes.edge.globalaccelerator.plane import AnycastPlane
from antipodes.edge.route53.plane import DnsPlane
from antipodes.replication.changelog import ChangeLog
from antipodes.replication.logserver import LogServer
from antipodes.runtime.contract import DiskFull, Runtime
from antipodes.service.contract import Response, Service, ServiceError, Settings
from antipodes.service.http import HttpRequest, HttpResponse
from antipodes.world.world import World


class EdgeHost:
    """All edge locations, alive."""

    def __init__(self, runtime: Runtime, world: World, settings: Settings) -> None:
        self.place = runtime.place
        self.runtime = runtime
        self.world = world
        self.settings = settings
        self.api_url = ""
        self.store = runtime.open_store("main")
        self.changes = ChangeLog(self.store)
        self.log_server = LogServer(runtime, self.changes, self.store)
        self.anycast = AnycastPlane(self)
        self.names = DnsPlane(self, self.anycast)

    async def start(self) -> None:
        """Open the doors of all locations."""
        await self.log_server.start()
        await self.anycast.start()
        await self.names.start()

    async def stop(self) -> None:
        """End in order."""
        await self.anycast.stop()
        with contextlib.suppress(DiskFull):  # what is not kept is heard again
            await self.store.committed()
        self.store.close()

    def service(self, _: str) -> Service | None:
        """The edge runs data planes only."""
        return None

    async def call(
        self,
        service: str,
        operation: str,
        request: dict[str, Any],
        *,
        account: str,
        trace: str = "",
    ) -> Response:
        """No AWS API lives at the edge."""
        raise ServiceError("NotImplemented", f"{service}.{operation} has no endpoint here", 501)

    async def serve_http(self, request: HttpRequest) -> HttpResponse:
        """No AWS API lives at the edge."""
        return HttpResponse(501, [], b"no AWS API lives at an edge location")

    def status(self) -> dict[str, Any]:
        """What there is to say about the edge."""
        return {
            "place": self.place,
            "head": self.store.head,
            "anycast": self.anycast.status(),
            "names": self.names.status(),
        }
