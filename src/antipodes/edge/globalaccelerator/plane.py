"""The data plane: what happens at the edge locations when somebody connects.

TCP ends at the edge location that anycast leads to. It decides where the flow goes from its own
copy of the routing state, connects there over the backbone while the client already sends, and
passes bytes both ways. The flow stays with its endpoint to its end.

The edge's host follows the control plane's log into its own store, so that a restart serves what
was last heard (static stability); each location hears of a change in its own time (`locations`).
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import orjson

from antipodes.edge.globalaccelerator.api import ACCELERATOR_KIND, HEALTH_KIND
from antipodes.edge.globalaccelerator.checkers import PLACES, Checkers
from antipodes.edge.globalaccelerator.flows import OpenFlow
from antipodes.edge.globalaccelerator.locations import Location
from antipodes.edge.globalaccelerator.model import Accelerator, Endpoint, balancer_parts
from antipodes.edge.globalaccelerator.routing import Decision, Flow, decide
from antipodes.replication.changelog import Entry
from antipodes.replication.follower import Follower
from antipodes.runtime.contract import (
    Accepted,
    Address,
    DiskFull,
    Gone,
    Listener,
    PlainReceiver,
    Receiver,
    Stream,
)
from antipodes.service.contract import Host
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer
from antipodes.service.records import Records

HOME = "us-west-2"
DNS_TTL_S = 60  # not published for accelerators' names
TARGETS_MAX = 10_000
EPHEMERAL_PORT_MIN, EPHEMERAL_PORTS = 1024, 64512


class Heard(msgspec.Struct, frozen=True):
    """An endpoint's health, as it was last decided."""

    healthy: bool


