"""Route 53 Resolver in one region: its records, and what its operations share."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from antipodes.regional.route53resolver import model
from antipodes.regional.route53resolver.model import (
    Association,
    Endpoint,
    LogConfig,
    Rule,
    Subnet,
    Tagged,
    VpcConfig,
)
from antipodes.regional.route53resolver.resolving import Resolvers
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)
from antipodes.service.paging import InvalidToken, page_at
from antipodes.service.records import Records
from antipodes.service.sharing import Sharing

operations = Operations()

PAGE_MAX = 100
MANAGER = "route53-resolver"  # of endpoints' interfaces
T = TypeVar("T")


class Route53Resolver(Service):
    """Amazon Route 53 Resolver in one region."""

    name = "route53resolver"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        store = host.store
        self.endpoints = Records(store, "route53resolver/endpoint", Endpoint)
        self.rules = Records(store, "route53resolver/rule", Rule)
        self.associations = Records(store, "route53resolver/association", Association)
        self.log_configs = Records(store, "route53resolver/log-config", LogConfig)
        self.log_associations = Records(store, "route53resolver/log-association", Association)
        self.vpc_configs = Records(store, "route53resolver/vpc-config", VpcConfig)
        self.sharing = Sharing(store)
        self.resolvers = Resolvers(
            host, self.endpoints, self.rules, self.rules_in_use, self.vpc_configs
        )

    async def start(self) -> None:
        """Open the doors of the resolvers."""
        await self.resolvers.start()

    @property
    def now(self) -> float:
        """The host's clock."""
        return self.host.runtime.wall()

    # Things by their ids.

    def endpoint(self, call: Call, identity: str) -> Endpoint:
        """An endpoint, or AWS's word that there is none."""
        return _there(self.endpoints.get(call.account, identity), "Resolver endpoint", identity)

    def rule(self, call: Call, identity: str) -> Rule:
        """A rule, of one's own or shared, or AWS's word that there is none."""
        if identity == model.INTERNET_RULE:
            return self.internet_rule()
        owner = self.sharing.owner(call.account, model.SHARED_RULE, identity) or call.account
        return _there(self.rules.get(owner, identity), "Resolver rule", identity)

    def usable_rules(self, account: str) -> list[Rule]:
        """An account's rules, those shared with it, and the one that is there by itself."""
        given = self.sharing.given(account, model.SHARED_RULE)
        shared = (self.rules.get(owner, name) for name, owner in given)
        own = self.rules.list(account)
        return [*own, *(one for one in shared if one is not None), self.internet_rule()]

    def rules_in_use(self, account: str) -> list[Association]:
        """By which rules which of an account's VPCs go; a rule that is shared no more is left."""
        return [
            one
            for one in self.associations.list(account)
            if not one.owner or self.sharing.owner(account, model.SHARED_RULE, one.of)
        ]

    def log_config(self, call: Call, identity: str) -> LogConfig:
        """A query logging configuration, or AWS's word that there is none."""
        found = self.log_configs.get(call.account, identity)
        return _there(found, "Resolver query log config", identity)

    def association(self, call: Call, identity: str) -> Association:
        """A rule's association with a VPC, or AWS's word that there is none."""
        in_use = {one.id: one for one in self.rules_in_use(call.account)}
        found = in_use.get(identity)
        return _there(found, "Resolver rule association", identity)

    def log_association(self, call: Call, identity: str) -> Association:
        """A query logging configuration's association, or AWS's word that there is none."""
        found = self.log_associations.get(call.account, identity)
        return _there(found, "Resolver query log config association", identity)

    @staticmethod
    def internet_rule() -> Rule:
        """The rule that is there by itself: what no other is for goes to the public DNS."""
        return Rule(
            model.INTERNET_RULE, "Route 53 Resolver", "", "RECURSIVE", ".", "Internet Resolver"
        )

    def taken(self) -> set[str]:
        """The addresses of all endpoints of this region, whoever has them."""
        return {ip.address for _, _, endpoint in self.endpoints.all() for ip in endpoint.ips}

    async def subnets(self, call: Call, wanted: Iterable[str]) -> dict[str, Subnet]:
        """The subnets of those ids; endpoints are in networks of one's own."""
        answer = await self._ask_ec2(call, "DescribeSubnets", SubnetIds=sorted(set(wanted)))
        for found in answer["Subnets"]:
            _check_owner(call, found, found["SubnetId"])
        return {
            found["SubnetId"]: Subnet.of(found["SubnetId"], found["VpcId"], found["CidrBlock"])
            for found in answer["Subnets"]
        }

    async def check_vpc(self, call: Call, vpc: str) -> None:
        """Refuse a VPC that is not there, or is another's."""
        answer = await self._ask_ec2(call, "DescribeVpcs", VpcIds=[vpc])
        _check_owner(call, answer["Vpcs"][0], vpc)

    async def check_groups(self, call: Call, groups: Sequence[str], vpc: str) -> None:
        """Refuse security groups that are not in a VPC."""
        answer = await self._ask_ec2(call, "DescribeSecurityGroups", GroupIds=list(groups))
        for group in answer["SecurityGroups"]:
            if group["VpcId"] != vpc:
                raise model.refused(f"The security group '{group['GroupId']}' is not in '{vpc}'")

    # Interfaces.

    @property
    def lent(self) -> Any:
        """Where EC2 lends interfaces to other services."""
        ec2: Any = self.host.service("ec2")
        return ec2.lent

    def occupy(self, endpoint: Endpoint) -> None:
        """Let an endpoint have an interface at each of its addresses, and no other."""
        account, there = endpoint.account, self.lent.of(endpoint.account, endpoint.id)
        own = {ip.address for ip in endpoint.ips}
        self.lent.take_back(account, [name for name, ip in there.items() if ip not in own])
        for ip in endpoint.ips:
            if ip.address not in there.values():
                self.lent.lend(
                    account,
                    ip.subnet,
                    kind="interface",
                    description=f"Route 53 Resolver: {endpoint.id}:{ip.id}",
                    manager=MANAGER,
                    of=endpoint.id,
                    address=ip.address,
                    groups=endpoint.groups,
                )

    def leave(self, endpoint: Endpoint) -> None:
        """Give back the interfaces of an endpoint that is gone."""
        self.lent.take_back(endpoint.account, list(self.lent.of(endpoint.account, endpoint.id)))

    async def _ask_ec2(self, call: Call, operation: str, **request: Any) -> Response:
        try:
            return await self.host.call(
                "ec2", operation, request, account=call.account, trace=call.trace
            )
        except ServiceError as error:
            raise model.refused(error.message) from None

    # What is shown.

    def arn(self, call: Call, kind: str, identity: str) -> str:
        """The ARN of a thing of the caller's."""
        return f"arn:aws:route53resolver:{call.region}:{call.account}:{kind}/{identity}"

    def by_arn(self, call: Call, arn: str) -> Tagged:
        """What has an ARN, and with it tags."""
        prefix = self.arn(call, "", "").removesuffix("/")
        kind, _, identity = arn.removeprefix(prefix).partition("/")
        if arn.startswith(prefix):
            if kind == "resolver-endpoint":
                return self.endpoint(call, identity)
            if kind == "resolver-rule":
                return _there(self.rules.get(call.account, identity), "Resolver rule", identity)
            if kind == "resolver-query-log-config":
                return self.log_config(call, identity)
        raise model.invalid(f"'{arn}' is not the ARN of something that has tags", "ResourceArn")

    def put(self, thing: Tagged) -> None:
        """Keep what has changed."""
        match thing:
            case Endpoint():
                self.endpoints.put(thing.account, thing.id, thing)
            case Rule():
                self.rules.put(thing.account, thing.id, thing)
            case LogConfig():
                self.log_configs.put(thing.account, thing.id, thing)
        self.resolvers.forget()


