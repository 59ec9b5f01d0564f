"""A city's proxy: requests, CONNECT tunnels and SOCKS5, all seen by the world as from the city."""

from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv6Address

import orjson
import pytest

from antipodes.fabric.dns.message import NXDOMAIN, Query, encode_answer
from antipodes.fabric.dns.names import to_wire
from antipodes.hosting.cities import CityProxy
from antipodes.hosting.links import SUPERVISOR
from antipodes.hosting.resolver import MACHINE_IP
from antipodes.runtime.contract import Accepted, Address, PlainReceiver, Runtime
from antipodes.service.dnsserver import Asker, DnsServer
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer
from antipodes.world import addresses
from tests.hosting import authorities
from tests.hosting.authorities import (
    ACCELERATOR,
    APP,
    BALANCER,
    BALANCER_IP,
    CITY,
    A,
    E,
    W,
    address,
    perform,
    soa,
)

PROXY, OTHER = Address(SUPERVISOR, "proxy"), Address(SUPERVISOR, "other")
GET = b"GET /inside HTTP/1.1\r\nhost: balancer\r\n\r\n"
GREETING = b"\x05\x01\x00"
ANYCAST6 = "2001:2:0:a::1"


def socks(*, name: str = "", address: str = "", port: int = 80, command: int = 1) -> bytes:
    """A SOCKS5 request (RFC 1928, section 4)."""
    if name:
        host = b"\x03" + bytes([len(name)]) + name.encode()
    elif ":" in address:
        host = b"\x04" + IPv6Address(address).packed
    else:
        host = b"\x01" + bytes(int(part) for part in address.split("."))
    return b"\x05" + bytes([command]) + b"\x00" + host + port.to_bytes(2, "big")


class Client(PlainReceiver):
    """Somebody's program, connected to the proxy."""

    def __init__(self, _: Accepted) -> None:
        self.got = b""
        self.ended = False

    def data_received(self, data: bytes) -> None:
        self.got += data

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True


