"""Prefix lists: what a customer's may be, and those of Amazon's services, which each region has.

A list has versions; whoever refers to it goes by the latest, even when it is shared no more, and
counts it as many entries as it may ever have. The services' lists stand for the addresses that S3
and DynamoDB have in the region: out of the two blocks in which Amazon keeps them, a part by the
region's position in the atlas.

Source: Amazon VPC User Guide, "Managed prefix lists", "AWS-managed prefix lists", quotas; the
numbers of entries in one request from what the API answers.
"""

import hashlib
from collections.abc import Iterable, Sequence
from ipaddress import AddressValueError, IPv4Network, IPv6Network, NetmaskValueError
from typing import Any, NamedTuple

from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import PrefixEntry, PrefixList, PrefixVersion
from antipodes.service.contract import ServiceError
from antipodes.world.atlas import Atlas

LISTS_MAX = 100  # of an account in a region, by AWS's default quota
ENTRIES_MAX = 1000  # of a list, likewise
VERSIONS_MAX = 1000  # of a list that are kept
ENTRIES_AT_ONCE_MAX = 100  # added or removed by one request
NAME_LENGTH_MAX = 255
DESCRIPTION_LENGTH_MAX = 255
FAMILIES = {"IPv4": 4, "IPv6": 6}
_SERVICES = (("dynamodb", "52.94.0.0/16", 23), ("s3", "52.92.0.0/16", 22))


class ServiceList(NamedTuple):
    """The prefix list of a service in a region."""

    id: str
    name: str
    prefixes: tuple[str, ...]


def of_services(estate: Estate) -> list[ServiceList]:
    """The lists that every account finds in a region, by id."""
    return in_region(estate.host.place, estate.host.world.atlas)


def in_region(region: str, atlas: Atlas) -> list[ServiceList]:
    """The lists of services of a region, by id."""
    number = [one.code for one in atlas.regions].index(region)
    found = []
    for service, block, length in _SERVICES:
        name = f"com.amazonaws.{region}.{service}"
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        start, size = IPv4Network(block)[0], 1 << (32 - length)
        prefix = IPv4Network((int(start) + number * size, length))
        found.append(ServiceList(f"pl-{digest}", name, (str(prefix),)))
    return sorted(found)


def find(estate: Estate, account: str, name: str) -> PrefixList | ServiceList:
    """A list that a customer may use, or a service's; raises InvalidPrefixListID.NotFound."""
    for one in of_services(estate):
        if one.id == name:
            return one
    return estate.lists.usable(account, name)


def prefixes_of(estate: Estate, account: str, name: str) -> tuple[str, ...]:
    """What a list stands for now; nothing where it is gone."""
    for one in of_services(estate):
        if one.id == name:
            return one.prefixes
    known = estate.lists.anywhere(account, name)
    return () if known is None else tuple(one.prefix for one in entries(estate, known))


def owner(estate: Estate, account: str, name: str) -> str:
    """Whose a list is that an account refers to; Amazon's, if nobody's."""
    known = estate.lists.anywhere(account, name)
    return "AWS" if known is None else known.account


def weight(estate: Estate, account: str, name: str) -> int:
    """How many rules or routes one that names a list counts as."""
    known = estate.lists.anywhere(account, name)
    return 1 if known is None else known.entries_max


def is_six(estate: Estate, account: str, destination: str) -> bool:
    """Whether a prefix, or what a list stands for, is of IPv6."""
    if not destination.startswith("pl-"):
        return ":" in destination
    known = estate.lists.anywhere(account, destination)
    return known is not None and known.family == "IPv6"


def parsed(text: str, parameter: str, version: int) -> IPv4Network | IPv6Network:
    """A prefix of a family, without host bits; refuse what is none."""
    kind = IPv4Network if version == FAMILIES["IPv4"] else IPv6Network
    try:
        network = kind(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        network = None
    if network is None or "/" not in text:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({text}) for parameter {parameter} is invalid. This is not a valid CIDR block.",
        )
    return network


def entries(
    estate: Estate, known: PrefixList, version: int | None = None
) -> tuple[PrefixEntry, ...]:
    """The entries of a version of a list, by prefix; without one, of the latest."""
    wanted = known.version if version is None else version
    found = estate.list_versions.get(known.account, _key(known.id, wanted))
    if found is None:
        raise ServiceError(
            "InvalidParameterValue", f"The prefix list '{known.id}' has no version {wanted}"
        )
    return found.entries


