"""EC2's operations on Connect attachments of transit gateways, and on their peers."""

import msgspec

from antipodes.regional.ec2 import connects, hubs, kinds, shownconnects
from antipodes.regional.ec2.answering import check_dry_run, described
from antipodes.regional.ec2.hubroutes import CONNECT
from antipodes.regional.ec2.modelhubs import ConnectPeer, HubAttachment
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.table import unauthorized
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError


@operations("CreateTransitGatewayConnect")
def create_transit_gateway_connect(service: Ec2, call: Call, request: Request) -> Response:
    """Attach what is carried by another attachment; the gateway's owner alone does so."""
    estate, account = service.estate, call.account
    transport = connects.transport(estate, account, request)
    if transport.account != account:
        raise unauthorized()
    protocol = request["Options"]["Protocol"]
    if protocol != connects.PROTOCOL:
        raise ServiceError(
            "InvalidParameterValue", f"Value ({protocol}) for parameter Protocol is invalid."
        )
    tags = tags_given(request.get("TagSpecifications") or [], kinds.CONNECT.resource)
    hub = estate.hubs.get(account, transport.hub)
    check_dry_run(request)
    made = HubAttachment(
        *(estate.attachments.new_id(), account, hub.id, CONNECT, transport.id, hub.attached + 1),
        made_at=service.host.runtime.wall(),
    )
    estate.hubs.put(account, hub.id, msgspec.structs.replace(hub, attached=made.number))
    estate.tag(account, made.id, tags)
    return _answer(service, hubs.start(estate, made), "pending")


def _answer(service: Ec2, of: HubAttachment, state: str) -> Response:
    return {"TransitGatewayConnect": shownconnects.connect(service.estate, of) | {"State": state}}


@operations("DescribeTransitGatewayConnects")
def describe_transit_gateway_connects(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    seen = hubs.seen(estate, estate.attachments, estate.ended_attachments, call.account)
    found = [shownconnects.connect(estate, one) for one in seen if one.kind == CONNECT]
    return described(kinds.CONNECT, found, request, shownconnects.CONNECT_FILTERS)


@operations("DeleteTransitGatewayConnect")
def delete_transit_gateway_connect(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    gone = connects.find(estate, call.account, request["TransitGatewayAttachmentId"])
    peers = connects.peers_of(estate, gone)
    if peers:
        names = ", ".join(one.id for one in peers)
        raise ServiceError("IncorrectState", f"{gone.id} has non-deleted Connect Peers: {names}.")
    check_dry_run(request)
    shown = _answer(service, gone, "deleting")
    hubs.end_attachment(estate, gone, hubs.DELETED)
    return shown


@operations("CreateTransitGatewayConnectPeer")
def create_transit_gateway_connect_peer(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    attachment = connects.find(estate, account, request["TransitGatewayAttachmentId"])
    hub = estate.hubs.get(account, attachment.hub)
    taken = connects.beside(estate, hub)
    inside = connects.inside(request["InsideCidrBlocks"], taken)
    address, peer = connects.ends(hub, request, taken)
    number = connects.asn(hub, request)
    tags = tags_given(request.get("TagSpecifications") or [], kinds.CONNECT_PEER.resource)
    if len(connects.peers_of(estate, attachment)) >= connects.PEERS_MAX:
        raise ServiceError(
            "TransitGatewayConnectPeerLimitExceeded",
            f"A Connect attachment has at most {connects.PEERS_MAX} Connect peers.",
        )
    check_dry_run(request)
    made = ConnectPeer(
        estate.connect_peers.new_id(),
        account,
        hub.id,
        attachment.id,
        address,
        peer,
        inside,
        number,
        made_at=service.host.runtime.wall(),
    )
    estate.connect_peers.put(account, made.id, made)
    estate.tag(account, made.id, tags)
    return _peer(service, made, "pending")


def _peer(service: Ec2, of: ConnectPeer, state: str) -> Response:
    """A peer that comes or goes, whose sessions are down."""
    estate = service.estate
    shown = shownconnects.peer(estate, estate.hubs.find(of.account, of.hub), of, frozenset())
    return {"TransitGatewayConnectPeer": shown | {"State": state}}


@operations("DescribeTransitGatewayConnectPeers")
def describe_transit_gateway_connect_peers(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    seen = hubs.seen(estate, estate.connect_peers, estate.ended_connect_peers, account)
    speaking = shownconnects.up(estate, account) if seen else frozenset()
    found = [
        shownconnects.peer(estate, estate.hubs.find(account, one.hub), one, speaking)
        for one in seen
    ]
    return described(kinds.CONNECT_PEER, found, request, shownconnects.PEER_FILTERS)


@operations("DeleteTransitGatewayConnectPeer")
def delete_transit_gateway_connect_peer(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    gone = estate.connect_peers.get(call.account, request["TransitGatewayConnectPeerId"])
    check_dry_run(request)
    shown = _peer(service, gone, "deleting")
    hubs.end(estate, estate.connect_peers, estate.ended_connect_peers, gone)
    return shown
