"""Global Accelerator's control plane: one thin function per operation. It lives in us-west-2.

Every change is one record, put and told to the edge through the change log in the same group.
Health is judged at the edge; this side hears of it by following the edge's log.
"""

from typing import Any, TypeVar

import msgspec

from antipodes.edge.globalaccelerator import model
from antipodes.edge.globalaccelerator.model import Accelerator, Group, Listener, invalid
from antipodes.replication.changelog import Entry
from antipodes.replication.follower import Follower
from antipodes.service.contract import Call, Host, Operations, Service, ServiceError
from antipodes.service.records import Records
from antipodes.world.addresses import anycast_pair

T = TypeVar("T", bound=Listener | Group)
operations = Operations()
ACCELERATOR_KIND = "globalaccelerator/accelerator"
HEALTH_KIND = "globalaccelerator/health"
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
        self.health = Records(host.store, "globalaccelerator/health", Health)
        self._chance = host.runtime.chance("globalaccelerator/ids")

    async def start(self) -> None:
        """Hear of endpoints' health from the edge."""
        follower = Follower(
            self.host.runtime,
            self.host.store,
            source="edge",
            name="globalaccelerator",
            kinds=(HEALTH_KIND,),
            apply=self._hear,
        )
        self.host.runtime.spawn(follower.run(), "follow the edge")

    def _hear(self, entries: list[Entry]) -> None:
        for entry in entries:
            arn, healthy = entry.payload
            if healthy is None:  # nobody has that endpoint any more
                self.health.delete("", arn)
            else:
                self.health.put("", arn, Health(HEALTHY if healthy else UNHEALTHY))

    def now(self) -> float:
        """Unix seconds."""
        return self.host.runtime.wall()

    def new_id(self, digits: int) -> str:
        """Random hexadecimal digits."""
        return f"{self._chance.getrandbits(4 * digits):0{digits}x}"

    def new_uuid(self) -> str:
        """A random UUID."""
        text = self.new_id(32)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def next_addresses(self) -> tuple[str, str]:
        """Two static addresses that no accelerator ever had."""
        number = int(self.host.store.get(_NEXT) or b"0")
        self.host.store.put(_NEXT, b"%d" % (number + 1))
        return anycast_pair(number)

    def save(self, accelerator: Accelerator) -> Accelerator:
        """Keep a change and send it to the edge; it is deployed when it must have arrived."""
        now = self.now()
        travel = self.host.runtime.interval(self.host.settings.propagation_s)
        changed = msgspec.structs.replace(accelerator, modified=now, deployed_at=now + travel)
        self.accelerators.put(changed.account, changed.id, changed)
        told = msgspec.to_builtins(changed)
        self.host.changes.append(ACCELERATOR_KIND, [changed.account, changed.id, told])
        return changed

    def find(self, call: Call, arn: str, kind: str) -> tuple[Accelerator, str, str]:
        """The accelerator of an ARN, and the ids of listener and group."""
        account, accelerator, listener, group = model.parse_arn(arn, kind)
        found = self.accelerators.get(account, accelerator)
        if found is None or account != call.account:
            raise model.missing(kind, arn)
        return found, listener, group

    def find_listener(self, call: Call, arn: str) -> tuple[Accelerator, Listener]:
        """A listener by its ARN."""
        accelerator, listener_id, _ = self.find(call, arn, "Listener")
        for listener in accelerator.listeners:
            if listener.id == listener_id:
                return accelerator, listener
        raise model.missing("Listener", arn)

    def find_group(self, call: Call, arn: str) -> tuple[Accelerator, Listener, Group]:
        """An endpoint group by its ARN."""
        accelerator, listener_id, group_id = self.find(call, arn, "EndpointGroup")
        for listener in accelerator.listeners:
            for group in listener.groups:
                if (listener.id, group.id) == (listener_id, group_id):
                    return accelerator, listener, group
        raise model.missing("EndpointGroup", arn)

    def states(self, group: Group) -> dict[str, str]:
        """The health of a group's endpoints, as far as it is known."""
        known = {e.arn: self.health.get("", e.arn) for e in group.endpoints}
        return {arn: health.state for arn, health in known.items() if health is not None}


