"""The control plane's service: records, the log that tells the edge, and what the edge tells it.

Every change is one record, put and told to the edge through the change log in the same group.
Health is judged at the edge, and traffic is measured there; this side follows the edge's log.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from antipodes.edge.globalaccelerator import metrics, model
from antipodes.edge.globalaccelerator.errors import in_progress, limited, missing
from antipodes.edge.globalaccelerator.lending import Lending
from antipodes.edge.globalaccelerator.model import (
    CUSTOM,
    STANDARD,
    Accelerator,
    Attachment,
    Group,
    Listener,
)
from antipodes.edge.globalaccelerator.ranges import Range, Ranges
from antipodes.edge.globalaccelerator.resources import Resources
from antipodes.replication.changelog import Entry
from antipodes.replication.follower import Follower
from antipodes.service.contract import Call, Handler, Host, Operations, Service, ServiceError
from antipodes.service.drawing import hex_digits, uuid
from antipodes.service.news import everywhere_s
from antipodes.service.paging import InvalidToken, page_at
from antipodes.service.records import Records
from antipodes.world.addresses import anycast_pair, anycast_pair6
from antipodes.world.errors import OutOfAddresses

T = TypeVar("T", bound=Listener | Group)
Routed = Callable[["GlobalAccelerator", Call, dict[str, Any], str], Any]
operations = Operations()
ACCELERATOR_KIND = "globalaccelerator/accelerator"
HEALTH_KIND = "globalaccelerator/health"
TRAFFIC_KIND = "globalaccelerator/traffic"
HEALTHY, UNHEALTHY = "HEALTHY", "UNHEALTHY"
_NEXT = b"globalaccelerator/next-address"
PAGE = 10


class Health(msgspec.Struct, frozen=True):
    """What the edge thinks of an endpoint."""

    state: str


class GlobalAccelerator(Service):
    """The control plane."""

    name = "globalaccelerator"
    operations = operations
    home = "us-west-2"

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.accelerators = Records(host.store, "globalaccelerator/accelerator", Accelerator)
        self.attachments = Records(host.store, "globalaccelerator/attachment", Attachment)
        self.health = Records(host.store, "globalaccelerator/health", Health)
        self.resources = Resources(host)
        self.ranges = Ranges(host)
        self.lending = Lending(self.attachments)
        self._chance = host.runtime.chance("globalaccelerator/ids")
        self._changing: dict[str, None] = {}

    async def start(self) -> None:
        """Hear of endpoints' health from the edge."""
        follower = Follower(
            self.host.runtime,
            self.host.store,
            source="edge",
            name="globalaccelerator",
            kinds=(HEALTH_KIND, TRAFFIC_KIND),
            apply=self._hear,
        )
        self.host.runtime.spawn(follower.run(), "follow the edge")

    def _hear(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.kind == TRAFFIC_KIND:
                told = metrics.told(*entry.payload)
                self.host.runtime.spawn(metrics.publish(self.host, told), "publish traffic")
                continue
            name, healthy = entry.payload
            if healthy is None:  # nobody has that endpoint any more
                self.health.delete("", name)
            else:
                self.health.put("", name, Health(HEALTHY if healthy else UNHEALTHY))

    def now(self) -> float:
        """Unix seconds."""
        return self.host.runtime.wall()

    def new_id(self, digits: int) -> str:
        """Random hexadecimal digits."""
        return hex_digits(self._chance, digits)

    def new_uuid(self) -> str:
        """A random UUID."""
        return uuid(self._chance)

    def next_addresses(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Static addresses of IPv4 and of IPv6 that no accelerator ever had, two of each."""
        number = int(self.host.store.get(_NEXT) or b"0")
        try:
            found = anycast_pair(number), anycast_pair6(number)
        except OutOfAddresses as error:
            raise limited(f"No static addresses are left: {error}") from None
        self.host.store.put(_NEXT, b"%d" % (number + 1))
        return found

    def save(self, accelerator: Accelerator) -> Accelerator:
        """Keep a change and send it to the edge; it is deployed when it must have arrived.

        Tags are those of now: they may be changed while a change of something else is being made.
        """
        now = self.now()
        travel = everywhere_s(self.host.runtime, self.host.settings.propagation_s)
        known = self.accelerators.get(accelerator.account, accelerator.id)
        changed = msgspec.structs.replace(
            accelerator,
            modified=now,
            deployed_at=now + travel,
            tags=accelerator.tags if known is None else known.tags,
        )
        self.accelerators.put(changed.account, changed.id, changed)
        told = msgspec.to_builtins(changed)
        self.host.changes.append(ACCELERATOR_KIND, [changed.account, changed.id, told])
        return changed

    @contextlib.contextmanager
    def transaction(
        self, arn: str, busy: Callable[[str], ServiceError] = in_progress
    ) -> Iterator[None]:
        """Let nobody else change an accelerator meanwhile."""
        self.check_free(arn, busy)
        self._changing[arn] = None
        try:
            yield
        finally:
            del self._changing[arn]

    def check_free(self, arn: str, busy: Callable[[str], ServiceError] = in_progress) -> None:
        """Refuse a change while another one is being made."""
        if arn in self._changing:
            raise busy(arn)

    # What ARNs stand for.

    def find(
        self, call: Call, arn: str, kind: str = "Accelerator", *, routing: str = STANDARD
    ) -> tuple[Accelerator, str, str]:
        """The accelerator of an ARN, and the ids of listener and group."""
        account, accelerator, listener, group = model.parse_arn(arn, kind)
        found = self.accelerators.get(account, accelerator)
        if found is None or account != call.account or found.routing != routing:
            raise missing(kind, arn)
        return found, listener, group

    def find_accelerator(self, call: Call, arn: str, routing: str = STANDARD) -> Accelerator:
        """An accelerator by its ARN."""
        return self.find(call, arn, routing=routing)[0]

    def find_listener(
        self, call: Call, arn: str, routing: str = STANDARD
    ) -> tuple[Accelerator, Listener]:
        """A listener by its ARN."""
        accelerator, listener_id, _ = self.find(call, arn, "Listener", routing=routing)
        for listener in accelerator.listeners:
            if listener.id == listener_id:
                return accelerator, listener
        raise missing("Listener", arn)

    def find_group(
        self, call: Call, arn: str, routing: str = STANDARD
    ) -> tuple[Accelerator, Listener, Group]:
        """An endpoint group by its ARN."""
        accelerator, listener_id, group_id = self.find(call, arn, "EndpointGroup", routing=routing)
        for listener in accelerator.listeners:
            for group in listener.groups:
                if (listener.id, group.id) == (listener_id, group_id):
                    return accelerator, listener, group
        raise missing("EndpointGroup", arn)

    def of_account(self, account: str, routing: str = STANDARD) -> list[Accelerator]:
        """An account's accelerators, oldest first."""
        found = [a for a in self.accelerators.list(account) if a.routing == routing]
        return sorted(found, key=lambda a: (a.created, a.id))

    def used_addresses(self) -> list[str]:
        """Every accelerator's addresses of IPv4."""
        return [address for _, _, a in self.accelerators.all() for address in a.addresses]

    def usable_ranges(self, account: str, arn: str = "") -> list[Range]:
        """The address ranges that an accelerator may have addresses of: its own, and lent ones."""
        lent = self.lending.cidrs(account, arn)
        others = [
            found for owner, cidr in lent for found in self.ranges.of(owner) if found.cidr == cidr
        ]
        return self.ranges.of(account) + others

    def states(self, group: Group) -> dict[str, str]:
        """The health of a group's endpoints, as far as it is known."""
        known = {e.health: self.health.get("", e.health) for e in group.endpoints}
        return {name: health.state for name, health in known.items() if health is not None}


def of_either(name: str) -> Callable[[Routed], Routed]:
    """Register an operation on things of either kind of routing, told which as a last argument.

    `{}` stands where the name of the one for custom routing has a word more.
    """

    def register(handler: Routed) -> Routed:
        for word, routing in (("", STANDARD), ("CustomRouting", CUSTOM)):
            operations(name.format(word))(_told(handler, routing))
        return handler

    return register


def _told(handler: Routed, routing: str) -> Handler:
    return lambda service, call, request: handler(service, call, request, routing)


# Changed copies.


def with_item(items: tuple[T, ...], item: T) -> tuple[T, ...]:
    """The items with one of them replaced where it stands, or a new one at the end."""
    if all(known.id != item.id for known in items):
        return (*items, item)
    return tuple(item if known.id == item.id else known for known in items)


def with_listener(accelerator: Accelerator, listener: Listener) -> Accelerator:
    """The accelerator with that listener as it is now."""
    listeners = with_item(accelerator.listeners, listener)
    return msgspec.structs.replace(accelerator, listeners=listeners)


def with_group(accelerator: Accelerator, listener: Listener, group: Group) -> Accelerator:
    """The accelerator with that group of that listener as it is now."""
    changed = msgspec.structs.replace(listener, groups=with_item(listener.groups, group))
    return with_listener(accelerator, changed)


def without_listener(accelerator: Accelerator, listener: Listener) -> Accelerator:
    """The accelerator without that listener, which has no groups any more."""
    if listener.groups:
        raise ServiceError(
            "AssociatedEndpointGroupFoundException",
            "The listener has an endpoint group associated with it",
        )
    kept = tuple(known for known in accelerator.listeners if known.id != listener.id)
    return msgspec.structs.replace(accelerator, listeners=kept)


def without_group(accelerator: Accelerator, listener: Listener, group: Group) -> Accelerator:
    """The accelerator without that group."""
    kept = tuple(known for known in listener.groups if known.id != group.id)
    return with_listener(accelerator, msgspec.structs.replace(listener, groups=kept))


def check_new_listener(accelerator: Accelerator) -> None:
    """Refuse one listener too many."""
    if len(accelerator.listeners) >= model.LISTENERS_MAX:
        raise limited(f"An accelerator has at most {model.LISTENERS_MAX} listeners")


def check_new_group(
    service: GlobalAccelerator, accelerator: Accelerator, listener: Listener, region: str
) -> None:
    """Refuse a group that there is already, one too many, or in a region that is none."""
    if region not in {known.code for known in service.host.world.atlas.regions}:
        raise ServiceError("InvalidArgumentException", f"{region} is not a Region")
    if any(group.region == region for group in listener.groups):
        raise ServiceError(
            "EndpointGroupAlreadyExistsException",
            f"The listener has an endpoint group in {region} already",
        )
    if sum(len(known.groups) for known in accelerator.listeners) >= model.GROUPS_MAX:
        raise limited(f"An accelerator has at most {model.GROUPS_MAX} endpoint groups")


def check_new_accelerator(service: GlobalAccelerator, account: str, routing: str) -> None:
    """Refuse one accelerator too many."""
    most = model.CUSTOM_ACCELERATORS_MAX if routing == CUSTOM else model.ACCELERATORS_MAX
    if len(service.of_account(account, routing)) >= most:
        raise limited(f"An account has at most {most} {routing} accelerators")


def page(
    items: Sequence[Any], request: dict[str, Any], member: str, size: int = PAGE
) -> dict[str, Any]:
    """One page of a list."""
    try:
        shown, following = page_at(
            items, request.get("NextToken"), request.get("MaxResults") or size
        )
    except InvalidToken:
        message = "The NextToken value is not valid"
        raise ServiceError("InvalidNextTokenException", message) from None
    return {member: shown, "NextToken": following} if following else {member: shown}