class Scene(authorities.Scene):
    """A world with an accelerator's edge, a balancer, an API, and a proxy for one city."""

    def __init__(self) -> None:
        super().__init__()
        self.city = CityProxy(self.runtime, self.world)

    async def open(self) -> None:
        await super().open()
        hosts = self.regions = {place: self.simulation.boot(place) for place in (W, E)}
        for region in (W, E):
            await self.serve(hosts[region], Address(region, "api"))
        await self.serve(hosts[W], Address(W, f"{BALANCER_IP}:80"))
        await self.serve(self.edge.runtime, Address("edge/*", "198.18.0.1:80"))
        await self.serve(self.edge.runtime, Address("edge/*", f"{ANYCAST6}:80"))
        await self.outside.listen(PROXY, self.city.receiver)

    async def serve(self, host: Runtime, address: Address) -> None:
        await host.listen(address, HttpServer(host, self.tell).receiver)

    @staticmethod
    def tell(request: HttpRequest) -> HttpResponse:
        """Answer what the world sees of a request."""
        seen = {
            "from": request.accepted.peer_place,
            "ip": request.accepted.peer_ip,
            "at": request.accepted.local.place,
            "target": request.target,
            "headers": request.headers,
            "body": request.body.decode(),
        }
        return HttpResponse(200, [("x-served", "yes")], orjson.dumps(seen))

    async def talk(self, pieces: Iterable[bytes], *, pause_s: float = 0.001) -> Client:
        """Send pieces one after the other, wait, and return what came back."""
        stream, client = await self.outside.connect(PROXY, Client)
        for piece in pieces:
            stream.write(piece)
            await self.outside.sleep(pause_s)
        await self.outside.sleep(10)
        return client

    async def through(self, proxy: CityProxy, target: str) -> bytes:
        """One request through another proxy than the city's."""
        listener = await self.outside.listen(OTHER, proxy.receiver)
        stream, client = await self.outside.connect(OTHER, Client)
        stream.write(f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        await self.outside.sleep(10)
        listener.close()
        return client.got

    async def request(
        self, target: str, *, method: str = "GET", headers: str = "", body: str = ""
    ) -> bytes:
        """One request to the proxy; returns head and body of the answer."""
        head = f"{method} {target} HTTP/1.1\r\n{headers}content-length: {len(body)}\r\n\r\n"
        return (await self.talk([head.encode() + body.encode()])).got


def seen_in(answer: bytes) -> dict[str, object]:
    """What the world saw of a request that it answered."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), answer
    seen: dict[str, object] = orjson.loads(body)
    return seen


def play(scenario: Callable[[Scene], Awaitable[None]]) -> None:
    scene = Scene()
    perform(scene, lambda: scenario(scene))


def test_a_request_in_absolute_form_is_made_from_the_city() -> None:
    async def scenario(scene: Scene) -> None:
        answer = await scene.request(
            f"http://{BALANCER}/items?a=1",
            method="POST",
            headers=f"Host: {BALANCER}\r\nX-Mine: 1\r\nProxy-Connection: keep-alive\r\n",
            body="hello",
        )
        seen = seen_in(answer)
        assert (seen["from"], seen["ip"]) == (CITY, addresses.client_ip(CITY, 0))
        assert (seen["at"], seen["target"], seen["body"]) == (W, "/items?a=1", "hello")
        headers = seen["headers"]
        assert isinstance(headers, dict)
        assert headers["host"] == BALANCER
        assert headers["x-mine"] == "1"
        assert "proxy-connection" not in headers
        assert b"\r\nx-served: yes\r\n" in answer
        trace = headers["x-amzn-trace-id"].removeprefix("Root=")
        assert f"\r\nx-antipodes-trace: {trace}\r\n".encode() in answer

    play(scenario)


def test_a_customers_own_trace_is_left_alone() -> None:
    async def scenario(scene: Scene) -> None:
        seen = seen_in(
            await scene.request(f"http://{BALANCER}/", headers="X-Amzn-Trace-Id: Root=1-2-3\r\n")
        )
        headers = seen["headers"]
        assert isinstance(headers, dict)
        assert headers["x-amzn-trace-id"] == "Root=1-2-3"

    play(scenario)


def test_an_accelerator_is_reached_at_the_edge_location_nearest_to_the_city() -> None:
    async def scenario(scene: Scene) -> None:
        seen = seen_in(await scene.request(f"http://{ACCELERATOR}"))
        assert (seen["at"], seen["target"]) == ("edge/GRU", "/")
        seen = seen_in(await scene.request("http://198.18.0.1:80/x"))
        assert (seen["at"], seen["target"]) == ("edge/GRU", "/x")

    play(scenario)


def test_a_name_of_a_hosted_zone_leads_where_its_records_say() -> None:
    async def scenario(scene: Scene) -> None:
        for target in (f"http://{APP}/x", f"http://{APP}:4566/x", f"http://{APP}.localhost/x"):
            seen = seen_in(await scene.request(target))
            assert (seen["at"], seen["target"]) == (W, "/x")
        client = await scene.talk([GREETING, socks(name=APP), GET])
        assert seen_in(client.got[12:])["target"] == "/inside"

    play(scenario)


def test_api_calls_go_to_the_region_they_are_for() -> None:
    """By the endpoint's name; at port 4566 by the signature, else to the first region."""

    async def scenario(scene: Scene) -> None:
        signature = (
            f"Authorization: AWS4-HMAC-SHA256 Credential=t/20260101/{E}/sts/aws4_request\r\n"
        )
        for target, headers, region in (
            (f"http://sts.{E}.amazonaws.com/", "", E),
            ("http://127.0.0.1:4566/", signature, E),
            ("http://127.0.0.1:4566/", "", W),
        ):
            assert seen_in(await scene.request(target, headers=headers))["at"] == region

    play(scenario)


def test_requests_of_one_client_share_its_connection_and_take_the_distance() -> None:
    async def scenario(scene: Scene) -> None:
        text = f"GET http://{BALANCER_IP}/%d HTTP/1.1\r\nhost: x\r\n\r\n"
        stream, client = await scene.outside.connect(PROXY, Client)
        rtt_s = scene.world.rtt_ms(CITY, W) / 1000
        took = []
        for number in range(2):
            started, before = scene.outside.now(), len(client.got)
            stream.write((text % number).encode())
            while len(client.got) == before:
                await scene.outside.sleep(0.001)
            took.append(scene.outside.now() - started)
        assert took[0] == pytest.approx(2 * rtt_s, rel=0.1), "a connection, and a request on it"
        assert took[1] == pytest.approx(rtt_s, rel=0.1), "only a request"

    play(scenario)


@pytest.mark.parametrize(
    ("hello", "welcome"),
    [
        (f"CONNECT {BALANCER}:80 HTTP/1.1\r\nHost: x\r\n\r\n".encode(), b"HTTP/1.1 200 "),
        (f"CONNECT {BALANCER_IP}:80 HTTP/1.1\r\n\r\n".encode(), b"HTTP/1.1 200 "),
        (GREETING + socks(name=BALANCER), b"\x05\x00\x05\x00\x00\x01"),
        (GREETING + socks(address=BALANCER_IP), b"\x05\x00\x05\x00\x00\x01"),
        (b"\x05\x03\x00\x01\x02" + socks(address=BALANCER_IP), b"\x05\x00\x05\x00\x00\x01"),
    ],
    ids=["connect-name", "connect-address", "socks-name", "socks-address", "socks-three-methods"],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_tunnel_carries_bytes_from_the_city_however_they_are_cut(
    hello: bytes, welcome: bytes, step: int
) -> None:
    """The request follows at once, as from a client that does not wait for the tunnel."""

    async def scenario(scene: Scene) -> None:
        said = hello + GET
        client = await scene.talk(said[at : at + step] for at in range(0, len(said), step))
        assert client.got.startswith(welcome), client.got
        seen = seen_in(client.got[client.got.index(b"HTTP/1.1 200 OK") :])
        assert (seen["from"], seen["ip"]) == (CITY, addresses.client_ip(CITY, 0))
        assert (seen["at"], seen["target"]) == (W, "/inside")
        assert not client.ended

    play(scenario)


def test_a_plain_request_may_come_a_byte_at_a_time() -> None:
    async def scenario(scene: Scene) -> None:
        for method in ("GET", "COPY"):  # one of them begins as CONNECT does
            said = f"{method} http://{BALANCER}/x HTTP/1.1\r\nhost: x\r\n\r\n".encode()
            client = await scene.talk(said[at : at + 1] for at in range(len(said)))
            assert seen_in(client.got)["target"] == "/x"

    play(scenario)


def test_a_tunnel_ends_on_both_sides() -> None:
    async def scenario(scene: Scene) -> None:
        closing = GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
        client = await scene.talk([GREETING + socks(address=BALANCER_IP) + closing])
        assert b"HTTP/1.1 200 OK" in client.got
        assert client.ended

    play(scenario)


@pytest.mark.parametrize(
    "target",
    [
        f"{BALANCER_IP}:81",
        "203.0.113.7:80",
        "example.com:80",
        f"missing-1.{W}.elb.amazonaws.com:80",
    ],
)
def test_a_door_that_is_not_there_is_a_bad_gateway(target: str) -> None:
    async def scenario(scene: Scene) -> None:
        answer = await scene.request(f"http://{target}/")
        assert answer.startswith(b"HTTP/1.1 502 "), answer
        assert b"\r\nx-antipodes-trace: 1-" in answer
        client = await scene.talk([f"CONNECT {target} HTTP/1.1\r\n\r\n".encode()])
        assert client.got.startswith(b"HTTP/1.1 502 "), client.got
        assert client.ended

    play(scenario)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (socks(address=BALANCER_IP, port=81), 5),  # connection refused
        (socks(address="203.0.113.7"), 4),  # host unreachable
        (socks(name="example.com"), 4),
        (socks(address=BALANCER_IP, command=2), 4),  # only CONNECT is there
    ],
    ids=["closed", "no-such-address", "no-such-name", "other-command"],
)
def test_socks_tells_why_it_refuses(wish: bytes, code: int) -> None:
    async def scenario(scene: Scene) -> None:
        client = await scene.talk([GREETING, wish])
        assert client.got[:2] == b"\x05\x00"
        assert client.got[2:4] == bytes([5, code])
        assert client.ended

    play(scenario)


