"""How much an account, a zone and a delegation set may have, and how much they have."""

from antipodes.edge.route53 import changes, delegationapi, healthapi, trafficapi, vpcapi, zoneapi
from antipodes.edge.route53.delegationapi import find_set
from antipodes.edge.route53.service import Route53, operations
from antipodes.service.contract import Call, Request, Response, ServiceError


@operations("GetAccountLimit")
def get_account_limit(service: Route53, call: Call, request: Request) -> Response:
    kind, account = request["Type"], call.account
    most, count = {
        "MAX_HEALTH_CHECKS_BY_OWNER": (healthapi.CHECKS_MAX, service.health_checks.count),
        "MAX_HOSTED_ZONES_BY_OWNER": (zoneapi.ZONES_MAX, service.zones.count),
        "MAX_REUSABLE_DELEGATION_SETS_BY_OWNER": (
            delegationapi.SETS_MAX,
            service.delegation_sets.count,
        ),
        "MAX_TRAFFIC_POLICIES_BY_OWNER": (
            trafficapi.POLICIES_MAX,
            lambda owner: len(trafficapi.latest_policies(service, owner)),
        ),
        "MAX_TRAFFIC_POLICY_INSTANCES_BY_OWNER": (
            trafficapi.INSTANCES_MAX,
            service.instances.count,
        ),
    }[kind]
    return {"Limit": {"Type": kind, "Value": most}, "Count": count(account)}


@operations("GetHostedZoneLimit")
def get_hosted_zone_limit(service: Route53, call: Call, request: Request) -> Response:
    zone, kind = service.zone(call, request["HostedZoneId"]), request["Type"]
    if kind == "MAX_RRSETS_BY_ZONE":
        most, count = changes.RECORDS_MAX, service.records.count(zone.id)
    elif zone.private:
        most, count = vpcapi.VPCS_MAX, len(zone.vpcs)
    else:
        raise ServiceError("HostedZoneNotPrivate", f"Hosted zone {zone.id} is public")
    return {"Limit": {"Type": kind, "Value": most}, "Count": count}


@operations("GetReusableDelegationSetLimit")
def get_delegation_set_limit(service: Route53, call: Call, request: Request) -> Response:
    found = find_set(service, call, request["DelegationSetId"])
    zones = service.zones.list(call.account)
    count = sum(zone.delegation_set == found.id for zone in zones)
    limit = {"Type": request["Type"], "Value": zoneapi.ZONES_PER_SET_MAX}
    return {"Limit": limit, "Count": count}