def _check_owner(call: Call, found: Response, name: str) -> None:
    if found["OwnerId"] != call.account:
        raise model.refused(f"'{name}' is another account's")


def _there(found: T | None, what: str, identity: str) -> T:
    if found is None:
        raise model.not_found(what, identity)
    return found


def shown_time(at: float) -> str:
    """A time as this API tells it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def check_new(known: Sequence[Tagged], creator: str, what: str, most: int) -> None:
    """Refuse what an earlier attempt at the same request has made, and one too many."""
    if any(thing.creator == creator for thing in known):
        raise model.exists(what, creator)
    if len(known) >= most:
        raise model.too_many(f"{what}s in a region", most)


def check_targets(rule: Rule, vpc: str, endpoints: Iterable[Endpoint]) -> None:
    """Refuse a rule for a VPC that forwards to an inbound endpoint of the same VPC."""
    inbound = {
        ip.address
        for endpoint in endpoints
        if endpoint.direction == "INBOUND" and endpoint.vpc == vpc
        for ip in endpoint.ips
    }
    if any(target.ip in inbound for target in rule.targets):
        raise model.refused(
            f"[RSLVR-00804] Cannot associate rule {rule.id} to VPC {vpc} because the VPC has an "
            "INBOUND resolver endpoint with the rule's target IP"
        )


def page(request: Request, things: Sequence[T], member: str, show: Callable[[T], Any]) -> Response:
    """A page of what a list has, with the token of the next."""
    token, size = request.get("NextToken"), request.get("MaxResults") or PAGE_MAX
    try:
        shown, following = page_at(things, token, size)
    except InvalidToken:
        message = f"'{token}' is not a token of this list"
        raise ServiceError("InvalidNextTokenException", message) from None
    response: Response = {member: [show(thing) for thing in shown]}
    return {**response, "NextToken": following} if following else response


def filtered(
    things: Iterable[T],
    wanted: Sequence[dict[str, Any]] | None,
    known: dict[str, Callable[[T], str]],
) -> list[T]:
    """What matches every filter, by any of its values; its name may be written either way."""
    found = list(things)
    for one in wanted or ():
        name = (one.get("Name") or "").replace("_", "").lower()
        if name not in known:
            raise model.invalid(f"'{one.get('Name')}' is not a filter of this list", "Filters")
        values = one.get("Values") or []
        found = [thing for thing in found if known[name](thing) in values]
    return found
