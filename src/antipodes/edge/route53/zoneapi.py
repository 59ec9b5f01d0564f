"""Hosted zones: made, shown, listed, deleted."""

from typing import Any

import msgspec

from antipodes.edge.route53 import delegation, naming, neighbours
from antipodes.edge.route53.delegationapi import no_such_delegation_set
from antipodes.edge.route53.model import (
    HostedZone,
    RecordSet,
    Vpc,
    ZoneChange,
)
from antipodes.edge.route53.pages import limit_of, marked, tokened, told_limit
from antipodes.edge.route53.records import invalid_input
from antipodes.edge.route53.service import Route53, bare, operations
from antipodes.edge.route53.vpcapi import check_free, not_authorized
from antipodes.service.contract import Call, Request, Response, ServiceError

ZONES_MAX = 500  # of an account ("Quotas" of the Developer Guide)
ZONES_PER_SET_MAX = 100
PAGE = 100
NS_TTL, SOA_TTL = 172_800, 900
SOA_REST = "awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
DEFAULT_RECORDS = 2  # of a fresh zone: NS and SOA


def _zone_name(text: str, *, private: bool) -> str:
    try:
        name = naming.canonical(text)
    except naming.BadName as error:
        raise ServiceError("InvalidDomainName", str(error)) from error
    if name.count(".") == 1 and not private:
        raise ServiceError(
            "InvalidDomainName", f"{text} is a top-level domain, which cannot have a hosted zone"
        )
    return name


def show_zone(service: Route53, zone: HostedZone) -> Response:
    """A zone as it is shown."""
    config: Response = {"PrivateZone": zone.private}
    if zone.comment:
        config["Comment"] = zone.comment
    return {
        "Id": f"/hostedzone/{zone.id}",
        "Name": zone.name,
        "CallerReference": zone.caller_reference,
        "Config": config,
        "ResourceRecordSetCount": service.records.count(zone.id),
    }


def show_vpc(vpc: Vpc) -> Response:
    """A network as it is shown."""
    return {"VPCRegion": vpc.region, "VPCId": vpc.id}


def show_servers(zone: HostedZone) -> Response:
    """A zone's name servers as they are shown."""
    shown: Response = {"NameServers": list(zone.name_servers)}
    if zone.delegation_set:
        shown["Id"] = f"/delegationset/{zone.delegation_set}"
    return shown


@operations("CreateHostedZone")
def create_hosted_zone(service: Route53, call: Call, request: Request) -> Any:
    config = request.get("HostedZoneConfig") or {}
    given = request.get("VPC")
    if config.get("PrivateZone") and given is None:
        raise invalid_input(
            "When you're creating a private hosted zone (when you specify true for PrivateZone), "
            "you must also specify values for VPCId and VPCRegion."
        )
    name = _zone_name(request["Name"], private=given is not None)
    zones = service.zones.list(call.account)
    _check_reference(service, call, request["CallerReference"])
    if len(zones) >= ZONES_MAX:
        raise ServiceError(
            "TooManyHostedZones", f"Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - {ZONES_MAX}"
        )
    zone = HostedZone(
        id=service.new_id("Z"),
        account=call.account,
        name=name,
        name_servers=delegation.PRIVATE_SERVERS,
        caller_reference=request["CallerReference"],
        comment=config.get("Comment") or "",
        private=given is not None,
        created_at=service.now(),
    )
    if given is None:
        return _made(service, _delegated(service, zone, request.get("DelegationSetId") or ""))
    if request.get("DelegationSetId"):
        raise invalid_input("A reusable delegation set can't be used for a private hosted zone")
    vpc = Vpc(given.get("VPCRegion") or "", given.get("VPCId") or "")
    return _create_private(service, call, msgspec.structs.replace(zone, vpcs=(vpc,)))


def _check_reference(service: Route53, call: Call, reference: str) -> None:
    zones = service.zones.list(call.account)
    used = service.was_used(call.account, "zone", reference)
    if used or any(zone.caller_reference == reference for zone in zones):
        raise ServiceError(
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
            409,
        )


