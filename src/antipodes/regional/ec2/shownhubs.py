"""Transit gateways, attachments, tables and routes as the API shows them."""

from collections.abc import Mapping
from typing import Any

from antipodes.fabric.network.topology import PROPAGATED
from antipodes.regional.ec2 import peering, prefixlists, tags
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.hubroutes import Entry
from antipodes.regional.ec2.hubs import ATTACHMENT_SWITCHES, DEFAULTS, DELETED, HUB_SWITCHES
from antipodes.regional.ec2.modelhubs import (
    AVAILABLE,
    Hub,
    HubAttachment,
    HubPeering,
    HubReference,
    HubTable,
    PeeredHub,
)


def _switch(*, on: object) -> str:
    return "enable" if on else "disable"


def _switches(of: Any, known: Mapping[str, str]) -> Thing:
    return {name: _switch(on=getattr(of, field)) for name, field in known.items()}


def _state(of: Hub | HubTable) -> str:
    return AVAILABLE if of.ended_at is None else DELETED


def hub(estate: Estate, of: Hub) -> Thing:
    """A transit gateway."""
    options: Thing = {"AmazonSideAsn": of.asn, "MulticastSupport": "disable"}
    options |= _switches(of, HUB_SWITCHES)
    for flag, member, field in DEFAULTS:
        table = getattr(of, field)
        options[flag] = _switch(on=table)
        if table:
            options[member] = table
    if of.prefixes:
        options["TransitGatewayCidrBlocks"] = list(of.prefixes)
    arn = f"arn:aws:ec2:{estate.host.place}:{of.account}:transit-gateway/{of.id}"
    return {
        "TransitGatewayId": of.id,
        "TransitGatewayArn": arn,
        "State": _state(of),
        "OwnerId": of.account,
        "Description": of.description,
        "CreationTime": of.made_at,
        "Options": options,
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def vpc_attachment(estate: Estate, of: HubAttachment, viewer: str) -> Thing:
    """An attachment of a VPC, as an account sees it."""
    options = _switches(of, ATTACHMENT_SWITCHES)
    return {
        "TransitGatewayAttachmentId": of.id,
        "TransitGatewayId": of.hub,
        "VpcId": of.of,
        "VpcOwnerId": of.owner or of.account,
        "State": of.state,
        "SubnetIds": list(of.subnets),
        "CreationTime": of.made_at,
        "Options": options,
        "Tags": tags.shown(estate.tags(viewer, of.id)),
    }


def attachment(estate: Estate, of: HubAttachment, viewer: str) -> Thing:
    """An attachment of whatever kind, as an account sees it."""
    found: Thing = {
        "TransitGatewayAttachmentId": of.id,
        "TransitGatewayId": of.hub,
        "TransitGatewayOwnerId": of.account,
        "ResourceOwnerId": of.owner or of.account,
        "ResourceType": of.kind,
        "ResourceId": of.of,
        "State": of.state,
        "CreationTime": of.made_at,
        "Tags": tags.shown(estate.tags(viewer, of.id)),
    }
    if of.table and of.ended_at is None:
        state = {"TransitGatewayRouteTableId": of.table, "State": "associated"}
        found["Association"] = state
    return found


def hub_peering(estate: Estate, account: str, of: HubPeering) -> Thing:
    """A peering of two transit gateways, as an account has it; in one region it has two ids."""
    state = peering.STATES[of.standing.code]
    found: Thing = {
        "TransitGatewayAttachmentId": of.id,
        "RequesterTgwInfo": _side(of.requester),
        "AccepterTgwInfo": _side(of.accepter),
        "Options": {"DynamicRouting": "disable"},
        "State": state,
        "CreationTime": of.made_at,
        "Tags": tags.shown(estate.tags(account, of.id)),
    }
    if of.accepter.attachment != of.id:
        found["AccepterTransitGatewayAttachmentId"] = of.accepter.attachment
    if of.standing.code == peering.FAILED:
        found["Status"] = {"Code": state, "Message": "The peer transit gateway is not there."}
    return found


def _side(of: PeeredHub) -> Thing:
    return {"TransitGatewayId": of.hub, "OwnerId": of.account, "Region": of.region}


def table(estate: Estate, of: HubTable) -> Thing:
    """A route table of a transit gateway."""
    owner = estate.hubs.find(of.account, of.hub)
    return {
        "TransitGatewayRouteTableId": of.id,
        "TransitGatewayId": of.hub,
        "State": _state(of),
        "DefaultAssociationRouteTable": owner is not None and owner.associates == of.id,
        "DefaultPropagationRouteTable": owner is not None and owner.propagates == of.id,
        "CreationTime": of.made_at,
        "Tags": tags.shown(estate.tags(of.account, of.id)),
    }


def resource(of: HubAttachment) -> Thing:
    """An attachment, and what it is an attachment of."""
    return {
        "TransitGatewayAttachmentId": of.id,
        "ResourceId": of.of,
        "ResourceType": of.kind,
    }


def reference(estate: Estate, table: HubTable, of: HubReference) -> Thing:
    """A prefix list that a table refers to; over an attachment that is gone it drops."""
    over = estate.attachments.find(table.account, of.attachment)
    if over is not None and over.state != AVAILABLE:
        over = None
    found: Thing = {
        "TransitGatewayRouteTableId": table.id,
        "PrefixListId": of.list,
        "PrefixListOwnerId": prefixlists.owner(estate, table.account, of.list),
        "State": "available",
        "Blackhole": over is None,
    }
    return found if over is None else found | {"TransitGatewayAttachment": resource(over)}


def route(of: Entry, attachments: Mapping[str, HubAttachment]) -> Thing:
    """A route of a table."""
    found: Thing = {
        "DestinationCidrBlock": of.prefix,
        "Type": "propagated" if of.origin == PROPAGATED else "static",
        "State": "active" if of.attachments else "blackhole",
    }
    if of.list:
        found["PrefixListId"] = of.list
    if of.attachments:
        found["TransitGatewayAttachments"] = [
            resource(attachments[name]) for name in of.attachments
        ]
    return found
