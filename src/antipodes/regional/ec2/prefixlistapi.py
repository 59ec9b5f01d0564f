"""EC2's operations on prefix lists."""

from collections.abc import Iterable, Sequence

import msgspec

from antipodes.regional.ec2 import (
    endpoints,
    groups,
    hubs,
    kinds,
    prefixlists,
    routefilters,
    routes,
    rules,
    shown,
    tags,
)
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered, page
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.model import PrefixEntry, PrefixList
from antipodes.regional.ec2.prefixlists import ServiceList
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.service.contract import Call, Request, Response, ServiceError

_AMAZON = "AWS"


@operations("CreateManagedPrefixList")
def create_managed_prefix_list(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    name, family = request["PrefixListName"], request["AddressFamily"]
    prefixlists.check_name(name)
    if family not in prefixlists.FAMILIES:
        raise ServiceError("InvalidParameterValue", f"Invalid address family '{family}'.")
    found = prefixlists.added(family, request.get("Entries") or [])
    prefixlists.check_size(request["MaxEntries"], len(found))
    given = tags.tags_given(request.get("TagSpecifications") or [], kinds.PREFIX_LIST.resource)
    token = token_of(request)
    for one in repeated(estate.lists.list(account), token):
        return {"PrefixList": _shown(estate, one)}
    if estate.lists.count(account) >= prefixlists.LISTS_MAX:
        raise ServiceError(
            "ResourceLimitExceeded", "The maximum number of prefix lists has been reached."
        )
    check_dry_run(request)
    made = PrefixList(
        *(estate.lists.new_id(), account, name, family, request["MaxEntries"]), token=token
    )
    prefixlists.keep(estate, made, found)
    estate.tag(account, made.id, given)
    return {"PrefixList": _shown(estate, made) | {"State": "create-in-progress"}}


@operations("DescribeManagedPrefixLists")
def describe_managed_prefix_lists(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    found = [_shown_service(estate, one) for one in prefixlists.of_services(estate)]
    usable = [_shown(estate, one) for one in estate.lists.all_usable(call.account)]
    found += shown.for_account(call.account, usable)
    return described(kinds.PREFIX_LIST, found, request, routefilters.LIST_FILTERS)


@operations("DescribePrefixLists")
def describe_prefix_lists(service: Ec2, call: Call, request: Request) -> Response:
    """The lists of services only, with what they stand for."""
    del call  # every account finds the same
    found: list[Thing] = [
        {"PrefixListId": one.id, "PrefixListName": one.name, "Cidrs": list(one.prefixes)}
        for one in prefixlists.of_services(service.estate)
    ]
    return described(kinds.PREFIX_LIST, found, request, routefilters.SERVICE_LIST_FILTERS)


@operations("GetManagedPrefixListEntries")
def get_managed_prefix_list_entries(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    known = prefixlists.find(estate, call.account, request["PrefixListId"])
    if isinstance(known, ServiceList):
        not_offered(request, ("TargetVersion",))
        found: Iterable[PrefixEntry] = [PrefixEntry(prefix) for prefix in known.prefixes]
    else:
        found = prefixlists.entries(estate, known, request.get("TargetVersion"))
    return page([_entry(one) for one in found], request, {}, "Entries")


def _entry(of: PrefixEntry) -> Thing:
    return {"Cidr": of.prefix} | ({"Description": of.description} if of.description else {})


@operations("GetManagedPrefixListAssociations")
def get_managed_prefix_list_associations(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    known = prefixlists.find(estate, account, request["PrefixListId"])
    is_own = isinstance(known, PrefixList) and known.account == account
    found: list[Thing] = [
        {"ResourceId": name, "ResourceOwner": whose}
        for name, whose in prefixlists.referring(estate, known.id)
        if is_own or whose == account
    ]
    return page(found, request, {}, "PrefixListAssociations")


@operations("ModifyManagedPrefixList")
def modify_managed_prefix_list(service: Ec2, call: Call, request: Request) -> Response:
    """Entries make a new version; a name and a limit do not, and a limit comes alone."""
    not_offered(request, ("IpamPrefixListResolverSyncEnabled",))
    estate, account = service.estate, call.account
    known = _own(estate, account, request)
    add, remove = request.get("AddEntries") or [], request.get("RemoveEntries") or []
    name, entries_max = request.get("PrefixListName"), request.get("MaxEntries")
    if entries_max is not None and (add or remove):
        raise ServiceError(
            "InvalidParameterCombination",
            "The entries of a prefix list and its size cannot be modified at the same time.",
        )
    if not (add or remove or name is not None or entries_max is not None):
        raise ServiceError("MissingParameter", "The request must contain something to modify.")
    if name is not None:
        prefixlists.check_name(name)
    had = prefixlists.entries(estate, known)
    found: Sequence[PrefixEntry] = had
    if add or remove:
        _check_version(known, request)
        found = prefixlists.changed(known, had, add, remove)
    elif request.get("CurrentVersion") is not None:
        _check_version(known, request)
    size = known.entries_max if entries_max is None else entries_max
    prefixlists.check_size(size, len(found))
    _check_referrers(estate, known, size)
    check_dry_run(request)
    changed = msgspec.structs.replace(
        known, name=known.name if name is None else name, entries_max=size, state="modify-complete"
    )
    made = _next(estate, changed, found) if add or remove else changed
    estate.lists.put(account, made.id, made)
    return {"PrefixList": _under_way(estate, made, known, "modify")}


def _under_way(estate: Estate, of: PrefixList, before: PrefixList, what: str) -> Thing:
    """A list on the way from one version to the next, which the answer does not show yet."""
    return _shown(estate, of) | {"State": f"{what}-in-progress", "Version": before.version}


def _check_version(known: PrefixList, request: Request) -> None:
    current = request.get("CurrentVersion")
    if current is None:
        raise ServiceError(
            "MissingParameter", "The request must contain the parameter CurrentVersion"
        )
    if current != known.version:
        raise ServiceError(
            "PrefixListVersionMismatch", "The prefix list has the incorrect version number."
        )


def _check_referrers(estate: Estate, known: PrefixList, size: int) -> None:
    """Refuse a size with which a table would have too many routes, or a group too many rules."""
    if size <= known.entries_max:
        return
    for table in estate.tables.all():
        if any(one.destination == known.id for one in table.routes):
            counted = (*table.routes, *endpoints.routes(estate, table))
            routes.check_number(estate, table, counted, {known.id: size})
    for group in estate.groups.all():
        if any(one.list == known.id for one in group.rules):
            sizes = groups.sizes(estate, group.account, group.rules) | {known.id: size}
            rules.check_together(group.rules, sizes)
    hubs.check_growth(estate, known.id, size - known.entries_max)


def _next(estate: Estate, known: PrefixList, found: Iterable[PrefixEntry]) -> PrefixList:
    """Make the next version of a list; the oldest goes when there are too many."""
    version = known.version + 1
    oldest = max(known.oldest, version - prefixlists.VERSIONS_MAX + 1)
    prefixlists.forget(estate, known, range(known.oldest, oldest))
    made = msgspec.structs.replace(known, version=version, oldest=oldest)
    prefixlists.keep(estate, made, found)
    return made


@operations("RestoreManagedPrefixListVersion")
def restore_managed_prefix_list_version(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    known = _own(estate, call.account, request)
    _check_version(known, request)
    found = prefixlists.entries(estate, known, request["PreviousVersion"])
    prefixlists.check_size(known.entries_max, len(found))
    check_dry_run(request)
    changed = msgspec.structs.replace(known, state="restore-complete")
    made = _next(estate, changed, found)
    return {"PrefixList": _under_way(estate, made, known, "restore")}


@operations("DeleteManagedPrefixList")
def delete_managed_prefix_list(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    known = _own(estate, account, request)
    referring = [one for one, _ in prefixlists.referring(estate, known.id)]
    if referring:
        raise ServiceError(
            "DependencyViolation",
            f"The prefix list '{known.id}' is referred to by {', '.join(referring)}.",
        )
    check_dry_run(request)
    told = _shown(estate, known) | {"State": "delete-in-progress"}
    prefixlists.forget(estate, known, range(known.oldest, known.version + 1))
    estate.remove(estate.lists, account, known.id)
    return {"PrefixList": told}


def _own(estate: Estate, account: str, request: Request) -> PrefixList:
    """A list of the customer's own, to be changed."""
    known = prefixlists.find(estate, account, request["PrefixListId"])
    if isinstance(known, ServiceList):
        raise ServiceError(
            "OperationNotPermitted", f"The prefix list '{known.id}' is managed by AWS."
        )
    return estate.lists.get(account, known.id)


def _shown(estate: Estate, of: PrefixList) -> Thing:
    return {
        "PrefixListId": of.id,
        "PrefixListArn": f"arn:aws:ec2:{estate.host.place}:{of.account}:prefix-list/{of.id}",
        "PrefixListName": of.name,
        "AddressFamily": of.family,
        "MaxEntries": of.entries_max,
        "Version": of.version,
        "State": of.state,
        "OwnerId": of.account,
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def _shown_service(estate: Estate, of: ServiceList) -> Thing:
    return {
        "PrefixListId": of.id,
        "PrefixListArn": f"arn:aws:ec2:{estate.host.place}:aws:prefix-list/{of.id}",
        "PrefixListName": of.name,
        "AddressFamily": "IPv4",
        "State": "create-complete",
        "OwnerId": _AMAZON,
        "Tags": [],
    }