async def _create_private(service: Route53, call: Call, zone: HostedZone) -> Response:
    vpc = zone.vpcs[0]
    if not await neighbours.has_vpc(service.host, call, vpc):
        raise not_authorized(vpc)
    check_free(service, zone, vpc)
    _check_reference(service, call, zone.caller_reference)
    return _made(service, zone)


def _delegated(service: Route53, zone: HostedZone, given: str) -> HostedZone:
    """The zone with name servers: those of a reusable delegation set, or four of its own."""
    public = [known for _, _, known in service.zones.all() if not known.private]
    related = [known for known in public if delegation.related(known.name, zone.name)]
    if given:
        found = service.delegation_sets.get(zone.account, bare(given))
        if found is None:
            raise no_such_delegation_set(given)
        if any(known.delegation_set == found.id for known in related):
            raise ServiceError(
                "ConflictingDomainExists",
                f"The delegation set {found.id} has a hosted zone that conflicts with {zone.name}",
            )
        if sum(known.delegation_set == found.id for known in public) >= ZONES_PER_SET_MAX:
            raise ServiceError(
                "DelegationSetNotAvailable",
                f"The delegation set {found.id} has {ZONES_PER_SET_MAX} hosted zones already",
            )
        return msgspec.structs.replace(
            zone, name_servers=found.name_servers, delegation_set=found.id
        )
    taken = [server for known in related for server in known.name_servers]
    servers = delegation.draw(service.chance, taken)
    same = sum(known.name == zone.name for known in related)
    if servers is None or same >= delegation.SAME_NAME_MAX:
        raise ServiceError(
            "DelegationSetNotAvailable",
            f"There are no more name servers for hosted zones that are called {zone.name}",
        )
    return msgspec.structs.replace(zone, name_servers=servers)


def _made(service: Route53, zone: HostedZone) -> Response:
    """Keep a new zone with its first records."""
    change = service.begin_change(zone.account)
    service.save_zone(zone)
    servers = tuple(f"{server}." for server in zone.name_servers)
    first = [
        RecordSet(zone.name, "NS", ttl=NS_TTL, values=servers),
        RecordSet(zone.name, "SOA", ttl=SOA_TTL, values=(f"{servers[0]} {SOA_REST}",)),
    ]
    service.save_records(zone, {zone.name: first}, first, [], change)
    return _created(service, zone, change)


def _created(service: Route53, zone: HostedZone, change: ZoneChange) -> Response:
    answer: Response = {
        "HostedZone": show_zone(service, zone),
        "ChangeInfo": service.show_change(change),
        "DelegationSet": show_servers(zone),
        "Location": f"https://route53.amazonaws.com/2013-04-01/hostedzone/{zone.id}",
    }
    if zone.private:
        answer["VPC"] = show_vpc(zone.vpcs[0])
    return answer


