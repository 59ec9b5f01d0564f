"""The control plane behind the API: the service's parts, and what operations have in common."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from antipodes.regional.elbv2 import (
    actions,
    attributes,
    gateways,
    knownattributes,
    listeners,
    model,
)
from antipodes.regional.elbv2.balancer import Balancer
from antipodes.regional.elbv2.doors import Doors
from antipodes.regional.elbv2.enforcing import Networks
from antipodes.regional.elbv2.gateways import Gateways
from antipodes.regional.elbv2.health import Probes
from antipodes.regional.elbv2.model import (
    Action,
    Listener,
    LoadBalancer,
    Record,
    Rule,
    TargetGroup,
)
from antipodes.regional.elbv2.names import Names
from antipodes.regional.elbv2.nlb import NetworkBalancers
from antipodes.regional.elbv2.nodes import Nodes
from antipodes.regional.elbv2.placing import Placing
from antipodes.regional.elbv2.registry import Registry
from antipodes.regional.elbv2.relays import Relays
from antipodes.regional.elbv2.shifted import Shifted
from antipodes.service.contract import Call, Host, Request, Response, Service, ServiceError

PAGE_MAX = 400
NUMBER_BITS = 31  # of the number in a load balancer's DNS name
_DIGITS = re.compile(r"[0-9]{1,9}")
_REFUSED_OF_BALANCER = (
    "CustomerOwnedIpv4Pool",
    "EnablePrefixForIpv6SourceNat",
    "IpamPools",
)
T = TypeVar("T")


class Balancing(Service):
    """The parts of the service, and the rules that several operations share."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.registry = Registry(host.store)
        self.enforced = Networks(host, self.registry)
        self.probes = Probes(host, self.registry, self.enforced)
        self.placing = Placing(host, self.registry)
        self.shifted = Shifted(host)
        self.balancer = Balancer(host, self.registry, self.probes, self.shifted, self.enforced)
        self.certificates = self.balancer.certificates
        self.nodes = Nodes(host, self.registry)
        self.names = Names(host, self.registry, self.probes, self.shifted, self.nodes)
        self.nodes.on_change(self.names.health_changed)
        self.probes.on_change(self.names.target_changed)
        self.probes.on_change(self.balancer.choosing.health_changed)
        self.network = NetworkBalancers(
            host,
            self.registry,
            self.probes,
            self.names,
            self.shifted,
            self.certificates,
            self.enforced,
        )
        self.probes.on_change(self.network.health_changed)
        self.gateways = Gateways(host, self.registry, self.probes)
        self.probes.on_change(self.gateways.health_changed)
        self.relays = Relays(host, self.registry, self.probes)
        self.probes.on_change(self.relays.health_changed)
        self.doors = Doors(host, self.registry, self.probes)
        self._chance = host.runtime.chance("elbv2/ids")
        host.store.on_rollback(self._rolled_back)

    async def start(self) -> None:
        """Open the doors, and take up serving and probing where they were left."""
        self.shifted.refresh()
        await self.doors.open()
        self.names.begin()
        await self._take_up()

    def _rolled_back(self) -> None:
        """The disk did not take the last changes: serve what there was before them."""
        self.host.runtime.spawn(self._take_up(), "serving what was there before")

    async def _take_up(self) -> None:
        self.probes.reconcile()
        self.names.health_changed()
        await self._follow()

    async def settle(self) -> None:
        """Let data plane and probes follow what the registry says now."""
        self.probes.reconcile()
        self.names.publish()
        self.gateways.publish()
        self.relays.publish()
        await self._follow()

    async def _follow(self) -> None:
        await self.balancer.reconcile()
        await self.network.reconcile()
        await self.nodes.reconcile()

    def zones_shifted(self) -> None:
        """A zonal shift has begun or ended."""
        self.shifted.refresh()
        self.names.health_changed()

    def new_id(self) -> str:
        """Return 16 hexadecimal digits; the time keeps a restarted host from repeating itself."""
        drawn = f"{self.host.runtime.wall()} {self._chance.getrandbits(64)}"
        return hashlib.sha256(drawn.encode()).hexdigest()[:16]

    def new_number(self) -> int:
        """Return the number in a new load balancer's DNS name."""
        return int(self.new_id(), 16) & ((1 << NUMBER_BITS) - 1)

    # Load balancers.

    async def security_groups(self, call: Call, vpc: str, ids: Sequence[str]) -> tuple[str, ...]:
        """Return the security groups asked for, or the network's default."""
        request: Request = {"GroupIds": list(ids)}
        if not ids:
            wanted = {"vpc-id": vpc, "group-name": "default"}
            request["Filters"] = [{"Name": name, "Values": [wanted[name]]} for name in wanted]
        try:
            answer = await self.host.call(
                "ec2", "DescribeSecurityGroups", request, account=call.account
            )
        except ServiceError as error:
            if error.code not in {"InvalidGroup.NotFound", "InvalidGroupId.Malformed"}:
                raise
            raise ServiceError("InvalidSecurityGroup", error.message) from None
        found = tuple(group["GroupId"] for group in answer["SecurityGroups"])
        of_network = await self.host.call(
            "ec2", "GetSecurityGroupsForVpc", {"VpcId": vpc}, account=call.account
        )
        if not {*ids} <= {group["GroupId"] for group in of_network["SecurityGroupForVpcs"]}:
            raise ServiceError(
                "InvalidConfigurationRequest",
                f"One or more security groups are not in the VPC '{vpc}'",
            )
        return found

    # Target groups, listeners and rules.

    def describe_group(self, group: TargetGroup) -> Response:
        """Describe a target group."""
        users = self.registry.users_of(group)
        return model.describe_group(group, [balancer.arn for balancer in users])

    async def check_network(self, call: Call, vpc: str) -> None:
        """Refuse a network that is not there."""
        request: Request = {"VpcIds": [vpc]}
        try:
            await self.host.call("ec2", "DescribeVpcs", request, account=call.account)
        except ServiceError:
            raise model.invalid(f"The VPC ID '{vpc}' is not found") from None

    def check_deletable(self, balancer: LoadBalancer) -> None:
        """Refuse to delete what is protected, or a network load balancer's target."""
        if knownattributes.value(balancer, attributes.DELETION_PROTECTION) == "true":
            raise ServiceError(
                "OperationNotPermitted",
                f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is "
                "enabled",
            )
        if self.registry.groups_with(balancer.arn):
            raise ServiceError(
                "ResourceInUse",
                f"Load balancer '{balancer.arn}' is registered as a target: deregister it first",
            )

    async def check_unlinked(self, balancer: LoadBalancer) -> None:
        """Refuse to delete what is behind an endpoint service."""
        answer = await self.host.call(
            "ec2", "DescribeVpcEndpointServiceConfigurations", {}, account=balancer.account
        )
        for one in answer["ServiceConfigurations"]:
            behind = (
                *one.get("NetworkLoadBalancerArns", ()),
                *one.get("GatewayLoadBalancerArns", ()),
            )
            if balancer.arn in behind:
                raise ServiceError(
                    "ResourceInUse",
                    f"Load balancer '{balancer.arn}' cannot be deleted because it is currently "
                    "associated with another service",
                )

    def balancer_of(self, listener: Listener) -> LoadBalancer:
        """Return the load balancer that a listener belongs to."""
        balancer = self.registry.balancers.get(listener.account, listener.balancer)
        assert balancer is not None, f"{listener.arn} outlived its load balancer"
        return balancer

    def actions(
        self, call: Call, balancer: LoadBalancer, protocol: str, wanted: Sequence[Action]
    ) -> tuple[Action, ...]:
        """Return actions as they are kept; refuse groups that this listener cannot use."""
        kind = balancer.kind
        if kind != model.APPLICATION and any(action["Type"] != "forward" for action in wanted):
            raise model.invalid(f"A listener of a {kind} load balancer can only forward")
        made = actions.normalised(wanted, self._check_group(call, balancer, protocol))
        if balancer.is_network:
            groups = [self.registry.group(call, arn) for arn in model.groups_of(made)]
            listeners.check_flows(protocol, made, groups)
        if balancer.is_gateway:
            gateways.check_actions(made)
        used = {**self.registry.groups_of(balancer), **model.groups_of(made)}
        if len(used) > model.GROUPS_PER_BALANCER_MAX:
            raise ServiceError(
                "TooManyUniqueTargetGroupsPerLoadBalancer",
                f"A load balancer has at most {model.GROUPS_PER_BALANCER_MAX} target groups",
            )
        return made

    def _check_group(
        self, call: Call, balancer: LoadBalancer, protocol: str
    ) -> Callable[[str], None]:
        def check(arn: str) -> None:
            group = self.registry.group(call, arn)
            listeners.check_group(protocol, group)
            users = self.registry.users_of(group)
            if any(user.key != balancer.key for user in users):
                raise ServiceError(
                    "TargetGroupAssociationLimit",
                    "The following target groups cannot be associated with more than one load "
                    f"balancer: {arn}",
                )

        return check

    def check_port(self, balancer: LoadBalancer, port: int, but: str = "") -> Listener | None:
        """Return the listener that has a port already, other than `but`."""
        listeners = self.registry.listeners_of(balancer)
        return next((one for one in listeners if one.port == port and one.key != but), None)

    def check_priority(self, listener: Listener, priority: int, but: Sequence[str] = ()) -> None:
        """Refuse a priority that another rule of the listener has."""
        for rule in self.registry.rules_of(listener):
            if rule.priority == priority and rule.key not in but:
                raise ServiceError("PriorityInUse", f"Priority '{priority}' is currently in use")

    def tagged(self, call: Call, arn: str) -> Record:
        """Return whatever has an ARN, to read or change its tags."""
        parsed = model.parse_arn(arn)
        if parsed is None:
            raise model.invalid(f"'{arn}' is not a valid ARN of this service")
        find: dict[str, Callable[[Call, str], Record]] = {
            "loadbalancer": self.registry.balancer,
            "targetgroup": self.registry.group,
            "listener": self.registry.listener,
        }
        if parsed[2] != "listener-rule":
            return find[parsed[2]](call, arn)
        return own_rule(self.registry.rule(call, arn), arn, "have tags")


