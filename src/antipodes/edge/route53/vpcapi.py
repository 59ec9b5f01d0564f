"""The networks that see a private zone, and who may associate theirs with it."""

from typing import Any

import msgspec

from antipodes.edge.route53 import neighbours
from antipodes.edge.route53.model import HostedZone, Vpc
from antipodes.edge.route53.pages import tokened
from antipodes.edge.route53.records import invalid_input
from antipodes.edge.route53.service import Authorized, Route53, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

VPCS_MAX = 300  # of a private zone ("Quotas" of the Developer Guide)
AUTHORIZATIONS_MAX = 1000  # of a zone
PAGE = 50


def read_vpc(request: Request) -> Vpc:
    """The network of a request. Raises InvalidInput if half of it is missing."""
    given = request["VPC"]
    if not given.get("VPCId") or not given.get("VPCRegion"):
        raise invalid_input("VPCId and VPCRegion must both be given")
    return Vpc(given["VPCRegion"], given["VPCId"])


def not_authorized(vpc: Vpc) -> ServiceError:
    """The error for a network that is not there, or not the caller's."""
    return ServiceError(
        "InvalidVPCId",
        f"The VPC {vpc.id} in region {vpc.region} that you provided is not authorized to make the "
        "association.",
    )


def check_free(service: Route53, zone: HostedZone, vpc: Vpc) -> None:
    """Check that a network sees no zone of that name yet."""
    for _, _, known in service.zones.all():
        if known.name == zone.name and vpc in known.vpcs:
            raise ServiceError(
                "ConflictingDomainExists",
                f"The VPC {vpc.id} in region {vpc.region} has already been associated with the "
                f"hosted zone {known.id} with the same domain name.",
            )


def _private(zone: HostedZone) -> HostedZone:
    if not zone.private:
        raise ServiceError(
            "PublicZoneVPCAssociation",
            f"Hosted zone {zone.id} is public: a VPC can be associated with a private one only",
        )
    return zone


@operations("AssociateVPCWithHostedZone")
async def associate_vpc(service: Route53, call: Call, request: Request) -> Response:
    vpc = read_vpc(request)
    _private(service.zone_of_anyone(request["HostedZoneId"]))
    if not await neighbours.has_vpc(service.host, call, vpc):
        raise not_authorized(vpc)
    zone = _private(service.zone_of_anyone(request["HostedZoneId"]))
    if zone.account != call.account and vpc not in _authorized(service, zone):
        raise ServiceError(
            "NotAuthorizedException",
            f"The VPC: {vpc.id} has not been authorized to be associated with your hosted zone.",
            401,
        )
    check_free(service, zone, vpc)
    if len(zone.vpcs) >= VPCS_MAX:
        raise ServiceError("LimitsExceeded", f"A hosted zone has at most {VPCS_MAX} VPCs")
    return _changed(service, call, request, zone, (*zone.vpcs, vpc))


@operations("DisassociateVPCFromHostedZone")
def disassociate_vpc(service: Route53, call: Call, request: Request) -> Any:
    vpc = read_vpc(request)
    zone = service.zone_of_anyone(request["HostedZoneId"])
    if zone.account == call.account:
        return _disassociated(service, call, request, zone, vpc)
    return _disassociate_own(service, call, request, vpc)


async def _disassociate_own(service: Route53, call: Call, request: Request, vpc: Vpc) -> Response:
    """Take the caller's network out of somebody else's zone."""
    if not await neighbours.has_vpc(service.host, call, vpc):
        raise not_authorized(vpc)
    zone = service.zone_of_anyone(request["HostedZoneId"])
    return _disassociated(service, call, request, zone, vpc)


def _disassociated(
    service: Route53, call: Call, request: Request, zone: HostedZone, vpc: Vpc
) -> Response:
    if vpc not in zone.vpcs:
        raise ServiceError(
            "VPCAssociationNotFound",
            f"The VPC {vpc.id} in region {vpc.region} is not associated with the hosted zone.",
            404,
        )
    if len(zone.vpcs) == 1:
        raise ServiceError(
            "LastVPCAssociation",
            f"The VPC {vpc.id} is the last that is associated with hosted zone {zone.id}",
        )
    left = tuple(known for known in zone.vpcs if known != vpc)
    return _changed(service, call, request, zone, left)


def _changed(
    service: Route53, call: Call, request: Request, zone: HostedZone, vpcs: tuple[Vpc, ...]
) -> Response:
    change = service.begin_change(call.account, request.get("Comment") or "")
    service.save_zone(msgspec.structs.replace(zone, vpcs=vpcs))
    return {"ChangeInfo": service.show_change(change)}


def _authorized(service: Route53, zone: HostedZone) -> tuple[Vpc, ...]:
    found = service.authorized.get(zone.account, zone.id)
    return () if found is None else found.vpcs


@operations("CreateVPCAssociationAuthorization")
def create_authorization(service: Route53, call: Call, request: Request) -> Response:
    vpc = read_vpc(request)
    zone = service.zone(call, request["HostedZoneId"])
    if not zone.private:
        raise invalid_input(f"Hosted zone {zone.id} is public: no VPC can be associated with it")
    known = _authorized(service, zone)
    if vpc not in known:
        if len(known) >= AUTHORIZATIONS_MAX:
            raise ServiceError(
                "TooManyVPCAssociationAuthorizations",
                f"A hosted zone has at most {AUTHORIZATIONS_MAX} authorizations",
            )
        service.authorized.put(zone.account, zone.id, Authorized((*known, vpc)))
    return {"HostedZoneId": zone.id, "VPC": {"VPCRegion": vpc.region, "VPCId": vpc.id}}


@operations("DeleteVPCAssociationAuthorization")
def delete_authorization(service: Route53, call: Call, request: Request) -> Response:
    vpc = read_vpc(request)
    zone = service.zone(call, request["HostedZoneId"])
    known = _authorized(service, zone)
    if vpc not in known:
        raise ServiceError(
            "VPCAssociationAuthorizationNotFound",
            f"The VPC {vpc.id} is not authorized to be associated with hosted zone {zone.id}",
            404,
        )
    left = tuple(other for other in known if other != vpc)
    service.authorized.put(zone.account, zone.id, Authorized(left))
    return {}


@operations("ListVPCAssociationAuthorizations")
def list_authorizations(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zone(call, request["HostedZoneId"])
    page, more = tokened(_authorized(service, zone), request, PAGE)
    shown = [{"VPCRegion": vpc.region, "VPCId": vpc.id} for vpc in page]
    return {"HostedZoneId": zone.id, "VPCs": shown, **more}
