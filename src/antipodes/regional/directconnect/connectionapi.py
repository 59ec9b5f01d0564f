"""Direct Connect's operations on locations, and on connections there."""

from typing import Any

from antipodes.regional.directconnect import shown, tags
from antipodes.regional.directconnect.answering import not_offered, page
from antipodes.regional.directconnect.joining import GBPS
from antipodes.regional.directconnect.model import Connection, changed
from antipodes.regional.directconnect.service import DirectConnect, operations, refused
from antipodes.service.contract import Call, Request, Response
from antipodes.world.hubs import great_circle_km

CONNECTIONS_MAX = 10  # of an account in a region, by AWS's default quota
LOCATIONS = 3  # of a region
_NOT_OFFERED = ("lagId", "requestMACSec")
_PAID = {None, "", "PayAsYouGo"}


def _locations(service: DirectConnect) -> list[dict[str, Any]]:
    """The edge locations that are nearest to the region, where its lines begin."""
    atlas = service.host.world.atlas
    here = atlas.region(service.place).point
    nearest = sorted(atlas.edges, key=lambda one: (great_circle_km(here, one.point), one.iata))
    return [
        {
            "locationCode": one.iata,
            "locationName": f"{one.city}, {one.country}",
            "region": service.place,
            "availablePortSpeeds": list(GBPS),
            "availableProviders": [],
            "availableMacSecPortSpeeds": [],
        }
        for one in nearest[:LOCATIONS]
    ]


@operations("DescribeLocations")
def describe_locations(service: DirectConnect, _call: Call, _request: Request) -> Response:
    return {"locations": _locations(service)}


@operations("CreateConnection")
def create_connection(service: DirectConnect, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_OFFERED)
    if request.get("billingMode") not in _PAID:
        raise refused(f"billingMode {request['billingMode']} is not offered here.")
    locations = [one["locationCode"] for one in _locations(service)]
    if request["location"] not in locations:
        raise refused(f"Location {request['location']} is none of {', '.join(locations)}.")
    if request["bandwidth"] not in GBPS:
        raise refused(f"Bandwidth {request['bandwidth']} is none of {', '.join(GBPS)}.")
    pairs = tags.given(request.get("tags") or [])
    if len(service.connections.here(call.account)) >= CONNECTIONS_MAX:
        raise refused(f"An account has at most {CONNECTIONS_MAX} connections in a region.")
    made = Connection(
        service.new_id("dxcon"),
        call.account,
        service.place,
        pairs,
        name=request["connectionName"],
        location=request["location"],
        bandwidth=request["bandwidth"],
        provider=request.get("providerName") or "",
    )
    service.connections.keep(made)
    return shown.connection(made, "requested")


@operations("DescribeConnections")
def describe_connections(service: DirectConnect, call: Call, request: Request) -> Response:
    found = service.connections.here(call.account)
    if request.get("connectionId"):
        found = [service.connection(call, request["connectionId"])]
    return page(map(shown.connection, found), request, "connections")


@operations("DeleteConnection")
def delete_connection(service: DirectConnect, call: Call, request: Request) -> Response:
    gone = service.connection(call, request["connectionId"])
    if any(one.connection == gone.id for one in service.interfaces.live(call.account)):
        raise refused(f"The connection {gone.id} has virtual interfaces.")
    service.connections.keep(changed(gone, ended=True))
    return shown.connection(gone, "deleting")
