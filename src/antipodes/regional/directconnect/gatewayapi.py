"""Direct Connect's operations on gateways that join lines and gateways of all regions."""

from antipodes.regional.directconnect import shown, tags
from antipodes.regional.directconnect.answering import amazon_asn, page
from antipodes.regional.directconnect.model import Gateway, changed
from antipodes.regional.directconnect.service import DirectConnect, operations, refused
from antipodes.service.contract import Call, Request, Response

GATEWAYS_MAX = 200  # of an account, by AWS's default quota
_ASN = 64512


@operations("CreateDirectConnectGateway")
def create_direct_connect_gateway(service: DirectConnect, call: Call, request: Request) -> Response:
    number = amazon_asn(request, _ASN)
    pairs = tags.given(request.get("tags") or [])
    if len(service.gateways.live(call.account)) >= GATEWAYS_MAX:
        raise refused(f"An account has at most {GATEWAYS_MAX} Direct Connect gateways.")
    made = Gateway(
        service.new_uuid(),
        call.account,
        service.place,
        pairs,
        name=request["directConnectGatewayName"],
        asn=number,
    )
    service.gateways.keep(made)
    return {"directConnectGateway": shown.gateway(made)}


@operations("DescribeDirectConnectGateways")
def describe_direct_connect_gateways(
    service: DirectConnect, call: Call, request: Request
) -> Response:
    wanted = request.get("directConnectGatewayId")
    found = [one for one in service.gateways.live(call.account) if wanted in {None, "", one.id}]
    return page(map(shown.gateway, found), request, "directConnectGateways")


@operations("UpdateDirectConnectGateway")
def update_direct_connect_gateway(service: DirectConnect, call: Call, request: Request) -> Response:
    had = service.gateways.find(call.account, request["directConnectGatewayId"])
    after = changed(had, name=request["newDirectConnectGatewayName"])
    service.gateways.keep(after)
    return {"directConnectGateway": shown.gateway(after)}


@operations("DeleteDirectConnectGateway")
def delete_direct_connect_gateway(service: DirectConnect, call: Call, request: Request) -> Response:
    gone = service.gateways.find(call.account, request["directConnectGatewayId"])
    account = call.account
    held = [one.id for one in service.interfaces.live(account) if one.via == gone.id]
    held += [one.id for one in service.associations.live(account) if one.via == gone.id]
    if held:
        raise refused(f"{gone.id} has attachments or associations: {', '.join(held)}.")
    service.gateways.keep(changed(gone, ended=True))
    return {"directConnectGateway": shown.gateway(gone, "deleting")}


@operations("DescribeDirectConnectGatewayAttachments")
def describe_direct_connect_gateway_attachments(
    service: DirectConnect, call: Call, request: Request
) -> Response:
    via, name = request.get("directConnectGatewayId"), request.get("virtualInterfaceId")
    if not via and not name:
        raise refused("Either directConnectGatewayId or virtualInterfaceId is required.")
    found = [
        shown.attachment(one)
        for one in service.interfaces.live(call.account)
        if one.via and via in {None, "", one.via} and name in {None, "", one.id}
    ]
    return page(found, request, "directConnectGatewayAttachments")


@operations("DescribeVirtualGateways")
async def describe_virtual_gateways(
    service: DirectConnect, call: Call, _request: Request
) -> Response:
    found = await service.host.call(
        "ec2", "DescribeVpnGateways", {}, account=call.account, trace=call.trace
    )
    shown_ = [
        {"virtualGatewayId": one["VpnGatewayId"], "virtualGatewayState": one["State"]}
        for one in found["VpnGateways"]
    ]
    return {"virtualGateways": shown_}
