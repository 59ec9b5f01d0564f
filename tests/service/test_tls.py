"""TLS over simulated streams: certificates by name, versions, what breaks, and what is no TLS."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from antipodes.hosting.links import WorldLinks
from antipodes.regional.acm.certificates import Pair, issue, new_authority
from antipodes.runtime.contract import Accepted, Address, Gone, PlainReceiver, Stream
from antipodes.runtime.virtual import Simulation
from antipodes.service.http import HttpClient, HttpRequest, HttpResponse, HttpServer
from antipodes.service.tls import (
    HANDSHAKE_S_MAX,
    Credential,
    ServerTls,
    client_receiver,
    covers,
    names_of,
)
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World

HERE, THERE = "us-west-2", "eu-central-1"
DOOR = Address(THERE, "198.19.3.9:443")
WALL = 1_800_000_000.0


@cache
def authority() -> Pair:
    return new_authority("Tests", WALL, 7)


@cache
def credential(*names: str) -> Credential:
    made = issue(authority(), names, "EC_prime256v1", WALL, len(names[0]))
    return Credential(made.certificate + authority().certificate, made.key)


class Scene:
    """A client in one region and a server in another."""

    def __init__(self) -> None:
        self.world = World(load_atlas(), (HERE, THERE))
        self.simulation = Simulation(WorldLinks(self.world), seed=1)
        self.client, self.server = self.simulation.boot(HERE), self.simulation.boot(THERE)

    async def listen(self, *credentials: Credential, versions: tuple[str, ...] = ()) -> None:
        tls = ServerTls(self.server, credentials, versions or ("TLSv1.2", "TLSv1.3"))
        http = HttpServer(self.server, self.answer)
        await self.server.listen(DOOR, lambda accepted: tls.receiver(http.receiver(accepted)))

    def answer(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, (), b"%d %s" % (len(request.body), request.target.encode()))


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.simulation.close()


def test_requests_go_over_tls_both_ways_and_connections_are_kept_for_their_name(
    scene: Scene,
) -> None:
    async def story() -> list[tuple[bytes, float]]:
        await scene.listen(credential("example.com"))
        client, found = HttpClient(scene.client), []
        for body, name in ((b"", "one"), (b"x" * 300_000, "one"), (b"", "two")):
            started = scene.client.now()
            answer = await client.request(DOOR, "POST", "/a", body=body, tls=name)
            found.append((answer.body, scene.client.now() - started))
        return found

    (first, first_s), (second, second_s), (third, third_s) = scene.simulation.run(story())
    assert (first, second, third) == (b"0 /a", b"300000 /a", b"0 /a")
    # TCP, then TLS 1.3, then the request: three round trips, and one when it is kept.
    rtt_s = scene.world.rtt_ms(HERE, THERE) / 1e3
    assert first_s == pytest.approx(3 * rtt_s, rel=0.15)
    assert third_s == pytest.approx(3 * rtt_s, rel=0.15)
    assert second_s == pytest.approx(rtt_s, rel=0.3)


class Peer(PlainReceiver):
    """Notes the certificate that it is shown, through the connection that OpenSSL keeps."""

    def __init__(self) -> None:
        self.over = False
        self.made = False

    def connection_made(self, stream: Stream) -> None:
        self.made = True

    def connection_lost(self, error: Exception | None) -> None:
        self.over = True


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("b.example.com", "b.example.com"),
        ("x.wild.example.com", "*.wild.example.com"),
        ("x.y.wild.example.com", "a.example.com"),
        ("unknown.example.com", "a.example.com"),
        ("", "a.example.com"),
    ],
)
def test_the_certificate_is_chosen_by_the_name_that_is_asked_for(
    scene: Scene, asked: str, shown: str
) -> None:
    credentials = [
        credential(name) for name in ("a.example.com", "b.example.com", "*.wild.example.com")
    ]

    async def story() -> str:
        await scene.listen(*credentials)
        end: Any = client_receiver(scene.client, Peer(), asked)
        await scene.client.connect(DOOR, lambda _: end)
        await scene.client.sleep(2)
        certificate = end._tls.get_peer_certificate(as_cryptography=True)
        return names_of(certificate)[0]

    assert scene.simulation.run(story()) == shown


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_version_is_what_was_asked_for(scene: Scene, version: str) -> None:
    async def story() -> str:
        await scene.listen(credential("example.com"), versions=("TLSv1", "TLSv1.1", version))
        end: Any = client_receiver(scene.client, Peer(), "example.com")
        await scene.client.connect(DOOR, lambda _: end)
        await scene.client.sleep(2)
        return str(end._tls.get_protocol_version_name())

    assert scene.simulation.run(story()) == version


class Raw(PlainReceiver):
    """Says what it is told to, and listens."""

    def __init__(self, said: bytes) -> None:
        self.said, self.heard, self.over_at = said, b"", 0.0
        self.scene: Scene

    def connection_made(self, stream: Stream) -> None:
        if self.said:
            stream.write(self.said)

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, error: Exception | None) -> None:
        self.over_at = self.scene.client.now()


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" * 50]
)
def test_who_does_not_speak_tls_is_cut_off(scene: Scene, said: bytes) -> None:
    raw = Raw(said)
    raw.scene = scene

    async def story() -> None:
        await scene.listen(credential("example.com"))
        await scene.client.connect(DOOR, lambda _: raw)
        await scene.client.sleep(HANDSHAKE_S_MAX + 2)

    scene.simulation.run(story())
    assert 0 < raw.over_at < HANDSHAKE_S_MAX
    assert b"HTTP" not in raw.heard


def test_who_says_nothing_is_cut_off_after_a_while(scene: Scene) -> None:
    raw = Raw(b"")
    raw.scene = scene

    async def story() -> None:
        await scene.listen(credential("example.com"))
        await scene.client.connect(DOOR, lambda _: raw)
        await scene.client.sleep(2 * HANDSHAKE_S_MAX)

    scene.simulation.run(story())
    assert raw.over_at == pytest.approx(HANDSHAKE_S_MAX, rel=0.1)


def test_a_client_hears_that_the_other_end_speaks_no_tls(scene: Scene) -> None:
    async def story() -> str:
        http = HttpServer(scene.server, scene.answer)
        await scene.server.listen(DOOR, http.receiver)
        try:
            await HttpClient(scene.client).request(DOOR, "GET", "/", tls="example.com")
        except Gone as gone:
            return str(gone)
        return ""

    assert scene.simulation.run(story())


def test_an_end_inside_is_told_of_the_end_outside(scene: Scene) -> None:
    inner = Peer()

    async def story() -> tuple[bool, bool]:
        tls = ServerTls(scene.server, [credential("example.com")])
        closing: list[Stream] = []

        def accept(_: Accepted) -> PlainReceiver:
            class Server(PlainReceiver):
                def connection_made(self, stream: Stream) -> None:
                    closing.append(stream)

            return tls.receiver(Server())  # type: ignore[return-value]  # a receiver all the same

        await scene.server.listen(DOOR, accept)
        await scene.client.connect(DOOR, lambda _: client_receiver(scene.client, inner, ""))
        await scene.client.sleep(2)
        before = inner.over
        closing[0].close()
        await scene.client.sleep(2)
        return before, inner.over

    assert scene.simulation.run(story()) == (False, True)
    assert inner.made


def test_who_says_the_last_word_is_answered_with_the_end(scene: Scene) -> None:
    async def story() -> tuple[bool, bool]:
        await scene.listen(credential("example.com"))
        peer = Peer()
        end: Any = client_receiver(scene.client, peer, "example.com")
        await scene.client.connect(DOOR, lambda _: end)
        await scene.client.sleep(2)
        before = peer.over
        end._tls.shutdown()
        end._flush()  # and the stream itself stays open
        await scene.client.sleep(2)
        return before, peer.over

    assert scene.simulation.run(story()) == (False, True)


def test_a_key_of_another_certificate_is_refused(scene: Scene) -> None:
    wrong = Credential(credential("a.example.com").chain, credential("b.example.com").key)
    with pytest.raises(ValueError, match="not a certificate and its key"):
        ServerTls(scene.server, [wrong])


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("example.com", "example.com", True),
        ("example.com", "a.example.com", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.b.example.com", False),
        ("*.example.com", ".example.com", False),
    ],
)
def test_a_star_stands_for_one_whole_label(pattern: str, name: str, fits: bool) -> None:
    assert covers(pattern, name) is fits
