"""A city as a proxy: whatever runs through it sees the world from there.

One port speaks HTTP proxying (requests and CONNECT), SOCKS5 (RFC 1928, without authentication) and
DNS; the first byte tells which. Names are resolved by the city's own resolver, connections start at
the city, and so everything takes the time that the distances dictate. The connections that a client
opens to the proxy and the ones opened in the world belong together: a kept-alive client keeps its
flow.

A region can be stood in as well: then the machine that a program runs on is in the region's default
network, and its names are those of the network's resolver.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import IPv6Address
from typing import NamedTuple

from antipodes.fabric.dns.cache import Behaviour
from antipodes.hosting.nameservers import is_dns
from antipodes.hosting.resolver import NetworkResolver, NoSuchName, Resolver, plain_name
from antipodes.runtime.contract import (
    Accepted,
    Address,
    Gone,
    PlainReceiver,
    Receiver,
    Runtime,
    Stream,
    TimedOut,
)
from antipodes.service.dnsserver import DnsServer
from antipodes.service.http import (
    HttpClient,
    HttpRequest,
    HttpResponse,
    HttpServer,
    encode_response,
    passed_back,
    passed_on,
)
from antipodes.service.httpmessages import HOP_BY_HOP
from antipodes.service.recursion import recursive_server
from antipodes.service.relay import RelayEnd
from antipodes.world.places import kind_of
from antipodes.world.world import World

REQUEST_S_MAX = 120.0
SNIFF_BYTES_MAX = 16 << 10
FRONT_DOOR_PORT = 4566
HTTP_PORT = 80
PORT_MAX = 65535

# RFC 1928, in bytes and their values.
SOCKS_VERSION = 5
SOCKS_NAME = 3
SOCKS_IPV6 = 4
SOCKS_GREETING_BYTES_MIN = 2
SOCKS_REQUEST_BYTES_MIN = 5

_PORT = re.compile(r"[0-9]{1,5}")
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/")
_NOT_ON = HOP_BY_HOP | {"proxy-authorization", "content-length"}


class Way(NamedTuple):
    """Where a connection goes, and the address that it comes from."""

    door: Address
    source_ip: str


class CityProxy:
    """The people of one city, or a machine in a region, and how they reach the world."""

    def __init__(
        self,
        runtime: Runtime,
        world: World,
        chosen: Mapping[str, Behaviour] | None = None,
        *,
        front_port: int = FRONT_DOOR_PORT,
        resolver: Resolver | None = None,
    ) -> None:
        """What is asked for at the endpoint's port is the API, or port 80 of a host."""
        self.runtime = runtime
        self.world = world
        self.front_ports = (FRONT_DOOR_PORT, front_port)
        if resolver is not None:
            self.resolver = resolver
        elif kind_of(runtime.place) == "region":
            self.resolver = NetworkResolver(runtime, world)
        else:
            self.resolver = Resolver(runtime, world, chosen)
        self.names = DnsServer(runtime, recursive_server(self.resolver.look_up))
        self.source_ip = self.resolver.source_ip
        self._chance = runtime.chance(f"trace/{runtime.place}")

    def new_trace(self) -> str:
        """A trace id in X-Ray's format."""
        return f"1-{int(self.runtime.wall()):08x}-{self._chance.getrandbits(96):024x}"

    async def way(self, host: str, port: int) -> Way:
        """The way to a host, by name or address. Raises NoSuchName, Gone, TimedOut."""
        door = self.resolver.door(await self.resolver.resolve(host), port)
        return Way(door, self.resolver.source_ip6 if "::" in door.port else self.source_ip)

    def api_way(self, region: str, _service: str) -> Way | Awaitable[Way]:
        """The way to the API of a service, where it is said which. Raises Gone, TimedOut."""
        return Way(Address(region, "api"), self.source_ip)

    def receiver(self, accepted: Accepted) -> Receiver:
        """A receiver for one new client connection."""
        return _Sniffer(self, accepted)

    async def open(self, host: str, port: int, other: RelayEnd, trace: str) -> RelayEnd:
        """Connect to a host by name or address and join it with the client's end."""
        if not host or not port:
            raise NoSuchName("no such host and port")
        door, source_ip = await self.way(host, port)
        _, receiver = await self.runtime.connect(door, RelayEnd, source_ip=source_ip, trace=trace)
        receiver.join(other)
        return receiver


