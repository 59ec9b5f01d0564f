"""What happens when somebody sends to an accelerator's address: flows, from the choice to the end.

TCP ends at the edge location that anycast leads to. It decides where the flow goes from its own
copy of the routing state, connects there over the backbone while the client already sends, and
passes bytes both ways. The flow stays with its endpoint to its end. What a client
sends as datagrams from one port is one flow as well, until nothing has moved for 30 seconds.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from antipodes.edge.globalaccelerator import mappings
from antipodes.edge.globalaccelerator.flows import OpenFlow
from antipodes.edge.globalaccelerator.locations import Found, Location
from antipodes.edge.globalaccelerator.meters import Meter, Metered, Meters
from antipodes.edge.globalaccelerator.model import CUSTOM, TCP, UDP
from antipodes.edge.globalaccelerator.routing import Flow, decide
from antipodes.runtime.contract import (
    Accepted,
    Address,
    Datagram,
    DatagramDoor,
    Gone,
    Listener,
    Receiver,
    Runtime,
)
from antipodes.service.conversations import Conversations
from antipodes.service.relay import Refusal

EPHEMERAL_PORT_MIN, EPHEMERAL_PORTS = 1024, 64512
TARGETS_MAX = 10_000
FLOWS_MAX = 100_000
DATAGRAMS_IDLE_S = 30.0  # Global Accelerator Developer Guide, "How it works"


_new = tuple.__new__  # of named tuples: saves half the time of making one


class Route(NamedTuple):
    """Where a flow goes."""

    door: Address
    source_ip: str
    meter: Meter


class Comer(NamedTuple):
    """Who has come, and to where."""

    place: str
    ip: str
    address: str
    port: int
    protocol: str
    trace: str


class Doors(NamedTuple):
    """The doors of one address."""

    streams: Listener
    datagrams: DatagramDoor


class Traffic:
    """Everybody's flows at all edge locations of one host."""

    def __init__(
        self,
        runtime: Runtime,
        locations: dict[str, Location],
        publish: Callable[[list[list[Any]]], None],
    ) -> None:
        self._runtime = runtime
        self._journal = runtime.journal
        self._now = runtime.now
        self._locations = locations
        self._meters = Meters(runtime, publish)
        self._ports = runtime.chance("client-ports").random
        self._doors: dict[str, Doors | None] = {}  # None while it is being opened
        self._flows: dict[OpenFlow, None] = {}
        self._conversations = Conversations(runtime, DATAGRAMS_IDLE_S)
        self._standing = {place: runtime.at(place) for place in locations}
        self._targets: dict[tuple[str, str, int], Address] = {}
        self._where: dict[str, tuple[str, int]] = {}

    @property
    def flows(self) -> int:
        """Clients' connections and flows of datagrams that are open now."""
        return len(self._flows) + len(self._conversations)

    # Doors.

    async def open_doors(self, addresses: tuple[str, ...]) -> None:
        """Listen at addresses, at every edge location."""
        for address in addresses:
            if address not in self._doors:
                self._doors[address] = None
                everywhere = Address("edge/*", f"{address}:*")
                doors = Doors(
                    await self._runtime.listen(everywhere, self._accept),
                    await self._runtime.listen_datagrams(everywhere, self._receive),
                )
                if address in self._doors:
                    self._doors[address] = doors
                else:  # deleted meanwhile
                    _close(doors)

    def close_doors(self, addresses: tuple[str, ...]) -> None:
        """Listen there no longer."""
        for address in addresses:
            doors = self._doors.pop(address, None)
            if doors is not None:
                _close(doors)

    # The choice.

    def _route(self, comer: Comer) -> Route | None:
        location = self._locations.get(comer.place)
        if location is None:
            return None
        found = location.find(comer.address, comer.port, comer.protocol)
        if found is None:
            return None
        if found.accelerator.routing == CUSTOM:
            return self._mapped(found, comer)
        return self._decided(location, found, comer)

    def _decided(self, location: Location, found: Found, comer: Comer) -> Route | None:
        _, ip, address, port, protocol, _ = comer
        client_port = EPHEMERAL_PORT_MIN + int(self._ports() * EPHEMERAL_PORTS)
        flow = _new(Flow, (ip, client_port, address, port, protocol))
        decision = decide(found.listener.affinity, found.groups, location.is_healthy, flow)
        if decision is None:
            self._noted(comer, "", "no endpoint")
            self._meter(found, "", comer).dropped += 1
            return None
        endpoint, group, reason = decision
        self._noted(comer, group.region, reason)
        door = self._door(group.region, endpoint.door, group.port_for(port))
        source_ip = ip if endpoint.preserves_client_ip else ""
        return _new(Route, (door, source_ip, self._meter(found, group.region, comer)))

    def _mapped(self, found: Found, comer: Comer) -> Route | None:
        """Where custom routing leads; the client's address is always preserved."""
        target = mappings.target(found.listener, comer.port)
        if target is None or comer.protocol not in target.protocols or not target.is_open:
            self._noted(comer, "", "no endpoint")
            self._meter(found, "", comer).dropped += 1
            return None
        region = target.group.region
        self._noted(comer, region, "mapped")
        door = self._door(target.subnet.place, target.address, target.destination_port)
        return Route(door, comer.ip, self._meter(found, region, comer))

    def _meter(self, found: Found, region: str, comer: Comer) -> Meter:
        listener = found.listener.id
        key = comer.place, comer.address, listener, region, comer.protocol
        known = self._meters.get(key)
        if known is not None:
            return known
        account, name = found.accelerator.account, found.accelerator.id
        parts = (account, name, listener, region, comer.place, comer.protocol, comer.address)
        return self._meters.add(key, Metered(*parts))

    def _noted(self, comer: Comer, region: str, reason: str) -> None:
        """Note a choice, and that it was a rare one."""
        journal = self._journal
        fields = {"place": comer.place, "to": region, "reason": reason}
        journal.worked(comer.trace, "edge.route", self._now(), fields)
        if reason not in {"nearest", "mapped"}:
            rare = reason.partition(" from ")[0].replace(" ", "-")
            journal.sometimes(f"accelerator.{rare}")

    def _door(self, region: str, name: str, port: int) -> Address:
        """Where an endpoint listens for the edge."""
        key = region, name, port
        door = self._targets.get(key)
        if door is None:
            if len(self._targets) >= TARGETS_MAX:
                self._targets.clear()
            door = self._targets[key] = Address(region, f"{name}:{port}")
        return door

    # Connections.

    def _accept(self, accepted: Accepted) -> Receiver:
        _, peer_ip, (place, door), trace = accepted
        address, port = self._where.get(door) or self._parsed(door)
        comer = _new(Comer, (place, peer_ip, address, port, TCP, trace))
        route = self._route(comer) if len(self._flows) < FLOWS_MAX else None
        if route is None:
            return Refusal()
        opened = OpenFlow(self._runtime, route.meter, self._over)
        self._flows[opened] = None
        self._connect(opened, route, comer)
        return opened.near

    def _parsed(self, door: str) -> tuple[str, int]:
        """Address and port of a door, kept for the next who comes."""
        if len(self._where) >= TARGETS_MAX:
            self._where.clear()
        address, _, port = door.rpartition(":")
        found = self._where[door] = address, int(port)
        return found

    def _over(self, flow: OpenFlow) -> None:
        self._flows.pop(flow, None)

    def _connect(self, flow: OpenFlow, route: Route, comer: Comer) -> None:
        started = self._now()
        region, place, trace = route.door.place, comer.place, comer.trace

        def far(_: Accepted) -> Receiver:
            self._span_connect(trace, place, region, started, "")
            return flow.new_far()

        def failed(error: Gone) -> None:
            self._span_connect(trace, place, region, started, str(error))
            self._journal.sometimes("accelerator.endpoint-gone")
            flow.reset()

        self._standing[place].open(route.door, far, failed, source_ip=route.source_ip, trace=trace)

    def _span_connect(
        self, trace: str, place: str, region: str, started: float, error: str
    ) -> None:
        fields = {"place": place, "to": region}
        if error:
            fields["error"] = error
        self._journal.worked(trace, "edge.connect", started, fields)

    # Datagrams.

    def _receive(self, datagram: Datagram) -> None:
        self._conversations.take(datagram, self._begin)

    def _begin(self, datagram: Datagram) -> None:
        """Decide where a client's datagrams go; where there is nowhere, nobody says so."""
        place, door = datagram.local
        address, _, port = door.rpartition(":")
        comer = Comer(place, datagram.source_ip, address, int(port), UDP, datagram.trace)
        route = self._route(comer)
        if route is not None:
            route.meter.flows += 1
            self._conversations.begin(
                datagram,
                partial(self._standing[place].listen_datagrams, Address(place, "")),
                route.door,
                self._answer,
                source_ip=route.source_ip,
                count=route.meter.count,
            )

    def _answer(self, to: Datagram, data: bytes) -> None:
        address = to.local.port.rpartition(":")[0]
        doors = self._doors.get(address)
        if doors is not None:
            doors.datagrams.reply(to, data)


def _close(doors: Doors) -> None:
    doors.streams.close()
    doors.datagrams.close()
