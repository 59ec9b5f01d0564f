"""The services of Amazon's that VPC endpoints lead to: what exists here, and what examples need.

Nothing answers behind endpoints of S3, KMS, Secrets Manager and Storage Gateway: they are there for
networks to be drawn and walked. DynamoDB has no private names, and S3 none that are not asked for.

Sources: AWS PrivateLink Guide, "AWS services that integrate with AWS PrivateLink"; the API
reference's examples of DescribeVpcEndpointServices and CreateVpcEndpoint; DynamoDB Developer
Guide, "AWS PrivateLink for DynamoDB"; S3 User Guide, "AWS PrivateLink for Amazon S3".
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from antipodes.regional.ec2 import defaults
from antipodes.regional.ec2.filters import Thing
from antipodes.world.atlas import Zone

GATEWAY, INTERFACE, INSPECTED = "Gateway", "Interface", "GatewayLoadBalancer"
OF_CUSTOMERS = "vpce-svc-"  # how the ids of services begin that are not Amazon's
_CUSTOMERS = "com.amazonaws.vpce"
_LABEL_LENGTH = 8


class EndpointService(NamedTuple):
    """A service, by the short name in `com.amazonaws.REGION.NAME`, or a customer's, by its id."""

    name: str
    types: tuple[str, ...] = (INTERFACE,)
    labels: str = ""  # before the region in the names that it answers at, if not its short name
    is_private: bool = True  # whether its public name can be answered in a VPC
    is_wild: bool = False  # whether it is called by names below its own, as buckets are

    @property
    def prefers_private_names(self) -> bool:
        """Whether private names are on where a request does not say."""
        return self.is_private and GATEWAY not in self.types

    def full(self, region: str) -> str:
        """Its name."""
        if self.name.startswith(OF_CUSTOMERS):
            return f"{_CUSTOMERS}.{region}.{self.name}"
        return f"com.amazonaws.{region}.{self.name}"

    def public(self, region: str) -> str:
        """The public name that customers call."""
        return f"{self.labels or self.name}.{region}.amazonaws.com"

    def below(self, region: str) -> str:
        """The name that its endpoints' own names are below of."""
        return f"{self.labels or self.name}.{region}.vpce.amazonaws.com"


SERVICES = (
    EndpointService("acm"),
    EndpointService("dynamodb", (GATEWAY, INTERFACE), is_private=False),
    EndpointService("dynamodb-streams", labels="streams.dynamodb", is_private=False),
    EndpointService("ec2"),
    EndpointService("elasticloadbalancing"),
    EndpointService("fis"),
    EndpointService("kms"),
    EndpointService("lambda"),
    EndpointService("logs"),
    EndpointService("monitoring"),
    EndpointService("network-firewall"),
    EndpointService("ram"),
    EndpointService("resource-groups"),
    EndpointService("s3", (GATEWAY, INTERFACE), is_wild=True),
    EndpointService("secretsmanager"),
    EndpointService("servicediscovery"),
    EndpointService("storagegateway"),
    EndpointService("sts"),
)


def find(region: str, name: str) -> EndpointService | None:
    """A service, by its full name."""
    return next((one for one in SERVICES if one.full(region) == name), None)


def customers(region: str, name: str) -> str:
    """The id in the full name of a customer's service; nothing if it is none."""
    before, _, found = name.rpartition(".")
    is_one = before == f"{_CUSTOMERS}.{region}" and found.startswith(OF_CUSTOMERS)
    return found if is_one else ""


def named(short: str) -> EndpointService:
    """A service that is known to be one, by its short name or its id."""
    if short.startswith(OF_CUSTOMERS):
        return EndpointService(short, is_private=False)
    return next(one for one in SERVICES if one.name == short)


def names(service: EndpointService, endpoint: str, region: str, zones: Sequence[str]) -> list[str]:
    """The public names of an endpoint: its own, and one for each zone that it is in."""
    digest = hashlib.sha256(endpoint.encode()).digest()
    label = base64.b32encode(digest).decode().lower()[:_LABEL_LENGTH]
    star = "*." if service.is_wild else ""
    below = service.below(region)
    return [f"{star}{endpoint}-{label}{of}.{below}" for of in ("", *(f"-{zone}" for zone in zones))]


def private_names(service: EndpointService, region: str) -> list[str]:
    """The names that its private zone answers."""
    own = service.public(region)
    return [own, f"*.{own}"] if service.is_wild else [own]


def zone_id(*of: str) -> str:
    """The id of a hosted zone that nobody but Amazon sees."""
    digest = hashlib.sha256("/".join(of).encode()).digest()
    return f"Z{base64.b32encode(digest).decode()[:13]}"


def shown(service: EndpointService, kind: str, region: str, zones: Sequence[Zone]) -> Thing:
    """A service, as one type of endpoint leads to it."""
    name = service.full(region)
    found: Thing = {
        "ServiceName": name,
        "ServiceId": defaults.identifier("vpce-svc", name, kind),
        "ServiceType": [{"ServiceType": kind}],
        "ServiceRegion": region,
        "AvailabilityZones": [zone.name for zone in zones],
        "AvailabilityZoneIds": [zone.id for zone in zones],
        "Owner": "amazon",
        "BaseEndpointDnsNames": [
            service.public(region) if kind == GATEWAY else service.below(region)
        ],
        "VpcEndpointPolicySupported": True,
        "AcceptanceRequired": False,
        "ManagesVpcEndpoints": False,
        "SupportedIpAddressTypes": ["ipv4"],
        "Tags": [],
    }
    if kind == INTERFACE and service.is_private:
        private = private_names(service, region)
        found["PrivateDnsName"] = private[0]
        found["PrivateDnsNames"] = [{"PrivateDnsName": one} for one in private]
        found["PrivateDnsNameVerificationState"] = "verified"
    return found