def test_a_client_that_never_finishes_its_head_is_reset() -> None:
    async def scenario(scene: Scene) -> None:
        client = await scene.talk([b"CONNECT ", b"x" * (20 << 10)])
        assert client.ended
        assert client.got == b""

    play(scenario)


@pytest.mark.parametrize("way", ["absolute", "long", "connect", "socks"])
def test_an_address_of_ipv6_is_reached_from_one_of_the_citys(way: str) -> None:
    async def scenario(scene: Scene) -> None:
        pieces = {
            "absolute": [f"GET http://[{ANYCAST6}]/ HTTP/1.1\r\nhost: x\r\n\r\n".encode()],
            "long": [b"GET http://[2001:2:0:A:0:0:0:1]:80/ HTTP/1.1\r\nhost: x\r\n\r\n"],
            "connect": [f"CONNECT [{ANYCAST6}]:80 HTTP/1.1\r\n\r\n".encode(), GET],
            "socks": [GREETING, socks(address=ANYCAST6), GET],
        }[way]
        answer = (await scene.talk(pieces, pause_s=2)).got
        seen = seen_in(answer[answer.rindex(b"HTTP/1.1 200 OK") :])
        assert seen["ip"] == addresses.client_ip6(CITY, 0)
        assert seen["at"] == scene.world.anycast_edge(CITY)

    play(scenario)


