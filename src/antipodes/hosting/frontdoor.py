"""Port 4566: one endpoint for all regions, which gets out of the way.

It reads a connection's first request head, takes the region from the credential scope, and hands
the socket itself to that region's process; later requests on it never pass here. What is asked of
the world itself (`/_antipodes/...`, `/_localstack/health`) and what is addressed to a host inside
the world by its Host header (balancers, accelerators, names of hosted zones; also with `.localhost`
appended) is served here. Whether a name is one of the world's, only a resolver may be able to tell.
DNS over TCP is told by its first byte, and served here too.
"""

import re

from antipodes.hosting.laptop import Laptop
from antipodes.hosting.nameservers import is_dns
from antipodes.hosting.resolver import belongs
from antipodes.hosting.scope import region_of
from antipodes.hosting.supervisor import Supervisor
from antipodes.runtime.children import adopt_client
from antipodes.runtime.contract import ReceiverFactory
from antipodes.runtime.handoff import ClientSocket, FrontSocket
from antipodes.service.http import HttpHandler, HttpServer

_HOST = re.compile(rb"\r\nhost:[ \t]*([^\r\n]+)", re.IGNORECASE)
_OURS = (b"/_antipodes", b"/_localstack")


class FrontDoor:
    """Accepts, reads a head, decides, hands over."""

    def __init__(
        self,
        supervisor: Supervisor,
        port: int,
        serve: HttpHandler,
        laptop: Laptop,
    ) -> None:
        self._supervisor = supervisor
        self._runtime = supervisor.runtime
        self._server = HttpServer(self._runtime, serve)
        self._laptop = laptop
        self._front = FrontSocket(self._runtime.loop, "127.0.0.1", port, self._decide, is_dns)
        self.port = self._front.port

    def _decide(self, head: bytes, client: ClientSocket) -> None:
        if is_dns(head):
            self._adopt(client, head, self._laptop.names_receiver)
            return
        path = head.split(b" ", 2)[1:2]
        if path and path[0].startswith(_OURS):
            self._adopt(client, head, self._server.receiver)
            return
        found = _HOST.search(head)
        host = found.group(1).decode("latin-1") if found is not None else ""
        inside = belongs(host)
        if inside is None:
            self._runtime.spawn(self._ask_whose(host, head, client), "first call of a host")
        else:
            self._hand_over(head, client, inside=inside)

    async def _ask_whose(self, host: str, head: bytes, client: ClientSocket) -> None:
        self._hand_over(head, client, inside=await self._laptop.knows(host))

    def _hand_over(self, head: bytes, client: ClientSocket, *, inside: bool) -> None:
        if inside:
            self._adopt(client, head, self._laptop.receiver)
            return
        region = region_of(head) or self._supervisor.configuration.regions[0]
        sender = self._supervisor.sender(region)
        if sender is not None:
            sender.send(client, head)
        else:
            self._runtime.spawn(self._hand_to_home(region, head, client), f"first call of {region}")

    async def _hand_to_home(self, region: str, head: bytes, client: ClientSocket) -> None:
        """A home region is started when first asked for; a region that is down refuses."""
        member = self._supervisor.members.get(region)
        if member is not None and not member.wanted:
            client.close()
            return
        if member is None and not await self._supervisor.ensure_home(region):
            region = self._supervisor.configuration.regions[0]  # which says that there is none
        sender = self._supervisor.sender(region)
        if sender is not None:
            sender.send(client, head)
        else:
            client.close()

    def _adopt(self, client: ClientSocket, head: bytes, receiver: ReceiverFactory) -> None:
        adoption = self._runtime.adopt(adopt_client(client), head, receiver)
        self._runtime.spawn(adoption, "adopt connection")

    def close(self) -> None:
        """Accept no more."""
        self._front.close()
