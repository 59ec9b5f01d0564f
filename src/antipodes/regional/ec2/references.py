"""Groups of other networks, as rules may name them: over a peering, or over a transit gateway.

A rule names a group that may be used in a VPC that its own may be used in, or one of a VPC of the
same region that an active peering joins with it; inbound rules also one behind a transit gateway
that supports it, where both attachments do. What joins them may go, and so may the group: then the
rule stays, stale, and matches nothing. What it names is worked out anew each time, so joining them
again heals it.

Source: VPC Peering Guide, "Update your security groups to reference peer security groups"; Transit
Gateway guide, "Security group referencing". Zones in which it is not offered are left out.
"""

from typing import NamedTuple

from antipodes.regional.ec2 import peering
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import GroupRule, SecurityGroup
from antipodes.regional.ec2.modelpeers import Peering

_VPC = "vpc"


class Way(NamedTuple):
    """What joins two networks: a peering or a transit gateway; or neither, in a VPC of both."""

    peering: str = ""
    hub: str = ""


def ways(estate: Estate, of: SecurityGroup, other: SecurityGroup, *, egress: bool) -> list[Way]:
    """All that lets rules of one direction in one group name another group, of another VPC."""
    both = {of.vpc, *of.others} & {other.vpc, *other.others}
    found = [Way()] if both else []
    found += [
        Way(peering=one.id)
        for one in peerings(estate, of.account, of.vpc, other.vpc)
        if one.standing.code == peering.ACTIVE
    ]
    if not egress:
        own = _hubs(estate, of.account, of.vpc)
        theirs = _hubs(estate, other.account, other.vpc)
        found += [Way(hub=one) for one in own if one in theirs]
    return found


def peerings(estate: Estate, account: str, vpc: str, other: str) -> list[Peering]:
    """The peerings of two VPCs of this region, ended ones too, as one's account has them."""
    region = estate.host.place
    return [
        one
        for one in estate.peerings.list(account)
        if {one.requester.vpc, one.accepter.vpc} == {vpc, other}
        and one.requester.region == one.accepter.region == region
    ]


def _hubs(estate: Estate, account: str, vpc: str) -> list[str]:
    """The transit gateways over which groups of a VPC may be named."""
    attached = [
        one.hub
        for one in estate.attachments.list(account)
        if (one.kind, one.of) == (_VPC, vpc) and one.references
    ]
    return [one.id for one in estate.hubs.all() if one.references and one.id in attached]


def is_stale(estate: Estate, of: SecurityGroup, rule: GroupRule) -> bool:
    """Whether a rule names a group that is gone, or that nothing joins with its own any more."""
    if not rule.group_vpc:
        return False
    other = estate.groups.find(rule.group_account, rule.group)
    return other is None or not ways(estate, of, other, egress=rule.egress)


def peered(estate: Estate, of: SecurityGroup, rule: GroupRule) -> Peering | None:
    """The peering by which a rule names a group: the active one, or the one that was last."""
    found = peerings(estate, of.account, of.vpc, rule.group_vpc)
    last = max(found, key=lambda one: (one.standing.since, one.id), default=None)
    return next((one for one in found if one.standing.code == peering.ACTIVE), last)
