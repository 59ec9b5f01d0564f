"""Scopes, analyses of them and what these found, as AWS shows them.

The first part of a finding shows its packets' headers, and each that changes them what of them it
changes. Sets of addresses are the fewest prefixes that make them up.

Source: Network Access Analyzer guide, "Getting started using the AWS CLI".
"""

from collections.abc import Iterator

import orjson

from antipodes.fabric.network import spaces
from antipodes.fabric.network import topology as told
from antipodes.fabric.network.accessing import Changes, Passed, Way
from antipodes.fabric.network.packets import text
from antipodes.fabric.network.spaces import PROTOCOL, Space, with_values
from antipodes.regional.ec2 import insights, kinds, tags
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.modelinsights import AccessAnalysis, AccessFinding, AccessScope

_INTERFACE = "interface"
_HEADER = (
    "SourceAddresses",
    "DestinationAddresses",
    "Protocol",
    "SourcePortRanges",
    "DestinationPortRanges",
)
_ADDRESSES = _HEADER[:2]
_UNCHANGED: Changes = (None,) * 5


def arn(estate: Estate, account: str, name: str) -> str:
    """The ARN of something of EC2's."""
    return f"arn:aws:ec2:{estate.host.place}:{account}:{kinds.resource_of(name)}/{name}"


def _is_known(name: str) -> bool:
    return any(name.rpartition("-")[0] == kind.prefix for kind in kinds.KINDS)


def scope(estate: Estate, of: AccessScope) -> Thing:
    """A scope, without its content; Amazon's are called by a tag that nobody has given them."""
    own = {"Name": of.amazons} if of.amazons else {}
    return {
        "NetworkInsightsAccessScopeId": of.id,
        "NetworkInsightsAccessScopeArn": arn(estate, of.account, of.id),
        "CreatedDate": of.made_at,
        "UpdatedDate": of.made_at,
        "Tags": tags.shown(own | estate.tags(of.account, of.id)),
    }


def content(of: AccessScope) -> Thing:
    """What a scope asks for."""
    return {"NetworkInsightsAccessScopeId": of.id, **orjson.loads(of.content)}


def analysis(estate: Estate, of: AccessAnalysis) -> Thing:
    """An analysis, without what it found."""
    found = "true" if of.findings else "false"
    shown: Thing = {
        "NetworkInsightsAccessScopeAnalysisId": of.id,
        "NetworkInsightsAccessScopeAnalysisArn": arn(estate, of.account, of.id),
        "NetworkInsightsAccessScopeId": of.scope,
        "Status": "failed" if of.failure else "succeeded",
        "StartDate": of.started_at,
        "EndDate": of.started_at,
        "FindingsFound": "unknown" if of.failure else found,
        "AnalyzedEniCount": of.interfaces,
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }
    for member, value in (("StatusMessage", of.failure), ("WarningMessage", of.warning)):
        if value:
            shown[member] = value
    return shown


def finding(of: AccessAnalysis, number: int, one: AccessFinding) -> Thing:
    """What an analysis found, by its number."""
    return {
        "NetworkInsightsAccessScopeAnalysisId": of.id,
        "NetworkInsightsAccessScopeId": of.scope,
        "FindingId": f"AccessScopeAnalysisFinding-{number}",
        "FindingComponents": orjson.loads(one.components),
    }


# The components of a finding.


class Shown:
    """Ways through the networks of an account, as components."""

    def __init__(self, estate: Estate, account: str, topology: told.Topology) -> None:
        self._estate = estate
        self._account = account
        self._topology = topology

    def findings(self, way: Way) -> Iterator[list[Thing]]:
        """A way as findings: one for each protocol, and more where no one header says it all."""
        for packets in way.packets:
            for low, high in packets[PROTOCOL]:
                for protocol in range(low, high + 1):
                    yield self._components(
                        way, with_values(packets, PROTOCOL, ((protocol, protocol),))
                    )

    def _components(self, way: Way, packets: Space) -> list[Thing]:
        found: list[Thing] = []
        for number, passed in enumerate(way.passed):
            before = way.passed[number - 1] if number else None
            parts = self._parts(passed, before, ends=number == len(way.passed) - 1)
            if not number:
                handed_in = passed.hop.kind == "gateway"
                parts[0]["InboundHeader" if handed_in else "OutboundHeader"] = header(packets)
            changed = tuple(
                left if left != came else None
                for came, left in zip(passed.came, passed.left, strict=True)
            )
            found += parts
            if changed != _UNCHANGED:
                (parts or found[-1:])[0]["OutboundHeader"] = _changed(changed)
        for number, one in enumerate(found, 1):
            one["SequenceNumber"] = number
        return found

    def _parts(self, passed: Passed, before: Passed | None, *, ends: bool) -> list[Thing]:
        """What is shown of one thing on the way: an interface with its group, a service once."""
        hop, topology = passed.hop, self._topology
        if hop.kind != _INTERFACE:
            if before is not None and before.hop == hop:
                return []
            own = self._component(hop.id) | insights.rule_shown(topology, hop, passed.rule)
            attachment = topology.attachments.get(hop.id)
            if attachment is not None:
                own["TransitGateway"] = self._named(attachment.hub)
            return [own]
        interface = topology.interfaces[hop.id]
        subnet = topology.subnets[interface.subnet]
        own = self._component(hop.id)
        own |= {"Subnet": self._named(subnet.id), "Vpc": self._named(subnet.network)}
        groups = insights.group_rule(topology, passed.rule)
        for one in groups:
            one["Component"] = self._named(one["Component"]["Id"])
        if ends:
            return [*groups, own]
        leaves = before is None or before.hop == hop
        return [own, *groups] if leaves else groups

    def _component(self, name: str) -> Thing:
        return {"Component": self._named(name)}

    def _named(self, name: str) -> Thing:
        """Something by its id, its ARN, and its name if it has one."""
        if name.startswith("arn:"):
            return {"Id": name.rpartition("/")[2], "Arn": name}
        if name.startswith("net/"):
            own = f"{self._estate.host.place}:{self._account}"
            return {"Id": name, "Arn": f"arn:aws:elasticloadbalancing:{own}:loadbalancer/{name}"}
        found = insights.id_shown(name)
        shown = {"Id": found}
        if _is_known(found):
            shown["Arn"] = arn(self._estate, self._account, found)
        called = self._topology.names.get(found)
        return shown | ({"Name": called} if called else {})


def header(packets: Space) -> Thing:
    """The header of packets of one protocol."""
    shown: Thing = {}
    for member, ranges in zip(_HEADER, packets, strict=True):
        if member == "Protocol":
            shown[member] = str(ranges[0][0])
        else:
            shown[member] = cover(ranges) if member in _ADDRESSES else _ports(ranges)
    return shown


def _changed(values: Changes) -> Thing:
    """What of a header was changed, and to what."""
    shown: Thing = {}
    for member, value in zip(_HEADER, values, strict=True):
        if value is not None:
            ranges = ((value, value),)
            shown[member] = cover(ranges) if member in _ADDRESSES else _ports(ranges)
    return shown


def cover(ranges: spaces.Values) -> list[str]:
    """The fewest prefixes that make up some ranges of addresses, in the order of their texts."""
    return sorted(
        f"{text(4, address)}/{length}"
        for low, high in ranges
        for address, length in spaces.prefixes(4, low, high)
    )


def _ports(ranges: spaces.Values) -> list[Thing]:
    return [insights.ports_shown(one) for one in ranges]