def own_rule(rule: Rule | Listener, arn: str, verb: str) -> Rule:
    """Return a rule that is not a listener's default rule."""
    if isinstance(rule, Listener):
        raise ServiceError("OperationNotPermitted", f"Default rule '{arn}' cannot {verb}")
    return rule


def check_balancer(request: Request) -> None:
    """Refuse load balancers of kinds that are not offered."""
    kind = request.get("Type")
    if kind == model.GATEWAY:
        for member in ("Scheme", "SecurityGroups"):
            if request.get(member):
                raise model.invalid(f"{member} cannot be specified for gateway load balancers")
    if request.get("IpAddressType") not in {None, "ipv4"}:
        raise model.not_offered(f"IpAddressType '{request['IpAddressType']}'")
    for member in _REFUSED_OF_BALANCER:
        if request.get(member) and request[member] != "off":
            raise model.not_offered(member)


def page_of(items: Sequence[T], request: Request) -> tuple[Sequence[T], Response]:
    """Return the items of a page, and the member that leads to the next."""
    marker = request.get("Marker") or "0"
    if _DIGITS.fullmatch(marker) is None:
        raise model.invalid(f"Marker '{marker}' is not valid")
    start = int(marker)
    end = start + (request.get("PageSize") or PAGE_MAX)
    return items[start:end], {"NextMarker": str(end)} if end < len(items) else {}
