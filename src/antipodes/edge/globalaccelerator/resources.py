"""What an endpoint's id stands for: its own region is asked, over the world, as a customer would.

A region that does not answer cannot say whether its resources exist, so nothing of it can be added
while it is lost. What has been added is not asked for again.

Instances are places without machines, where nobody could answer: an id of one is not found.
"""

import re
from typing import Any, NamedTuple
from urllib.parse import urlencode

from antipodes.edge.globalaccelerator.errors import broken, denied, invalid
from antipodes.runtime.contract import Accepted, Address, Gone, TimedOut
from antipodes.service import accounts, signatures
from antipodes.service.contract import Host
from antipodes.service.http import HttpClient, HttpRequest
from antipodes.wire import models, xmlbody

ASK_S_MAX = 10.0
OK, SERVER_ERROR = 200, 500
BALANCER, NETWORK, ELASTIC_IP, INSTANCE = "application", "network", "elastic-ip", "instance"

_BALANCER = re.compile(
    r"arn:aws:elasticloadbalancing:([a-z0-9-]+):(\d{12}):"
    r"loadbalancer/((?:app|net)/[A-Za-z0-9-]+/[0-9a-f]+)"
)
_EC2 = re.compile(
    r"(?:arn:aws:ec2:([a-z0-9-]+):(\d{12}):(?:elastic-ip|instance|subnet)/)?"
    r"((?:eipalloc|i|subnet)-[0-9a-f]+)"
)
_NOBODY = Accepted("", "", Address("", ""), "")
_KINDS = {"eipalloc": ELASTIC_IP, "i": INSTANCE, "subnet": "subnet"}


class Named(NamedTuple):
    """What an endpoint's id says of itself; region and account are empty where it does not."""

    kind: str
    region: str
    account: str
    resource: str


class Resource(NamedTuple):
    """Something that exists; `door` is what its doors are called, or a subnet's network."""

    door: str
    kind: str
    is_internal: bool = False
    has_security_groups: bool = False
    place: str = ""  # of a subnet: its zone


def named(endpoint_id: str) -> Named:
    """Read an endpoint's id; raises InvalidArgumentException."""
    found = _BALANCER.fullmatch(endpoint_id)
    if found is not None:
        kind = NETWORK if found.group(3).startswith("net/") else BALANCER
        return Named(kind, found.group(1), found.group(2), found.group(3))
    found = _EC2.fullmatch(endpoint_id)
    if found is None:
        raise invalid(f"EndpointId {endpoint_id} is not the id of a resource that can be used")
    resource = found.group(3)
    kind = _KINDS[resource.partition("-")[0]]
    return Named(kind, found.group(1) or "", found.group(2) or "", resource)


class Resources:
    """Asks the regions."""

    def __init__(self, host: Host) -> None:
        self._runtime = host.runtime
        self._regions = host.world.regions
        self._client = HttpClient(host.runtime)

    async def find(self, account: str, region: str, of: Named) -> Resource:
        """Return what stands behind an id; raises InvalidArgumentException where nothing does."""
        if region not in self._regions or of.kind == INSTANCE:
            raise invalid(f"Endpoint {of.resource} was not found in {region}")
        if of.kind in {BALANCER, NETWORK}:
            return await self._balancer(account, region, of)
        if of.kind == ELASTIC_IP:
            found = await self._ask(account, region, "ec2", "DescribeAddresses", of.resource)
            return Resource(_text(found, "publicIp"), ELASTIC_IP)
        found = await self._ask(account, region, "ec2", "DescribeSubnets", of.resource)
        place = f"{region}/{_text(found, 'availabilityZoneId')}"
        return Resource(_text(found, "cidrBlock"), of.kind, place=place)

    async def _balancer(self, account: str, region: str, of: Named) -> Resource:
        arn = f"arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/{of.resource}"
        found = await self._ask(account, region, "elbv2", "DescribeLoadBalancers", arn)
        if not _text(found, "Code").startswith("active"):
            raise invalid(f"Endpoint {arn} is not active")
        groups = _nodes(found, "SecurityGroups")
        return Resource(
            f"elb/{of.resource}",
            of.kind,
            is_internal=_text(found, "Scheme") == "internal",
            has_security_groups=any(node.children for node in groups),
        )

    async def _ask(
        self, account: str, region: str, service: str, operation: str, name: str
    ) -> xmlbody.Element:
        """Describe one thing that must be there."""
        member = {
            "DescribeLoadBalancers": "LoadBalancerArns.member.1",
            "DescribeAddresses": "AllocationId.1",
            "DescribeSubnets": "SubnetId.1",
        }[operation]
        version: str = models.metadata(service)["apiVersion"]
        body = urlencode({"Action": operation, "Version": version, member: name}).encode()
        try:
            async with self._runtime.timeout(self._runtime.deadline(ASK_S_MAX)):
                answer = await self._client.request(
                    Address(region, "api"),
                    "POST",
                    "/",
                    headers=self._signed(account, region, service, body),
                    body=body,
                    keep_alive=False,
                )
        except (Gone, TimedOut):
            raise broken(f"{region} does not answer, so {name} cannot be looked up") from None
        if answer.status >= SERVER_ERROR:
            raise broken(f"{region} cannot look up {name} now")
        if answer.status == OK:
            return xmlbody.parse(answer.body)
        if "AccessDenied" in _text(xmlbody.parse(answer.body), "Code"):
            raise denied(f"Not authorized to look up {name} in {region}")
        raise invalid(f"Endpoint {name} was not found in {region}")

    def _signed(self, account: str, region: str, service: str, body: bytes) -> dict[str, str]:
        """The headers of a request that the account signs."""
        headers = {
            "host": f"{service}.{region}.amazonaws.com",
            "content-type": "application/x-www-form-urlencoded",
        }
        request = HttpRequest("POST", "/", headers, body, _NOBODY)
        key = account, accounts.secret_of(account)
        name = models.signing_name(service)
        return signatures.authorize(request, region, name, key, self._runtime.wall())


def _nodes(of: xmlbody.Element, name: str) -> list[xmlbody.Element]:
    """Every node of that name, wherever it is."""
    found: list[Any] = [child for child in of.children if child.name == name]
    for child in of.children:
        found += _nodes(child, name)
    return found


def _text(of: xmlbody.Element, name: str) -> str:
    """The text of the first node of that name."""
    found = _nodes(of, name)
    return found[0].text.strip() if found else ""