def keep(estate: Estate, known: PrefixList, found: Iterable[PrefixEntry]) -> None:
    """Keep a list, and the entries of its version; the oldest go when there are too many."""
    ordered = tuple(sorted(found, key=lambda one: _order(one.prefix)))
    estate.lists.put(known.account, known.id, known)
    key = _key(known.id, known.version)
    estate.list_versions.put(known.account, key, PrefixVersion(ordered))


def forget(estate: Estate, known: PrefixList, versions: Iterable[int]) -> None:
    """Forget versions of a list."""
    for version in versions:
        estate.list_versions.delete(known.account, _key(known.id, version))


def _key(name: str, version: int) -> str:
    return f"{name}/{version:08}"


def _order(prefix: str) -> tuple[int, int]:
    network = IPv6Network(prefix) if ":" in prefix else IPv4Network(prefix)
    return int(network.network_address), network.prefixlen


def added(family: str, given: Sequence[Any]) -> list[PrefixEntry]:
    """Entries that a request adds; refuse those that cannot be, or are there twice."""
    _check_at_once(given)
    found: dict[str, PrefixEntry] = {}
    for one in given:
        prefix = str(parsed(one.get("Cidr") or "", "Cidr", FAMILIES[family]))
        description = one.get("Description") or ""
        if prefix in found or len(description) > DESCRIPTION_LENGTH_MAX:
            raise ServiceError("InvalidParameterValue", f"The entry '{prefix}' is invalid.")
        found[prefix] = PrefixEntry(prefix, description)
    return list(found.values())


def changed(
    known: PrefixList, had: Iterable[PrefixEntry], add: Sequence[Any], remove: Sequence[Any]
) -> list[PrefixEntry]:
    """The entries of a list after some were removed and others added."""
    _check_at_once(remove)
    further, kept = added(known.family, add), {one.prefix: one for one in had}
    for one in remove:
        prefix = str(parsed(one.get("Cidr") or "", "Cidr", FAMILIES[known.family]))
        if any(entry.prefix == prefix for entry in further):
            raise ServiceError(
                "InvalidParameterValue", f"The entry '{prefix}' is both added and removed."
            )
        if kept.pop(prefix, None) is None:
            raise ServiceError(
                "InvalidPrefixListModification", f"The CIDR '{prefix}' does not exist."
            )
    for entry in further:
        if entry.prefix in kept:
            raise ServiceError(
                "InvalidPrefixListModification", f"The CIDR '{entry.prefix}' already exists."
            )
        kept[entry.prefix] = entry
    return list(kept.values())


def _check_at_once(given: Sequence[Any]) -> None:
    if len(given) > ENTRIES_AT_ONCE_MAX:
        raise ServiceError(
            "InvalidParameterValue",
            f"A request adds or removes at most {ENTRIES_AT_ONCE_MAX} entries.",
        )


def check_name(name: str) -> None:
    """Refuse a name that a list cannot have."""
    if not name or len(name) > NAME_LENGTH_MAX or name.lower().startswith("com.amazonaws"):
        raise ServiceError("InvalidParameterValue", f"The prefix list name '{name}' is invalid.")


def check_size(entries_max: int, number: int) -> None:
    """Refuse more entries than a list may have, or a limit that is none."""
    if not 1 <= entries_max <= ENTRIES_MAX:
        raise ServiceError(
            "InvalidParameterValue", f"A prefix list has at most 1 to {ENTRIES_MAX} entries."
        )
    if number > entries_max:
        raise ServiceError(
            "PrefixListMaxEntriesExceeded",
            f"The prefix list has at most {entries_max} entries; these are {number}.",
        )


def referring(estate: Estate, name: str) -> list[tuple[str, str]]:
    """The ids of what refers to a list, with the accounts that have it."""
    return [
        (one, account)
        for account in estate.accounts()
        for one in _references(estate, account, name)
    ]


def _references(estate: Estate, account: str, name: str) -> list[str]:
    tables = [
        table.id
        for table in estate.tables.list(account)
        if any(route.destination == name for route in table.routes)
    ]
    groups = [
        group.id
        for group in estate.groups.list(account)
        if any(rule.list == name for rule in group.rules)
    ]
    hub_tables = [
        table.id
        for table in estate.hub_tables.list(account)
        if any(one.list == name for one in table.lists)
    ]
    return [*tables, *groups, *hub_tables]
