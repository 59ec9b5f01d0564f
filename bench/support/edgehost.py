"""The edge's host as it is, with ports of 127.0.0.1 in front of one of its locations; no distances.

`python edgehost.py RUN_DIRECTORY UDP_PORT TCP_PORT RECORDS` holds a zone, example.com, of so many
simple records (`wwwN`) and 1,000 each of weighted and latency records, and an accelerator in front
of the backend (`backend.py`). It says how long it took to load them, and how large it is then.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from antipodes.edge.globalaccelerator.model import Accelerator, Endpoint, Group, Listener
from antipodes.edge.route53.model import RECORDS_KIND, ZONE_KIND, HostedZone, RecordSet
from antipodes.edge.route53.replica import Replica
from antipodes.hosting.edge import EdgeHost
from antipodes.runtime.contract import Accepted, Address, Condition, Datagram, DatagramDoor
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from antipodes.service.contract import Settings
from antipodes.service.records import Records
from antipodes.world import addresses
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World

REGION, OTHERS = "us-west-2", ("us-west-2", "eu-central-1", "ap-northeast-1")
EDGE = "edge/FRA"
ANYCAST = "198.18.0.1"
BALANCER = "elb/app/bench/0123456789abcdef"
POLICY_NAMES = 1000
CHUNK = 1000
CITIES = ("frankfurt", "sao-paulo", "seattle", "new-york", "tokyo", "london", "sydney", "mumbai")


class NoDistance:
    """Links of a world in which everything is here."""

    version = 0

    def condition(self, source: str, destination: str) -> Condition:
        """Nothing is in the way."""
        del source, destination
        return Condition(0.0)

    def on_change(self, notify: object) -> None:
        """Nothing ever changes."""

    def is_lost(self, door: Address) -> bool:
        """Nothing is lost."""
        del door
        return False


def records(simple: int) -> list[RecordSet]:
    """What the zone holds."""
    soa = "ns-1.example.net. hostmaster.example.com. 1 7200 900 1209600 86400"
    found = [
        RecordSet("example.com.", "SOA", ttl=900, values=(soa,)),
        RecordSet("example.com.", "NS", ttl=900, values=("ns-1.example.net.",)),
    ]
    for n in range(simple):
        ip = f"192.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
        found.append(RecordSet(f"www{n}.example.com.", "A", ttl=60, values=(ip,)))
    for n in range(min(simple, POLICY_NAMES)):
        for place, region in enumerate(OTHERS):
            ip, name = (f"198.51.{place}.{n & 255}",), f"{n}.example.com."
            shared: Any = {"set_identifier": region, "ttl": 60, "values": ip}
            found.append(RecordSet(f"weighted{name}", "A", weight=10 * (place + 1), **shared))
            found.append(RecordSet(f"latency{name}", "A", region=region, **shared))
    return found


def fill(host: EdgeHost, simple: int) -> None:
    """Put into the host's store what it would have heard."""
    replica = Replica(host.store)
    zone = HostedZone("Z0", "1", "example.com.", ("ns-1.example.net",))
    replica.hear(ZONE_KIND, ["Z0", msgspec.to_builtins(zone)])
    sets = records(simple)
    for start in range(0, len(sets), CHUNK):
        upserts = msgspec.to_builtins(sets[start : start + CHUNK])
        replica.hear(RECORDS_KIND, ["Z0", upserts, [], "C0"])
    arn = f"arn:aws:elasticloadbalancing:{REGION}:000000000000:loadbalancer/{BALANCER[4:]}"
    group = Group("g", REGION, endpoints=(Endpoint(arn, REGION, BALANCER, arn),))
    listener = Listener("l", ((80, 80),), groups=(group,))
    accelerator = Accelerator(
        *("000000000000", "a", "bench", "abench.awsglobalaccelerator.com", (ANYCAST,)),
        *(0.0, 0.0, 0.0),
        listeners=(listener,),
    )
    Records(host.store, "plane/accelerator", Accelerator).put("000000000000", "a", accelerator)


class Doors:
    """Keeps what the host opens at its locations, to open it on 127.0.0.1 as well."""

    def __init__(self, runtime: RealRuntime) -> None:
        self.take: Any = None
        self.accept: Any = None
        self._udp: DatagramDoor
        self._datagrams, self._streams = runtime.listen_datagrams, runtime.listen
        runtime.listen_datagrams = self._listen_datagrams  # type: ignore[method-assign] # here only
        runtime.listen = self._listen  # type: ignore[method-assign] # as above

    async def _listen_datagrams(self, address: Address, receive: Any) -> Any:
        if address != ("edge/*", "53"):
            return await self._datagrams(address, receive)
        self.take = receive
        return self

    async def _listen(self, address: Address, factory: Any) -> Any:
        if address.port == f"{ANYCAST}:*":
            self.accept = factory
        return await self._streams(address, factory)

    def reply(self, to: Datagram, data: bytes) -> None:
        """Answer by the UDP port."""
        self._udp.reply(to, data)

    async def open(self, runtime: RealRuntime, udp_port: int, tcp_port: int) -> None:
        """Open the ports: each client is in a city of its own, and all at one edge location."""
        cities: dict[Address, tuple[Address, str]] = {}
        new = tuple.__new__
        door, tcp_door = Address(EDGE, "53"), Address(EDGE, f"{ANYCAST}:80")

        def receive(datagram: Datagram) -> None:
            data, source, _, _, trace = datagram
            found = cities.get(source)
            if found is None:
                place = f"city/{CITIES[len(cities) % len(CITIES)]}"
                found = cities[source] = source._replace(place=place), addresses.client_ip(place, 1)
            self.take(new(Datagram, (data, found[0], found[1], door, trace)))

        somebody = Accepted(
            "city/frankfurt", addresses.client_ip("city/frankfurt", 1), tcp_door, ""
        )

        def accept(_: Accepted) -> Any:
            return self.accept(somebody)

        self._udp = await runtime.listen_loopback_datagrams(udp_port, receive)
        await runtime.listen_loopback(accept, tcp_port)


async def serve(directory: Path, udp_port: int, tcp_port: int, simple: int) -> None:
    """Load and answer for ever."""
    runtime = await RealRuntime.start(
        host="edge",
        links=NoDistance(),
        run_directory=directory,
        state_directory=directory / f"state-{os.getpid()}",
    )
    doors = Doors(runtime)
    world = World(load_atlas(), OTHERS)
    host = EdgeHost(runtime, world, Settings(propagation_s=0.1))
    fill(host, simple)
    await host.store.committed()
    before_kb, started = _resident_kb(), time.perf_counter()
    await host.start()
    loaded_s = time.perf_counter() - started
    said = {"loaded_s": loaded_s, "resident_kb": _resident_kb() - before_kb}
    (directory / "edge.json").write_text(json.dumps(said))
    await doors.open(runtime, udp_port, tcp_port)
    await runtime.future()


def _resident_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


if __name__ == "__main__":
    run_main(serve(Path(sys.argv[1]), *(int(text) for text in sys.argv[2:5])))
