"""EC2's operations on transit gateways."""

from typing import Any

import msgspec

from antipodes.regional.ec2 import connects, filters, hubs, kinds, shown, shownhubs
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.hubroutes import VPC
from antipodes.regional.ec2.modelhubs import Hub, HubTable
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError


@operations("CreateTransitGateway")
def create_transit_gateway(service: Ec2, call: Call, request: Request) -> Response:
    estate, options = service.estate, request.get("Options") or {}
    if options.get("MulticastSupport") == "enable":
        raise ServiceError("UnsupportedOperation", "MulticastSupport is not offered here")
    fields: dict[str, Any] = hubs.switches(options, hubs.HUB_SWITCHES)
    number = hubs.asn(options, Hub("", "").asn)
    prefixes = hubs.prefixes(options.get("TransitGatewayCidrBlocks") or [])
    tags = tags_given(request.get("TagSpecifications") or [], kinds.HUB.resource)
    if estate.hubs.count(call.account) >= hubs.HUBS_MAX:
        raise ServiceError(
            "TransitGatewayLimitExceeded",
            "The maximum number of transit gateways has been reached.",
        )
    check_dry_run(request)
    name, table, now = estate.hubs.new_id(), "", service.host.runtime.wall()
    wanted = [field for flag, _, field in hubs.DEFAULTS if options.get(flag) != "disable"]
    if wanted:
        table = estate.hub_tables.new_id()
        estate.hub_tables.put(call.account, table, HubTable(table, call.account, name, made_at=now))
    fields |= dict.fromkeys(wanted, table)
    description = request.get("Description") or ""
    made = Hub(name, call.account, description, number, prefixes=prefixes, made_at=now, **fields)
    estate.hubs.put(call.account, name, made)
    estate.tag(call.account, name, tags)
    return {"TransitGateway": shownhubs.hub(estate, made) | {"State": "pending"}}


@operations("DescribeTransitGateways")
def describe_transit_gateways(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    ended = hubs.seen(estate, estate.hubs, estate.ended_hubs, call.account)
    everything = (*estate.hubs.all_usable(call.account), *ended)
    found = {one.id: shownhubs.hub(estate, one) for one in everything}
    things = shown.for_account(call.account, list(found.values()))
    return described(kinds.HUB, things, request, filters.HUB_FILTERS)


@operations("ModifyTransitGateway")
def modify_transit_gateway(service: Ec2, call: Call, request: Request) -> Response:
    estate, options = service.estate, request.get("Options") or {}
    not_offered(options, ("EncryptionSupport",))
    hub = estate.hubs.get(call.account, request["TransitGatewayId"])
    change: dict[str, Any] = hubs.switches(options, hubs.HUB_SWITCHES)
    change |= hubs.default_tables(estate, hub, options)
    change["asn"] = hubs.asn(options, hub.asn)
    change["prefixes"] = _prefixes(service, hub, options)
    if request.get("Description") is not None:
        change["description"] = request["Description"]
    check_dry_run(request)
    changed = msgspec.structs.replace(hub, **change)
    estate.hubs.put(call.account, hub.id, changed)
    return {"TransitGateway": shownhubs.hub(estate, changed) | {"State": "modifying"}}


def _prefixes(service: Ec2, hub: Hub, options: Request) -> tuple[str, ...]:
    """A hub's own prefixes, after some are taken away and some are added."""
    estate = service.estate
    added = options.get("AddTransitGatewayCidrBlocks") or []
    removed = hubs.prefixes(options.get("RemoveTransitGatewayCidrBlocks") or [])
    for one in removed:
        if one not in hub.prefixes:
            raise ServiceError(
                "InvalidParameterValue", f"The transit gateway has no CIDR block {one}."
            )
    if removed:
        connects.check_prefixes(estate, hub, [one for one in hub.prefixes if one not in removed])
    if not added:
        return tuple(one for one in hub.prefixes if one not in removed)
    attached = [
        prefix.prefix
        for one in hubs.attachments_of(estate, hub)
        if one.kind == VPC
        for prefix in estate.vpcs.get(one.owner or one.account, one.of).prefixes
    ]
    kept = (one for one in hub.prefixes if one not in removed)
    return hubs.prefixes((*kept, *added), attached)


@operations("DeleteTransitGateway")
def delete_transit_gateway(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    hub = estate.hubs.get(call.account, request["TransitGatewayId"])
    attached = hubs.attachments_of(estate, hub)
    if attached:
        names = ", ".join(one.id for one in attached)
        raise ServiceError("IncorrectState", f"{hub.id} has non-deleted Attachments: {names}.")
    check_dry_run(request)
    shown = shownhubs.hub(estate, hub)
    for table in hubs.tables_of(estate, hub):
        hubs.end(estate, estate.hub_tables, estate.ended_hub_tables, table)
    hubs.end(estate, estate.hubs, estate.ended_hubs, hub)
    return {"TransitGateway": shown | {"State": "deleting"}}
