"""What is kept of firewalls, policies and rule groups, and how they are shown.

Policies and the rules of groups are kept as the documents that they were given as; what they mean
is compiled from them (`compiling.py`). Each thing has a token, another one after every change.
"""

import re
from typing import Any

import msgspec

from antipodes.service.contract import Response, ServiceError

FIREWALLS_MAX = 5  # of an account in a region, by AWS's default quotas
POLICIES_MAX = 20
GROUPS_MAX = 50  # of a type
CAPACITY_MAX = 30_000
GROUPS_OF_POLICY_MAX = 20  # of a type
TAGS_MAX = 200
STATELESS, STATEFUL = "STATELESS", "STATEFUL"
FIREWALL, POLICY = "firewall", "firewall-policy"
GROUPS = {STATELESS: "stateless-rulegroup", STATEFUL: "stateful-rulegroup"}
_ARN = re.compile(r"arn:aws:network-firewall:([a-z0-9-]+):(\d{12}):([a-z-]+)/([a-zA-Z0-9-]+)")

Document = dict[str, Any]


class Endpoint(msgspec.Struct, frozen=True):
    """Where a firewall has an endpoint."""

    subnet: str
    zone: str  # its name
    endpoint: str


class Firewall(msgspec.Struct, frozen=True):
    """A firewall; `home` are the prefixes of its network when it was made."""

    account: str
    region: str
    name: str
    id: str
    token: str
    policy: str  # its ARN
    vpc: str
    home: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    description: str = ""
    stays: bool = False  # DeleteProtection
    keeps_subnets: bool = False  # SubnetChangeProtection
    keeps_policy: bool = False  # FirewallPolicyChangeProtection
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The ARN."""
        return _arn(self.region, self.account, FIREWALL, self.name)


class Policy(msgspec.Struct, frozen=True):
    """A policy."""

    account: str
    region: str
    name: str
    id: str
    token: str
    document: Document
    description: str = ""
    changed_at: float = 0.0
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The ARN."""
        return _arn(self.region, self.account, POLICY, self.name)


class RuleGroup(msgspec.Struct, frozen=True):
    """A rule group; `consumed` is what its rules take of its capacity."""

    account: str
    region: str
    name: str
    id: str
    token: str
    type: str
    capacity: int
    consumed: int
    document: Document
    description: str = ""
    changed_at: float = 0.0
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The ARN."""
        return _arn(self.region, self.account, GROUPS[self.type], self.name)


Record = Firewall | Policy | RuleGroup


def _arn(region: str, account: str, kind: str, name: str) -> str:
    return f"arn:aws:network-firewall:{region}:{account}:{kind}/{name}"


def parse_arn(arn: str) -> tuple[str, str, str, str] | None:
    """Region, account, kind and name of an ARN of this service, or None."""
    found = _ARN.fullmatch(arn)
    return (found[1], found[2], found[3], found[4]) if found is not None else None


def invalid(message: str) -> ServiceError:
    """What AWS answers to most mistakes."""
    return ServiceError("InvalidRequestException", message)


def not_offered(what: str) -> ServiceError:
    """What is answered to what AWS has and is not here."""
    return ServiceError("InvalidRequestException", f"{what} is not offered here")


def refused(message: str) -> ServiceError:
    """What is answered to what cannot be done as things are."""
    return ServiceError("InvalidOperationException", message)


def not_found(noun: str) -> ServiceError:
    """What is answered where there is no such thing."""
    return ServiceError("ResourceNotFoundException", f"The specified {noun} does not exist")


def limited(message: str) -> ServiceError:
    """What is answered where there would be too many."""
    return ServiceError("LimitExceededException", message)


def check_token(of: Record, given: str | None, *, needed: bool = False) -> None:
    """Refuse a change by somebody who has not seen the last one."""
    if (given is not None or needed) and given != of.token:
        raise ServiceError(
            "InvalidTokenException", f"The update token is not the latest of {of.arn}"
        )


def tags_given(present: dict[str, str], added: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags with more of them."""
    keys = [one["Key"] for one in added or []]
    if len({*keys}) != len(keys):
        raise invalid("A tag key was specified more than once")
    if any(key.lower().startswith("aws:") for key in keys):
        raise invalid("Tag keys that begin with aws: are reserved")
    tags = {**present, **{one["Key"]: one["Value"] for one in added or []}}
    if len(tags) > TAGS_MAX:
        raise invalid(f"A resource has at most {TAGS_MAX} tags")
    return tags


def shown_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags in the shape of the API."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _common(of: Record) -> Response:
    """What is left out of an answer where there is none of it."""
    found: Response = {}
    if of.description:
        found["Description"] = of.description
    if of.tags:
        found["Tags"] = shown_tags(of.tags)
    return found


def show_firewall(of: Firewall) -> Response:
    """Show a firewall."""
    return {
        "FirewallName": of.name,
        "FirewallArn": of.arn,
        "FirewallId": of.id,
        "FirewallPolicyArn": of.policy,
        "VpcId": of.vpc,
        "SubnetMappings": show_subnets(of),
        "DeleteProtection": of.stays,
        "SubnetChangeProtection": of.keeps_subnets,
        "FirewallPolicyChangeProtection": of.keeps_policy,
        "EncryptionConfiguration": {"Type": "AWS_OWNED_KMS_KEY"},
        "NumberOfAssociations": 0,
        **_common(of),
    }


def show_subnets(of: Firewall) -> list[Response]:
    """Show where a firewall has endpoints."""
    return [{"SubnetId": one.subnet, "IPAddressType": "IPV4"} for one in of.endpoints]


def show_policy(of: Policy, capacities: dict[str, int], users: int) -> Response:
    """Show a policy, without its document; `capacities` are those of its groups, by type."""
    return {
        "FirewallPolicyName": of.name,
        "FirewallPolicyArn": of.arn,
        "FirewallPolicyId": of.id,
        "FirewallPolicyStatus": "ACTIVE",
        "ConsumedStatelessRuleCapacity": capacities[STATELESS],
        "ConsumedStatefulRuleCapacity": capacities[STATEFUL],
        "NumberOfAssociations": users,
        "EncryptionConfiguration": {"Type": "AWS_OWNED_KMS_KEY"},
        "LastModifiedTime": of.changed_at,
        **_common(of),
    }


def show_group(of: RuleGroup, users: int) -> Response:
    """Show a rule group, without its rules."""
    return {
        "RuleGroupArn": of.arn,
        "RuleGroupName": of.name,
        "RuleGroupId": of.id,
        "Type": of.type,
        "Capacity": of.capacity,
        "ConsumedCapacity": of.consumed,
        "RuleGroupStatus": "ACTIVE",
        "NumberOfAssociations": users,
        "EncryptionConfiguration": {"Type": "AWS_OWNED_KMS_KEY"},
        "LastModifiedTime": of.changed_at,
        **_common(of),
    }
