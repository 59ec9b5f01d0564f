"""Peering connections as the API shows them."""

from antipodes.regional.ec2 import peering, tags
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.modelpeers import PeeredNetwork, Peering

_OPTIONS = {
    "AllowDnsResolutionFromRemoteVpc": False,
    "AllowEgressFromLocalClassicLinkToRemoteVpc": False,
    "AllowEgressFromLocalVpcToRemoteClassicLink": False,
}
_FAILED = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"


def connection(estate: Estate, account: str, of: Peering, code: str) -> Thing:
    """A connection, as an account has it."""
    found: Thing = {
        "VpcPeeringConnectionId": of.id,
        "RequesterVpcInfo": _side(of.requester),
        "AccepterVpcInfo": _side(of.accepter),
        "Status": {"Code": code, "Message": _message(of, code)},
        "Tags": tags.shown(estate.tags(account, of.id)),
    }
    if code in peering.REQUESTED:
        found["ExpirationTime"] = of.expires
    return found


def _side(of: PeeredNetwork) -> Thing:
    found: Thing = {"OwnerId": of.account, "VpcId": of.vpc, "Region": of.region}
    prefixes = [one for one in of.prefixes if ":" not in one]
    if prefixes:
        found["CidrBlock"] = prefixes[0]
        found["CidrBlockSet"] = [{"CidrBlock": one} for one in prefixes]
        found["PeeringOptions"] = options(of)
    prefixes6 = [one for one in of.prefixes if ":" in one]
    if prefixes6:
        found["Ipv6CidrBlockSet"] = [{"Ipv6CidrBlock": one} for one in prefixes6]
    return found


def options(of: PeeredNetwork) -> Thing:
    """The options of one side."""
    return _OPTIONS | {"AllowDnsResolutionFromRemoteVpc": of.resolves}


def _message(of: Peering, code: str) -> str:
    by = getattr(of, of.standing.by).account
    return {
        peering.INITIATING: f"Initiating Request to {of.accepter.account}",
        peering.PENDING: f"Pending Acceptance by {of.accepter.account}",
        peering.FAILED: _FAILED,
        peering.REJECTED: f"Rejected by {by}",
        peering.DELETED: f"Deleted by {by}",
    }.get(code) or code.capitalize()
