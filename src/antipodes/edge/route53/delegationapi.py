"""Reusable delegation sets: four name servers that several public zones share."""

import msgspec

from antipodes.edge.route53 import delegation
from antipodes.edge.route53.model import DelegationSet, HostedZone
from antipodes.edge.route53.pages import marked
from antipodes.edge.route53.service import Route53, bare, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

SETS_MAX = 100  # of an account ("Quotas" of the Developer Guide)
PAGE = 100


def no_such_delegation_set(given: str) -> ServiceError:
    """The error for a delegation set that is not there."""
    return ServiceError("NoSuchDelegationSet", f"No delegation set found with ID: {bare(given)}")


@operations("CreateReusableDelegationSet")
def create_delegation_set(service: Route53, call: Call, request: Request) -> Response:
    reference = request["CallerReference"]
    known = service.delegation_sets.list(call.account)
    if any(shared.caller_reference == reference for shared in known):
        raise ServiceError(
            "DelegationSetAlreadyCreated",
            "A delegation set with the same caller reference has already been created.",
        )
    if len(known) >= SETS_MAX:
        raise ServiceError("LimitsExceeded", f"An account has at most {SETS_MAX} delegation sets")
    zone = None
    if request.get("HostedZoneId"):
        zone = _zone_to_share(service, call, request["HostedZoneId"])
        servers: tuple[str, ...] | None = zone.name_servers
    else:
        public = [known for _, _, known in service.zones.all() if not known.private]
        servers = delegation.draw(service.chance, [s for z in public for s in z.name_servers])
    if servers is None:
        raise ServiceError("DelegationSetNotAvailable", "There are no more name servers")
    made = DelegationSet(service.new_id("N"), call.account, reference, servers)
    service.delegation_sets.put(call.account, made.id, made)
    if zone is not None:
        service.save_zone(msgspec.structs.replace(zone, delegation_set=made.id))
    location = f"https://route53.amazonaws.com/2013-04-01/delegationset/{made.id}"
    return {"DelegationSet": show_set(made), "Location": location}


def _zone_to_share(service: Route53, call: Call, given: str) -> HostedZone:
    """A zone whose name servers become a reusable set."""
    zone = service.zones.get(call.account, bare(given))
    if zone is None:
        raise ServiceError("HostedZoneNotFound", f"No hosted zone found with ID: {bare(given)}")
    if zone.private:
        raise ServiceError(
            "InvalidArgument", "A private hosted zone has no delegation set to share"
        )
    if zone.delegation_set:
        raise ServiceError(
            "DelegationSetAlreadyReusable",
            f"The delegation set of hosted zone {zone.id} is reusable already",
        )
    return zone


def show_set(shared: DelegationSet) -> Response:
    """A reusable delegation set as it is shown."""
    return {
        "Id": f"/delegationset/{shared.id}",
        "CallerReference": shared.caller_reference,
        "NameServers": list(shared.name_servers),
    }


def find_set(service: Route53, call: Call, given: str) -> DelegationSet:
    """A reusable delegation set. Raises NoSuchDelegationSet, and for a zone's id its own error."""
    if any(zone.id == bare(given) for zone in service.zones.list(call.account)):
        raise ServiceError(
            "DelegationSetNotReusable", f"{bare(given)} is not a reusable delegation set"
        )
    found = service.delegation_sets.get(call.account, bare(given))
    if found is None:
        raise no_such_delegation_set(given)
    return found


@operations("GetReusableDelegationSet")
def get_delegation_set(service: Route53, call: Call, request: Request) -> Response:
    return {"DelegationSet": show_set(find_set(service, call, request["Id"]))}


@operations("ListReusableDelegationSets")
def list_delegation_sets(service: Route53, call: Call, request: Request) -> Response:
    return marked(
        service.delegation_sets.list(call.account),
        request,
        PAGE,
        id_of=lambda shared: shared.id,
        shown=show_set,
        member="DelegationSets",
    )


@operations("DeleteReusableDelegationSet")
def delete_delegation_set(service: Route53, call: Call, request: Request) -> Response:
    found = find_set(service, call, request["Id"])
    if any(zone.delegation_set == found.id for zone in service.zones.list(call.account)):
        raise ServiceError(
            "DelegationSetInUse", f"The delegation set {found.id} has hosted zones still"
        )
    service.delegation_sets.delete(call.account, found.id)
    return {}