@pytest.mark.parametrize("port", ["²", "9" * 5000, "-1", "70000", ""])
def test_what_is_no_port_is_refused_and_the_city_goes_on(port: str) -> None:
    async def scenario(scene: Scene) -> None:
        for line in (f"CONNECT {BALANCER}:{port} HTTP/1.1", "GET / HTTP/1.1"):
            head = f"{line}\r\nHost: nowhere.example.com:{port}\r\n\r\n"
            answer = (await scene.talk([head.encode()])).got
            assert answer.startswith(b"HTTP/1.1 502 "), answer
        assert seen_in(await scene.request(f"http://{BALANCER}/"))

    play(scenario)


def test_who_stands_in_a_region_goes_by_its_networks_resolver() -> None:
    """And reaches private addresses, from one of its own."""

    def answer(query: Query, _: Asker) -> bytes:
        if query.name != to_wire("db.corp.example"):
            return encode_answer(query, NXDOMAIN, (), (soa("corp.example"),), recursion=True)
        return encode_answer(query, 0, (address("db.corp.example", "172.31.0.77"),))

    async def scenario(scene: Scene) -> None:
        region = scene.regions[W]
        await DnsServer(region, answer).listen(Address(W, "172.31.0.2:53"))
        await scene.serve(region, Address(W, "172.31.0.77:80"))
        inside = CityProxy(scene.outside.at(W), scene.world)
        seen = seen_in(await scene.through(inside, "http://db.corp.example/x"))
        assert (seen["from"], seen["ip"], seen["at"]) == (W, MACHINE_IP, W)
        assert (await inside.resolver.look_up(to_wire("x.corp.example"), A)).rcode == NXDOMAIN
        for wrong in ("http://x.corp.example/", "http://[2001:2:0:a::1]/"):
            assert (await scene.through(inside, wrong)).startswith(b"HTTP/1.1 502 ")
        assert (await scene.request("http://172.31.0.77/")).startswith(b"HTTP/1.1 502 ")

    play(scenario)