class _Requests:
    """The requests of one client connection, each sent on over the client's own connections."""

    def __init__(self, city: CityProxy) -> None:
        self._city = city
        self._client = HttpClient(city.runtime)

    def close(self) -> None:
        self._client.close()

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Send one request on, from the city."""
        host, port, target = _split(request)
        trace = self._city.new_trace()
        headers = passed_on(request.raw_headers, _NOT_ON)
        if "x-amzn-trace-id" not in request.headers:
            headers.append(("X-Amzn-Trace-Id", f"Root={trace}"))
        started = self._city.runtime.now()
        try:
            async with self._city.runtime.timeout(REQUEST_S_MAX):
                door, source_ip = await self._way(host, port, request)
                response = await self._client.request(
                    door,
                    request.method,
                    target,
                    headers=headers,
                    body=request.body,
                    source_ip=source_ip,
                    trace=trace,
                )
        except (NoSuchName, Gone, TimedOut) as error:
            status = 504 if isinstance(error, TimedOut) else 502
            return HttpResponse(status, _plain(trace), f"{error}\n".encode())
        self._city.runtime.journal.span(
            trace, "city.request", started, place=self._city.runtime.place, status=response.status
        )
        kept = passed_back(response, head=request.method == "HEAD")
        kept.append(("x-antipodes-trace", trace))
        return HttpResponse(response.status, kept, response.body, response.reason)

    async def _way(self, host: str, port: int, request: HttpRequest) -> Way:
        resolver = self._city.resolver
        region, service = resolver.api_region(host), host.partition(".")[0]
        to_front = port in self._city.front_ports
        if region is None and to_front and not await resolver.knows(host):
            scope = _SCOPE.search(request.headers.get("authorization", ""))
            region, service = self._city.world.regions[0], ""
            if scope:
                region, service = scope.groups()
        if region is not None:
            found = self._city.api_way(region, service)
            return found if isinstance(found, Way) else await found
        return await self._city.way(host, HTTP_PORT if to_front else port)


def _plain(trace: str) -> list[tuple[str, str]]:
    return [("content-type", "text/plain"), ("x-antipodes-trace", trace)]


def _split(request: HttpRequest) -> tuple[str, int, str]:
    """Host, port and origin-form target of a proxied (or Host-addressed) request."""
    target = request.target
    authority = request.headers.get("host", "")
    if target.startswith("http://"):
        authority, slash, path = target[7:].partition("/")
        target = slash + path or "/"
    host, colon, port = authority.rpartition(":")
    number = _port(port) if colon else 0
    if not number:
        return plain_name(authority), HTTP_PORT, target
    return plain_name(host), number, target


def _port(text: str) -> int:
    """A port as somebody wrote it; 0 for what is none."""
    return int(text) if _PORT.fullmatch(text) and int(text) <= PORT_MAX else 0


class _Sniffer(PlainReceiver):
    """Looks at the first bytes and becomes what they ask for."""

    def __init__(self, city: CityProxy, accepted: Accepted) -> None:
        self._city = city
        self._accepted = accepted
        self._stream: Stream
        self._data = b""
        self._next: Receiver | None = None
        self._requests: _Requests | None = None
        self._greeted = False
        self._opening = False
        self._lost = False

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        if self._next is not None:
            self._next.data_received(data)
            return
        self._data += data
        if len(self._data) > SNIFF_BYTES_MAX:
            self._stream.abort()
        elif self._data[0] == SOCKS_VERSION:
            self._socks()
        elif is_dns(self._data):
            self._become(self._city.names.receiver(self._accepted))
        elif self._data.startswith(b"CONNECT ") or b"CONNECT ".startswith(self._data):
            self._connect()
        else:
            self._requests = _Requests(self._city)
            server = HttpServer(self._city.runtime, self._requests.handle)
            self._become(server.receiver(self._accepted))

    def _become(self, receiver: Receiver) -> None:
        data, self._data = self._data, b""
        self._next = receiver
        receiver.connection_made(self._stream)
        if data:
            receiver.data_received(data)

    def _connect(self) -> None:
        head, found, rest = self._data.partition(b"\r\n\r\n")
        if not found or self._opening:
            return
        authority = head.split(b" ", 2)[1].decode("latin-1", "replace")
        host, _, port = authority.rpartition(":")
        self._data = rest

        def answer(error: Exception | None) -> bytes:
            if error is None:
                return b"HTTP/1.1 200 Connection Established\r\n\r\n"
            return encode_response(HttpResponse(502, (), f"{error}\n".encode()), keep_alive=False)

        self._open(host, _port(port), answer)

    def _socks(self) -> None:
        if not self._greeted:
            have = len(self._data)
            if have < SOCKS_GREETING_BYTES_MIN or have < SOCKS_GREETING_BYTES_MIN + self._data[1]:
                return
            self._data = self._data[2 + self._data[1] :]
            self._greeted = True
            self._stream.write(b"\x05\x00")
            if not self._data:
                return
        parsed = _socks_request(self._data)
        if parsed is None or self._opening:
            return
        host, port, self._data = parsed

        def answer(error: Exception | None) -> bytes:
            code = (
                b"\x00" if error is None else b"\x04" if isinstance(error, NoSuchName) else b"\x05"
            )
            return b"\x05" + code + b"\x00\x01\x00\x00\x00\x00\x00\x00"

        self._open(host, port, answer)

    def _open(self, host: str, port: int, answer: Callable[[Exception | None], bytes]) -> None:
        self._opening = True
        self._stream.pause_reading()
        self._city.runtime.spawn(self._tunnel(host, port, answer), "city tunnel")

    async def _tunnel(
        self, host: str, port: int, answer: Callable[[Exception | None], bytes]
    ) -> None:
        end = RelayEnd()
        try:
            far = await self._city.open(host, port, end, self._city.new_trace())
        except (NoSuchName, Gone, TimedOut) as error:
            self._stream.write(answer(error))
            self._stream.close()
            return
        if self._lost:
            if far.stream is not None:
                far.stream.abort()
            return
        self._stream.write(answer(None))
        self._become(end)
        self._stream.resume_reading()

    def eof_received(self) -> bool | None:
        return None if self._next is None else self._next.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        if self._next is not None:
            self._next.connection_lost(error)
        if self._requests is not None:
            self._requests.close()

    def pause_writing(self) -> None:
        if self._next is not None:
            self._next.pause_writing()

    def resume_writing(self) -> None:
        if self._next is not None:
            self._next.resume_writing()


def _socks_request(data: bytes) -> tuple[str, int, bytes] | None:
    """Host, port and the rest of a SOCKS5 CONNECT request; None while incomplete.

    A command other than CONNECT gives port 0, which is refused.
    """
    if len(data) < SOCKS_REQUEST_BYTES_MIN:
        return None
    kind = data[3]
    if kind == 1:
        end, host = 8, ".".join(str(byte) for byte in data[4:8])
    elif kind == SOCKS_NAME:
        end = 5 + data[4]
        host = data[5:end].decode("latin-1", "replace")
    else:
        end, host = 20, ""
        if kind == SOCKS_IPV6 and len(data) >= end:
            host = str(IPv6Address(data[4:end]))
    if len(data) < end + 2:
        return None
    port = int.from_bytes(data[end : end + 2], "big") if data[1] == 1 else 0
    return host, port, data[end + 2 :]