class AnycastPlane:
    """All edge locations of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._runtime = host.runtime
        self._world = host.world
        self._accelerators = Records(host.store, "plane/accelerator", Accelerator)
        self._health = Records(host.store, "plane/health", Heard)
        self._ports = host.runtime.chance("client-ports")
        self._order = host.runtime.chance("dns")
        self._doors: dict[str, Listener | None] = {}  # None while it is being opened
        self._flows: dict[OpenFlow, None] = {}
        # Of the stored accelerators: all their endpoints, and those of enabled ones, by ARN.
        self._referenced: dict[str, Endpoint] = {}
        self._checked: dict[str, Endpoint] = {}
        propagation_s = host.settings.propagation_s
        self._locations = {
            place: Location(host.runtime, host.world, place, propagation_s)
            for place in host.world.edges()
        }
        self._standing = {place: host.runtime.at(place) for place in self._locations}
        self._targets: dict[tuple[str, int], Address] = {}
        self._checkers = Checkers(host.runtime, lambda: self._checked, self._decided)

    async def start(self) -> None:
        """Take up what was last heard, open the doors, follow the control plane, check health."""
        for _, _, accelerator in self._accelerators.all():
            for location in self._locations.values():
                location.learn(accelerator)
            await self._open_doors(accelerator)
        for _, arn, heard in self._health.all():
            for location in self._locations.values():
                location.learn_health(arn, healthy=heard.healthy)
        self._find_endpoints()
        self._world.on_change(self._reconsider)
        names = HttpServer(self._runtime, self._resolve)
        await self._runtime.listen(Address("edge/*", "dns"), names.receiver)
        follower = Follower(
            self._runtime,
            self._host.store,
            source=HOME,
            name="globalaccelerator",
            kinds=(ACCELERATOR_KIND,),
            apply=self._hear,
        )
        self._runtime.spawn(follower.run(), "follow the control plane")
        self._checkers.start()

    async def stop(self) -> None:
        """Nothing outlives the host."""

    def _reconsider(self) -> None:
        for location in self._locations.values():
            location.reconsider()

    # Routing state.

    def _hear(self, entries: list[Entry]) -> None:
        for entry in entries:
            before = self._referenced
            self._hear_one(entry)
            self._find_endpoints()
            for arn in before:
                if arn not in self._referenced:
                    self._forget_health(arn)

    def _hear_one(self, entry: Entry) -> None:
        account, accelerator_id, told = entry.payload
        if told is None:
            self._accelerators.delete(account, accelerator_id)
            self._tell((HOME,), lambda here: self._forget(here, accelerator_id))
            return
        accelerator = msgspec.convert(told, Accelerator)
        self._accelerators.put(account, accelerator_id, accelerator)
        self._runtime.spawn(self._open_doors(accelerator), "open doors")
        self._tell((HOME,), lambda here: here.learn(accelerator))

    def _forget(self, location: Location, accelerator_id: str) -> None:
        """A location has heard of a deletion; the last one to hear of it closes the doors."""
        gone = location.forget(accelerator_id)
        known = any(accelerator_id in other.accelerators for other in self._locations.values())
        for address in gone.addresses if gone is not None and not known else ():
            door = self._doors.pop(address, None)
            if door is not None:
                door.close()

    def _tell(self, sources: tuple[str, ...], change: Callable[[Location], None]) -> None:
        for location in self._locations.values():
            location.hear(sources, change)

    def _find_endpoints(self) -> None:
        known = [accelerator for _, _, accelerator in self._accelerators.all()]
        self._referenced = {e.arn: e for a in known for e in a.endpoints()}
        self._checked = {e.arn: e for a in known if a.enabled for e in a.endpoints()}

    def _forget_health(self, arn: str) -> None:
        """Nobody has that endpoint any more: should it come back, it has to pass again."""
        self._checkers.forget(arn)
        if self._health.get("", arn) is not None:
            self._health.delete("", arn)
            self._host.changes.append(HEALTH_KIND, [arn, None])
            self._tell(PLACES, lambda here: here.forget_health(arn))

    def _decided(self, arn: str, healthy: bool) -> None:  # noqa: FBT001 - a vote's outcome
        known = self._health.get("", arn)
        if (known is not None and known.healthy == healthy) or arn not in self._referenced:
            return
        try:
            self._health.put("", arn, Heard(healthy))
            self._host.changes.append(HEALTH_KIND, [arn, healthy])
        except DiskFull:  # the locations hear of it all the same; the next vote tries again
            self._runtime.journal.sometimes("accelerator.health-not-kept")
        self._runtime.journal.record("endpoint-health", endpoint=arn, healthy=healthy)
        self._tell(PLACES, lambda here: here.learn_health(arn, healthy=healthy))

    # Names.

    def _resolve(self, request: HttpRequest) -> HttpResponse:
        names = parse_qs(urlsplit(request.target).query).get("name", [""])
        name = names[-1].lower().rstrip(".")
        location = self._locations.get(request.accepted.local.place)
        found = list(location.addresses_of(name)) if location is not None else []
        if not found:
            return HttpResponse(404, (), b"")
        self._order.shuffle(found)
        body = orjson.dumps({"addresses": found, "ttl": DNS_TTL_S})
        return HttpResponse(200, (("content-type", "application/json"),), body)

    # Flows.

    async def _open_doors(self, accelerator: Accelerator) -> None:
        for address in accelerator.addresses:
            if address not in self._doors:
                self._doors[address] = None
                door = await self._runtime.listen(Address("edge/*", f"{address}:*"), self._accept)
                if address in self._doors:
                    self._doors[address] = door
                else:  # deleted meanwhile
                    door.close()

    def _accept(self, accepted: Accepted) -> Receiver:
        location = self._locations.get(accepted.local.place)
        address, _, port = accepted.local.port.rpartition(":")
        number = int(port)
        found = location.find(address, number) if location is not None else None
        if location is None or found is None:
            return _Refusal()
        client_port = EPHEMERAL_PORT_MIN + int(self._ports.random() * EPHEMERAL_PORTS)
        flow = Flow(accepted.peer_ip, client_port, address, number)
        regions = [group.region for group in found.listener.groups]
        ranking = self._world.rank_regions(location.place, regions) if len(regions) > 1 else regions
        decision = decide(found.listener, ranking, location.is_healthy, flow)
        self._runtime.journal.span(
            accepted.trace,
            "edge.route",
            self._runtime.now(),
            place=location.place,
            to=decision.region if decision else "",
            reason=decision.reason if decision else "no endpoint",
        )
        if decision is None:
            self._runtime.journal.sometimes("accelerator.no-endpoint")
            return _Refusal()
        if decision.reason != "nearest":
            reason = decision.reason.split(" from ")[0].replace(" ", "-")
            self._runtime.journal.sometimes(f"accelerator.{reason}")
        opened = OpenFlow(self._runtime, self._over)
        self._flows[opened] = None
        self._forward(opened, decision, location.place, accepted, number)
        return opened.near

    def _over(self, flow: OpenFlow) -> None:
        self._flows.pop(flow, None)

    @property
    def flows(self) -> int:
        """Clients' connections that are open now."""
        return len(self._flows)

    def _forward(
        self, flow: OpenFlow, decision: Decision, place: str, accepted: Accepted, port: int
    ) -> None:
        started = self._runtime.now()
        endpoint = decision.endpoint
        source_ip = accepted.peer_ip if endpoint.preserves_client_ip else ""
        door = self._door(endpoint.arn, port)

        def far(_: Accepted) -> Receiver:
            self._span_connect(accepted.trace, place, door.place, started, "")
            return flow.new_far()

        def failed(error: Gone) -> None:
            self._span_connect(accepted.trace, place, door.place, started, str(error))
            self._runtime.journal.sometimes("accelerator.endpoint-gone")
            flow.reset()

        self._standing[place].open(door, far, failed, source_ip=source_ip, trace=accepted.trace)

    def _door(self, arn: str, port: int) -> Address:
        """Where a load balancer listens for the edge."""
        door = self._targets.get((arn, port))
        if door is None:
            if len(self._targets) >= TARGETS_MAX:
                self._targets.clear()
            region, _, resource = balancer_parts(arn)
            door = self._targets[arn, port] = Address(region, f"elb/{resource}:{port}")
        return door

    def _span_connect(
        self, trace: str, place: str, region: str, started: float, error: str
    ) -> None:
        fields = {"error": error} if error else {}
        self._runtime.journal.span(trace, "edge.connect", started, place=place, to=region, **fields)

    def status(self) -> dict[str, Any]:
        """What each location has heard, and what is on its way to it."""
        return {
            place: {
                "heard": location.heard,
                "pending": location.pending,
                "unhealthy": [arn for arn, healthy in location.healthy.items() if not healthy],
            }
            for place, location in self._locations.items()
        }


class _Refusal(PlainReceiver):
    """Nobody listens here: the connection is reset."""

    def connection_made(self, stream: Stream) -> None:
        stream.abort()
