"""Functions in customers' networks: their interfaces there, and what these let them call.

A function in a VPC has an interface in each of its subnets, for as long as it is configured so.
Where a world enforces its networks, what such a function asks of AWS's APIs goes from one of them
to the address that the network's resolver knows the API by. Where that is not reached, or no answer
would come back, nothing answers: the function's own client gives up, or its time is over. Which
interface it is, is drawn for each environment.

AWS shares interfaces among functions with the same subnets and groups, and makes and deletes them
in minutes; here each function has its own, at once. Source: AWS Lambda Developer Guide, "Giving
Lambda functions access to resources in an Amazon VPC".
"""

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Any

from antipodes.fabric.dns.names import to_wire
from antipodes.regional.lambda_.model import Network, check_network, invalid
from antipodes.service.contract import Host, Permitting, Request, ServiceError
from antipodes.service.drawing import uuid
from antipodes.service.endpointpolicies import EndpointPolicy
from antipodes.service.http import HttpRequest, HttpResponse
from antipodes.service.signatures import credential_text, parse_credential

MANAGER = "awslambda"  # as EC2 shows it of functions' interfaces
HTTPS_PORT = 443
START_S_MAX = 10.0  # of an environment
AGAIN_S = 1.0  # after which a connection's first packet is sent again, by RFC 6298
ELSEWHERE = "192.0.2.1"  # of a service of Amazon's that has no addresses of its own here (RFC 5737)
_A = 1
_NUMBERS = 1 << 16
_NO_ANSWER = HttpResponse(504, last=True)


class Networks:
    """The networks that a host's functions are in."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._chance = host.runtime.chance("lambda/interfaces")

    # Configuration.

    async def wanted(self, account: str, config: Request) -> Network | None:
        """Return where a configuration puts a function, if it can be there; None: in no VPC."""
        check_network(config)
        subnets = tuple(dict.fromkeys(config.get("SubnetIds") or ()))
        groups = tuple(dict.fromkeys(config.get("SecurityGroupIds") or ()))
        if not subnets:
            return None
        found = await self._described(account, "Subnet", subnets)
        if len({one["VpcId"] for one in found}) > 1:
            raise invalid("All subnets of a function must be in the same VPC.")
        vpc, owner = found[0]["VpcId"], found[0]["OwnerId"]
        of_groups = await self._described(account, "SecurityGroup", groups)
        if any(one["VpcId"] != vpc for one in of_groups):
            raise invalid("Security Groups are required to be in the same VPC as the subnets.")
        return Network(vpc, owner, subnets, groups)

    async def _described(self, account: str, kind: str, ids: Sequence[str]) -> list[Any]:
        member = "GroupIds" if kind == "SecurityGroup" else f"{kind}Ids"
        operation = f"Describe{kind}s"
        try:
            answer = await self._host.call("ec2", operation, {member: list(ids)}, account=account)
        except ServiceError as error:
            raise invalid(
                f"Error occurred while {operation}. EC2 Error Code: {error.code}. EC2 Error "
                f"Message: {error.message}"
            ) from None
        found: list[Any] = answer[f"{kind}s"]
        return found

    # Interfaces.

    @property
    def _ec2(self) -> Any:
        return self._host.service("ec2")

    def move(self, account: str, arn: str, to: Network | None) -> None:
        """Give a function its interfaces in a network, if any, in place of those that it has.

        Raises Lambda's error, with nothing changed, where it cannot have them.
        """
        lent, before = self._ec2.lent, list(self._ec2.lent.of(account, arn))
        made: list[str] = []
        name = arn.rpartition(":")[2]
        for subnet in to.subnets if to is not None else ():
            number = uuid(self._host.runtime.chance("lambda/interfaces"))
            try:
                found, _ = lent.lend(
                    account,
                    subnet,
                    kind="lambda",
                    description=f"AWS Lambda VPC ENI-{name}-{number}",
                    manager=MANAGER,
                    of=arn,
                    groups=to.groups if to is not None else (),
                )
            except ServiceError as error:
                lent.take_back(account, made)
                raise invalid(
                    f"Lambda was not able to create an ENI in the subnet {subnet}. EC2 Error Code: "
                    f"{error.code}. EC2 Error Message: {error.message}"
                ) from None
            made.append(found)
        lent.take_back(account, before)

    # Calls.

    def outlet(self, account: str, arn: str, network: Network, timeout_s: int) -> "Outlet | None":
        """The way out of an environment of a function; None where nothing is held back."""
        if not self._host.settings.network_enforce:
            return None
        return Outlet(
            self._host, account, arn, network, timeout_s, self._chance.randrange(_NUMBERS)
        )


class Outlet:
    """What one environment of a function calls of AWS's APIs, as far as its network lets it."""

    def __init__(  # noqa: PLR0913, PLR0917 - whose environment it is, and where it stands
        self, host: Host, account: str, arn: str, network: Network, timeout_s: int, number: int
    ) -> None:
        self.api_url = host.api_url
        self._host = host
        self._account = account
        self._arn = arn
        self._network = network
        self._patience_s = START_S_MAX + timeout_s  # then whoever asked is no more
        self._number = number

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer as the region does, unless the request or its answer gets lost on the way."""
        region, service = self._host.place, ""
        with suppress(ServiceError):  # what is not signed is for whoever answers to refuse
            scope = parse_credential(credential_text(request.headers, request.target))
            region, service = scope.region, scope.service
        way = await self._way(region, service)
        ec2: Any = self._host.service("ec2")
        if ec2.guard.from_interface(*way):
            await self._host.runtime.sleep(AGAIN_S)
            way = await self._way(region, service)
            if ec2.guard.from_interface(*way):
                self._host.runtime.journal.sometimes("lambda.network.silent")
                await self._host.runtime.sleep(self._patience_s)
                return _NO_ANSWER
        there, back = ec2.guard.way(*way)
        await self._host.runtime.sleep(ec2.guard.takes_s(there, len(request.body)))
        response = await self._served(request, ec2.guard.endpoint(*way))
        await self._host.runtime.sleep(ec2.guard.takes_s(back, len(response.body)))
        return response

    async def _served(self, request: HttpRequest, endpoint: Any) -> HttpResponse:
        """What the API answers, as far as the policy of an endpoint on the way allows it."""
        if endpoint is None or not endpoint.policy or not isinstance(self._host, Permitting):
            return await self._host.serve_http(request)
        permit = EndpointPolicy(endpoint.policy, endpoint.vpc, endpoint.id)
        return await self._host.serve_permitted(request, permit)

    async def _way(self, region: str, service: str) -> tuple[str, str, str, int]:
        """From which interface and address to which address and port the API is called now."""
        target = await self._address(f"{service or 'api'}.{region}.amazonaws.com")
        ec2: Any = self._host.service("ec2")
        interfaces = sorted(ec2.lent.of(self._account, self._arn).items())
        interface, source = interfaces[self._number % len(interfaces)] if interfaces else ("", "")
        return interface, source, target, HTTPS_PORT

    async def _address(self, name: str) -> str:
        """What a name means in the network, or in public where the network's resolver is silent."""
        resolver: Any = self._host.service("route53resolver")
        own = resolver.resolvers.of(self._network.owner, self._network.vpc)
        known = await own.look_up(to_wire(name), _A)
        found = next((one.rdata for one in known.records if one.rtype == _A), None)
        if found is not None:
            return str(IPv4Address(found))
        ec2: Any = self._host.service("ec2")
        return next(iter(ec2.names.public(name) or ()), ELSEWHERE)
