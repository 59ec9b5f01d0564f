"""CIDR collections: blocks of addresses, by location, for IP-based routing."""

from collections.abc import Iterator
from ipaddress import IPv4Network, ip_network

import msgspec

from antipodes.edge.route53 import model
from antipodes.edge.route53.model import CidrCollection
from antipodes.edge.route53.pages import tokened
from antipodes.edge.route53.records import invalid_input
from antipodes.edge.route53.service import Route53, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

COLLECTIONS_MAX, BLOCKS_MAX = 5, 1000  # of an account, of a collection ("Quotas")
PREFIX_4_MAX, PREFIX_6_MAX = 24, 48  # of a block ("IP-based routing")
REQUEST_BLOCKS_MAX = 1000
PAGE = 100
_BAD_PAGE = "InvalidInput"  # the model has no code of its own here
_MISSING = "NoSuchCidrCollectionException"


def _find(service: Route53, call: Call, collection_id: str) -> CidrCollection:
    found = service.collections.get(call.account, collection_id)
    if found is None:
        raise ServiceError(_MISSING, f"No CIDR collection found with id: {collection_id}", 404)
    return found


def _save(service: Route53, collection: CidrCollection) -> None:
    service.collections.put(collection.account, collection.id, collection)
    service.host.changes.append(model.CIDR_KIND, [collection.id, collection])


def _show(collection: CidrCollection) -> Response:
    return {
        "Arn": f"arn:aws:route53:::cidrcollection/{collection.id}",
        "Id": collection.id,
        "Name": collection.name,
        "Version": collection.version,
    }


@operations("CreateCidrCollection")
def create_collection(service: Route53, call: Call, request: Request) -> Response:
    name, reference = request["Name"], request["CallerReference"]
    if not reference.isascii():
        raise invalid_input("CallerReference must be ASCII")
    known = service.collections.list(call.account)
    made = next((other for other in known if other.name == name), None)
    if made is not None and made.caller_reference != reference:
        raise ServiceError(
            "CidrCollectionAlreadyExistsException",
            f"A CIDR collection with the name {name} and another caller reference exists",
        )
    if made is None:
        if len(known) >= COLLECTIONS_MAX:
            message = f"An account has at most {COLLECTIONS_MAX} CIDR collections"
            raise ServiceError("LimitsExceeded", message)
        made = CidrCollection(service.new_uuid(), call.account, name, reference)
        _save(service, made)
    location = f"https://route53.amazonaws.com/2013-04-01/cidrcollection/{made.id}"
    return {"Collection": _show(made), "Location": location}


def _block(text: str) -> str:
    """A block as it is kept. Raises InvalidInput."""
    try:
        network = ip_network(text)
    except ValueError as error:
        raise invalid_input(f"{text} is not a CIDR block: {error}") from error
    most = PREFIX_4_MAX if isinstance(network, IPv4Network) else PREFIX_6_MAX
    if not 1 <= network.prefixlen <= most:
        raise invalid_input(f"The prefix of {text} must have 1 to {most} bits")
    return str(network)


def _used_locations(service: Route53, collection: CidrCollection) -> Iterator[str]:
    """The locations of a collection that records name."""
    for zone in service.zones.list(collection.account):
        for record in service.records.all(zone.id):
            if record.cidr is not None and record.cidr.collection_id == collection.id:
                yield record.cidr.location


@operations("ChangeCidrCollection")
def change_collection(service: Route53, call: Call, request: Request) -> Response:
    collection = _find(service, call, request["Id"])
    version = request.get("CollectionVersion")
    if version is not None and version != collection.version:
        raise ServiceError(
            "CidrCollectionVersionMismatchException",
            f"The collection has version {collection.version}, not {version}",
            409,
        )
    if sum(len(change["CidrList"]) for change in request["Changes"]) > REQUEST_BLOCKS_MAX:
        raise invalid_input(f"A request has at most {REQUEST_BLOCKS_MAX} CIDR blocks")
    locations = {name: list(blocks) for name, blocks in collection.locations.items()}
    for change in request["Changes"]:
        blocks = locations.setdefault(change["LocationName"], [])
        for text in change["CidrList"]:
            block = _block(text)
            if change["Action"] == "PUT" and block not in blocks:
                blocks.append(block)
            elif change["Action"] != "PUT" and block in blocks:
                blocks.remove(block)
    kept = {name: tuple(blocks) for name, blocks in sorted(locations.items()) if blocks}
    _check_blocks(service, collection, kept)
    changed = msgspec.structs.replace(collection, locations=kept, version=collection.version + 1)
    change_id = service.begin_change(call.account).id
    _save(service, changed)
    return {"Id": change_id}


def _check_blocks(
    service: Route53, collection: CidrCollection, locations: dict[str, tuple[str, ...]]
) -> None:
    """Check what a collection would have."""
    every = [block for blocks in locations.values() for block in blocks]
    if len(every) > BLOCKS_MAX:
        message = f"A CIDR collection has at most {BLOCKS_MAX} blocks"
        raise ServiceError("LimitsExceeded", message)
    seen: set[str] = set()
    for block in every:
        if block in seen:
            raise ServiceError(
                "CidrBlockInUseException", f"The block {block} is in another location already"
            )
        seen.add(block)
    gone = set(collection.locations) - set(locations)
    for location in _used_locations(service, collection) if gone else ():
        if location in gone:
            raise ServiceError(
                "CidrBlockInUseException",
                f"Records use location {location}, which would have no blocks",
            )


@operations("DeleteCidrCollection")
def delete_collection(service: Route53, call: Call, request: Request) -> Response:
    collection = _find(service, call, request["Id"])
    if collection.locations or next(_used_locations(service, collection), None) is not None:
        raise ServiceError(
            "CidrCollectionInUseException",
            f"The CIDR collection {collection.id} is in use, or has blocks",
        )
    service.collections.delete(call.account, collection.id)
    service.host.changes.append(model.CIDR_KIND, [collection.id, None])
    return {}


@operations("ListCidrCollections")
def list_collections(service: Route53, call: Call, request: Request) -> Response:
    page, more = tokened(service.collections.list(call.account), request, PAGE, wrong=_BAD_PAGE)
    return {"CidrCollections": [_show(collection) for collection in page], **more}


@operations("ListCidrLocations")
def list_locations(service: Route53, call: Call, request: Request) -> Response:
    collection = _find(service, call, request["CollectionId"])
    page, more = tokened(list(collection.locations), request, PAGE, wrong=_BAD_PAGE)
    return {"CidrLocations": [{"LocationName": name} for name in page], **more}


@operations("ListCidrBlocks")
def list_blocks(service: Route53, call: Call, request: Request) -> Response:
    collection = _find(service, call, request["CollectionId"])
    wanted = request.get("LocationName")
    if wanted is not None and wanted not in collection.locations:
        raise ServiceError(
            "NoSuchCidrLocationException", f"The collection has no location {wanted}", 404
        )
    found = [
        {"CidrBlock": block, "LocationName": name}
        for name, blocks in collection.locations.items()
        if wanted in {None, name}
        for block in blocks
    ]
    page, more = tokened(found, request, PAGE, wrong=_BAD_PAGE)
    return {"CidrBlocks": list(page), **more}