def _with(items: tuple[T, ...], item: T) -> tuple[T, ...]:
    """The items with one of them replaced where it stands, or a new one at the end."""
    if all(known.id != item.id for known in items):
        return (*items, item)
    return tuple(item if known.id == item.id else known for known in items)


def _with_listener(accelerator: Accelerator, listener: Listener) -> Accelerator:
    listeners = _with(accelerator.listeners, listener)
    return msgspec.structs.replace(accelerator, listeners=listeners)


def _with_group(accelerator: Accelerator, listener: Listener, group: Group) -> Accelerator:
    changed = msgspec.structs.replace(listener, groups=_with(listener.groups, group))
    return _with_listener(accelerator, changed)


def _page(items: list[Any], request: dict[str, Any], member: str) -> dict[str, Any]:
    """One page of a list."""
    token = request.get("NextToken") or "0"
    start = int(token) if token.isascii() and token.isdigit() else -1
    if not 0 <= start <= len(items):
        raise ServiceError("InvalidNextTokenException", "The NextToken value is not valid")
    end = start + (request.get("MaxResults") or PAGE)
    found: dict[str, Any] = {member: items[start:end]}
    if end < len(items):
        found["NextToken"] = str(end)
    return found


@operations("CreateAccelerator")
def create_accelerator(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    name = model.check_name(request["Name"])
    if (request.get("IpAddressType") or "IPV4") != "IPV4":
        raise model.not_offered("dual-stack accelerators")
    if request.get("IpAddresses"):
        raise model.not_offered("addresses of your own (BYOIP)")
    known = service.accelerators.list(call.account)
    for accelerator in known:
        if accelerator.token == request["IdempotencyToken"]:
            return {"Accelerator": model.show_accelerator(accelerator, service.now())}
    if len(known) >= model.ACCELERATORS_MAX:
        raise ServiceError("LimitExceededException", "An account has at most 20 accelerators")
    now = service.now()
    created = Accelerator(
        account=call.account,
        id=service.new_uuid(),
        name=name,
        dns_name=f"a{service.new_id(16)}.awsglobalaccelerator.com",
        addresses=service.next_addresses(),
        created=now,
        modified=now,
        deployed_at=now,
        token=request["IdempotencyToken"],
        enabled=request.get("Enabled") is not False,
        tags={tag["Key"]: tag["Value"] for tag in request.get("Tags") or ()},
    )
    return {"Accelerator": model.show_accelerator(service.save(created), service.now())}


@operations("DescribeAccelerator")
def describe_accelerator(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    found, _, _ = service.find(call, request["AcceleratorArn"], "Accelerator")
    return {"Accelerator": model.show_accelerator(found, service.now())}


@operations("ListAccelerators")
def list_accelerators(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    now = service.now()
    found = sorted(service.accelerators.list(call.account), key=lambda a: (a.created, a.id))
    return _page([model.show_accelerator(a, now) for a in found], request, "Accelerators")


@operations("UpdateAccelerator")
def update_accelerator(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    found, _, _ = service.find(call, request["AcceleratorArn"], "Accelerator")
    if (request.get("IpAddressType") or "IPV4") != "IPV4":
        raise model.not_offered("dual-stack accelerators")
    changes: dict[str, Any] = {}
    if request.get("Name") is not None:
        changes["name"] = model.check_name(request["Name"])
    if request.get("Enabled") is not None:
        changes["enabled"] = bool(request["Enabled"])
    changed = service.save(msgspec.structs.replace(found, **changes))
    return {"Accelerator": model.show_accelerator(changed, service.now())}


@operations("DeleteAccelerator")
def delete_accelerator(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    found, _, _ = service.find(call, request["AcceleratorArn"], "Accelerator")
    if found.enabled:
        raise ServiceError(
            "AcceleratorNotDisabledException", "The accelerator must be disabled before deletion"
        )
    if found.listeners:
        raise ServiceError(
            "AssociatedListenerFoundException", "The accelerator has a listener associated with it"
        )
    service.accelerators.delete(found.account, found.id)
    service.host.changes.append(ACCELERATOR_KIND, [found.account, found.id, None])
    return {}


@operations("DescribeAcceleratorAttributes")
def describe_attributes(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    service.find(call, request["AcceleratorArn"], "Accelerator")
    return {"AcceleratorAttributes": {"FlowLogsEnabled": False}}


@operations("UpdateAcceleratorAttributes")
def update_attributes(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    service.find(call, request["AcceleratorArn"], "Accelerator")
    if request.get("FlowLogsEnabled"):
        raise model.not_offered("flow logs")
    return {"AcceleratorAttributes": {"FlowLogsEnabled": False}}


def _check_listener(request: dict[str, Any]) -> None:
    if (request.get("Protocol") or "TCP") != "TCP":
        raise model.not_offered("UDP listeners")


@operations("CreateListener")
def create_listener(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    found, _, _ = service.find(call, request["AcceleratorArn"], "Accelerator")
    _check_listener(request)
    for known in found.listeners:
        if known.token == request["IdempotencyToken"]:
            return {"Listener": model.show_listener(found, known)}
    if len(found.listeners) >= model.LISTENERS_MAX:
        raise ServiceError("LimitExceededException", "An accelerator has at most 10 listeners")
    ports = model.check_ports(found, request["PortRanges"])
    affinity = request.get("ClientAffinity") or "NONE"
    token = request["IdempotencyToken"]
    listener = Listener(service.new_id(8), ports, affinity, token=token)
    changed = service.save(_with_listener(found, listener))
    return {"Listener": model.show_listener(changed, listener)}


@operations("DescribeListener")
def describe_listener(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"])
    return {"Listener": model.show_listener(accelerator, listener)}


@operations("ListListeners")
def list_listeners(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    found, _, _ = service.find(call, request["AcceleratorArn"], "Accelerator")
    shown = [model.show_listener(found, listener) for listener in found.listeners]
    return _page(shown, request, "Listeners")


@operations("UpdateListener")
def update_listener(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"])
    _check_listener(request)
    changes: dict[str, Any] = {}
    if request.get("PortRanges"):
        changes["ports"] = model.check_ports(accelerator, request["PortRanges"], skip=listener.id)
    if request.get("ClientAffinity"):
        changes["affinity"] = request["ClientAffinity"]
    changed = msgspec.structs.replace(listener, **changes)
    saved = service.save(_with_listener(accelerator, changed))
    return {"Listener": model.show_listener(saved, changed)}


@operations("DeleteListener")
def delete_listener(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"])
    if listener.groups:
        raise ServiceError(
            "AssociatedEndpointGroupFoundException",
            "The listener has an endpoint group associated with it",
        )
    kept = tuple(known for known in accelerator.listeners if known.id != listener.id)
    service.save(msgspec.structs.replace(accelerator, listeners=kept))
    return {}


@operations("CreateEndpointGroup")
def create_endpoint_group(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"])
    region, token = request["EndpointGroupRegion"], request["IdempotencyToken"]
    for known in listener.groups:
        if known.token == token:
            shown = model.show_group(accelerator, listener, known, service.states(known))
            return {"EndpointGroup": shown}
    if region not in {known.code for known in service.host.world.atlas.regions}:
        raise invalid(f"{region} is not a Region")
    if any(group.region == region for group in listener.groups):
        raise ServiceError(
            "EndpointGroupAlreadyExistsException",
            f"The listener has an endpoint group in {region} already",
        )
    if sum(len(known.groups) for known in accelerator.listeners) >= model.GROUPS_MAX:
        raise ServiceError(
            "LimitExceededException", "An accelerator has at most 42 endpoint groups"
        )
    plain = Group(service.new_id(12), region, port=listener.ports[0][0], token=token)
    group = model.check_group(request, plain)
    saved = service.save(_with_group(accelerator, listener, group))
    return {"EndpointGroup": model.show_group(saved, listener, group, service.states(group))}


@operations("DescribeEndpointGroup")
def describe_endpoint_group(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"])
    shown = model.show_group(accelerator, listener, group, service.states(group))
    return {"EndpointGroup": shown}


@operations("ListEndpointGroups")
def list_endpoint_groups(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    accelerator, listener = service.find_listener(call, request["ListenerArn"])
    shown = [
        model.show_group(accelerator, listener, group, service.states(group))
        for group in listener.groups
    ]
    return _page(shown, request, "EndpointGroups")


@operations("UpdateEndpointGroup")
def update_endpoint_group(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"])
    changed = model.check_group(request, group)
    saved = service.save(_with_group(accelerator, listener, changed))
    return {"EndpointGroup": model.show_group(saved, listener, changed, service.states(changed))}


@operations("DeleteEndpointGroup")
def delete_endpoint_group(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"])
    kept = tuple(known for known in listener.groups if known.id != group.id)
    changed = msgspec.structs.replace(listener, groups=kept)
    service.save(_with_listener(accelerator, changed))
    return {}


@operations("AddEndpoints")
def add_endpoints(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"])
    added = model.check_endpoints(group.region, request["EndpointConfigurations"])
    # One that is known already is replaced where it stands.
    endpoints = {endpoint.arn: endpoint for endpoint in (*group.endpoints, *added)}
    if len(endpoints) > model.ENDPOINTS_MAX:
        raise ServiceError("LimitExceededException", "An endpoint group has at most 10 endpoints")
    changed = msgspec.structs.replace(group, endpoints=tuple(endpoints.values()))
    saved = service.save(_with_group(accelerator, listener, changed))
    states = service.states(changed)
    return {
        "EndpointGroupArn": saved.group_arn(listener, changed),
        "EndpointDescriptions": [
            model.show_endpoint(e, states.get(e.arn, "INITIAL")) for e in changed.endpoints
        ],
    }


@operations("RemoveEndpoints")
def remove_endpoints(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    accelerator, listener, group = service.find_group(call, request["EndpointGroupArn"])
    arns = [part["EndpointId"] for part in request["EndpointIdentifiers"]]
    known = {endpoint.arn for endpoint in group.endpoints}
    for arn in arns:
        if arn not in known:
            raise ServiceError("EndpointNotFoundException", f"Endpoint not found: {arn}")
    kept = tuple(endpoint for endpoint in group.endpoints if endpoint.arn not in arns)
    changed = msgspec.structs.replace(group, endpoints=kept)
    service.save(_with_group(accelerator, listener, changed))
    return {}


@operations("TagResource")
def tag_resource(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    found, _, _ = service.find(call, request["ResourceArn"], "Accelerator")
    tags = {**found.tags, **{tag["Key"]: tag["Value"] for tag in request["Tags"]}}
    service.accelerators.put(found.account, found.id, msgspec.structs.replace(found, tags=tags))
    return {}


@operations("UntagResource")
def untag_resource(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    found, _, _ = service.find(call, request["ResourceArn"], "Accelerator")
    tags = {k: v for k, v in found.tags.items() if k not in request["TagKeys"]}
    service.accelerators.put(found.account, found.id, msgspec.structs.replace(found, tags=tags))
    return {}


@operations("ListTagsForResource")
def list_tags(service: GlobalAccelerator, call: Call, request: dict[str, Any]) -> Any:
    found, _, _ = service.find(call, request["ResourceArn"], "Accelerator")
    return {"Tags": [{"Key": k, "Value": v} for k, v in sorted(found.tags.items())]}