@operations("GetHostedZone")
def get_hosted_zone(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zone(call, request["Id"])
    answer: Response = {"HostedZone": show_zone(service, zone)}
    if zone.private:
        answer["VPCs"] = [show_vpc(vpc) for vpc in zone.vpcs]
        return answer
    answer["DelegationSet"] = show_servers(zone)
    shared = service.delegation_sets.get(zone.account, zone.delegation_set)
    if shared is not None:
        answer["DelegationSet"]["CallerReference"] = shared.caller_reference
    return answer


@operations("ListHostedZones")
def list_hosted_zones(service: Route53, call: Call, request: Request) -> Response:
    zones = service.zones.list(call.account)
    shared = request.get("DelegationSetId")
    if shared:
        if service.delegation_sets.get(call.account, bare(shared)) is None:
            raise no_such_delegation_set(shared)
        zones = [zone for zone in zones if zone.delegation_set == bare(shared)]
    if request.get("HostedZoneType"):
        zones = [zone for zone in zones if zone.private]
    return marked(
        zones,
        request,
        PAGE,
        id_of=lambda zone: zone.id,
        shown=lambda zone: show_zone(service, zone),
        member="HostedZones",
    )


@operations("ListHostedZonesByName")
def list_hosted_zones_by_name(service: Route53, call: Call, request: Request) -> Response:
    start_name, start_id = request.get("DNSName"), request.get("HostedZoneId")
    if start_id and not start_name:
        raise invalid_input("HostedZoneId cannot be given without DNSName")
    zones = sorted(
        service.zones.list(call.account), key=lambda zone: (naming.sort_text(zone.name), zone.id)
    )
    if start_name:
        try:
            first = naming.sort_text(naming.canonical(start_name)), bare(start_id or "")
        except naming.BadName as error:
            raise ServiceError("InvalidDomainName", str(error)) from error
        zones = [zone for zone in zones if (naming.sort_text(zone.name), zone.id) >= first]
    limit = limit_of(request, "MaxItems", PAGE)
    answer: Response = {
        "HostedZones": [show_zone(service, zone) for zone in zones[:limit]],
        "IsTruncated": len(zones) > limit,
        "MaxItems": told_limit(request, "MaxItems", PAGE),
    }
    if start_name:
        answer["DNSName"] = start_name
    if start_id:
        answer["HostedZoneId"] = start_id
    if len(zones) > limit:
        answer |= {"NextDNSName": zones[limit].name, "NextHostedZoneId": zones[limit].id}
    return answer


@operations("ListHostedZonesByVPC")
def list_hosted_zones_by_vpc(service: Route53, call: Call, request: Request) -> Response:
    vpc = Vpc(request["VPCRegion"], request["VPCId"])
    found = [zone for _, _, zone in service.zones.all() if vpc in zone.vpcs]
    page, more = tokened(found, request, PAGE, size="MaxItems")
    shown = [
        {"HostedZoneId": zone.id, "Name": zone.name, "Owner": {"OwningAccount": zone.account}}
        for zone in page
    ]
    return {
        "HostedZoneSummaries": shown,
        "MaxItems": told_limit(request, "MaxItems", PAGE),
        **more,
    }


@operations("GetHostedZoneCount")
def get_hosted_zone_count(service: Route53, call: Call, request: Request) -> Response:
    return {"HostedZoneCount": service.zones.count(call.account)}


@operations("UpdateHostedZoneComment")
def update_hosted_zone_comment(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zone(call, request["Id"])
    changed = msgspec.structs.replace(zone, comment=request.get("Comment") or "")
    service.save_zone(changed)
    return {"HostedZone": show_zone(service, changed)}


@operations("DeleteHostedZone")
def delete_hosted_zone(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zone(call, request["Id"])
    apex = service.records.named(zone.id, zone.name)
    others = [record for record in apex if record.type not in {"NS", "SOA"}]
    protected = service.protections.list(zone.id)
    if others or protected or service.records.count(zone.id) > DEFAULT_RECORDS:
        raise ServiceError(
            "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets and so cannot "
            "be deleted.",
        )
    change = service.begin_change(call.account)
    service.forget_zone(zone)
    return {"ChangeInfo": service.show_change(change)}


@operations("GetDNSSEC")
def get_dnssec(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zone(call, request["HostedZoneId"])
    if zone.private:
        raise ServiceError("InvalidArgument", "Private hosted zones are not signed with DNSSEC")
    return {"Status": {"ServeSignature": "NOT_SIGNING"}, "KeySigningKeys": []}


@operations("GetChange")
def get_change(service: Route53, call: Call, request: Request) -> Response:
    change = service.changes.get("", bare(request["Id"]))
    if change is None or change.account != call.account:
        raise ServiceError(
            "NoSuchChange", f"A change with id '{bare(request['Id'])}' does not exist.", 404
        )
    return {"ChangeInfo": service.show_change(change)}
