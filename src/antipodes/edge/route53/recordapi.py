"""Record sets: changed in batches, listed, tried out, protected."""

from antipodes.edge.route53 import changes, naming, records
from antipodes.edge.route53.changes import Known, Outcome
from antipodes.edge.route53.model import HostedZone, RecordKey
from antipodes.edge.route53.pages import limit_of, tokened, told_limit
from antipodes.edge.route53.records import invalid_input
from antipodes.edge.route53.service import Protection, Route53, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

PAGE = 300
BATCH_MAX = 100  # protections of one request
PROTECTIONS_MAX = 1000  # of a zone; AWS publishes no number
_PROTECTION_BATCH = "InvalidResourceRecordSetProtectionBatch"


def known(service: Route53, zone: HostedZone) -> Known:
    """What changes of a zone are judged by."""
    account = zone.account

    def protected(name: str, rtype: str) -> str | None:
        found = service.protections.get(zone.id, f"{rtype} {naming.digest(name)}")
        return None if found is None else found.comment

    return Known(
        zone=zone,
        record_count=service.records.count(zone.id),
        named=lambda name: service.records.named(zone.id, name),
        protected=protected,
        has_health_check=lambda id_: service.health_checks.get(account, id_) is not None,
        collection=lambda id_: service.collections.get(account, id_),
        is_zone=service.is_zone,
    )


def judged(service: Route53, zone: HostedZone, batch: list[changes.Change]) -> Outcome:
    """What a batch does to a zone. Raises InvalidChangeBatch, or NoSuchHealthCheck."""
    return changes.judge(batch, known(service, zone))


@operations("ChangeResourceRecordSets")
def change_record_sets(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zone(call, request["HostedZoneId"])
    batch = request["ChangeBatch"]
    outcome = judged(service, zone, changes.read(batch["Changes"]))
    change = service.begin_change(call.account, batch.get("Comment") or "")
    service.save_records(zone, *outcome, change)
    return {"ChangeInfo": service.show_change(change)}


def _start(request: Request) -> RecordKey | None:
    """Where a list of record sets begins."""
    name, rtype = request.get("StartRecordName"), request.get("StartRecordType")
    identifier = request.get("StartRecordIdentifier")
    if rtype and not name:
        raise invalid_input("The input is not valid: a type cannot be given without a name")
    if identifier and not rtype:
        raise invalid_input("The input is not valid: an identifier needs a name and a type")
    if not name:
        return None
    try:
        return RecordKey(naming.canonical(name), rtype or "", identifier or "")
    except naming.BadName as error:
        raise invalid_input(str(error)) from error


@operations("ListResourceRecordSets")
def list_record_sets(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zone(call, request["HostedZoneId"])
    limit = limit_of(request, "MaxItems", PAGE)
    found, following = service.records.page(zone.id, _start(request), limit)
    answer: Response = {
        "ResourceRecordSets": [records.show(record) for record in found],
        "IsTruncated": following is not None,
        "MaxItems": told_limit(request, "MaxItems", PAGE),
    }
    if following is not None:
        answer |= {"NextRecordName": following.name, "NextRecordType": following.type}
        if following.set_identifier:
            answer["NextRecordIdentifier"] = following.set_identifier
    return answer


@operations("TestDNSAnswer")
def test_dns_answer(service: Route53, call: Call, request: Request) -> Response:
    hosted = service.zone(call, request["HostedZoneId"])
    if hosted.private:
        raise invalid_input("Answers can be tested for public hosted zones only")
    try:
        name = naming.canonical(request["RecordName"])
    except naming.BadName as error:
        raise invalid_input(str(error)) from error
    if not naming.within(name, hosted.name):
        raise invalid_input(f"{name} is not in zone {hosted.name}")
    from antipodes.edge.route53 import testanswers  # noqa: PLC0415 - a world starts without it

    rcode, data = testanswers.answer(service, hosted, name, request)
    return {
        "Nameserver": hosted.name_servers[0],
        "RecordName": name,
        "RecordType": request["RecordType"],
        "RecordData": data,
        "ResponseCode": rcode,
        "Protocol": "UDP",
    }


# Protections.


def _read_protections(
    zone: HostedZone, given: list[Request]
) -> tuple[list[Protection], list[Response]]:
    """Return what a batch names, and what is wrong with its entries."""
    if len(given) > BATCH_MAX:
        raise invalid_input(f"A request has at most {BATCH_MAX} protections")
    found: list[Protection] = []
    failures: list[Response] = []
    seen: set[tuple[str, str]] = set()
    for part in given:
        try:
            name = naming.canonical(part["RecordName"])
        except naming.BadName as error:
            failures.append(_failure(part, "InvalidInput", str(error)))
            continue
        key = name, part["RecordType"]
        if not naming.within(name, zone.name):
            failures.append(_failure(part, "InvalidInput", f"{name} is not in {zone.name}"))
        elif key in seen:
            failures.append(_failure(part, "InvalidInput", f"{name} is given more than once"))
        else:
            found.append(Protection(*key, part.get("Comment") or ""))
        seen.add(key)
    return found, failures


def _failure(part: Request, code: str, message: str) -> Response:
    return {
        "RecordName": part["RecordName"],
        "RecordType": part["RecordType"],
        "Code": code,
        "Message": message,
    }


def _key(protection: Protection) -> str:
    return f"{protection.type} {naming.digest(protection.name)}"


@operations("CreateResourceRecordSetProtections")
def create_protections(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zone(call, request["HostedZoneId"])
    given = request["Protections"]
    found, failures = _read_protections(zone, given)
    if failures:
        message = "The request has invalid protections"
        raise ServiceError(_PROTECTION_BATCH, message, Errors=failures)
    taken = [
        {
            "RecordName": protection.name,
            "RecordType": protection.type,
            "Code": "ProtectionAlreadyExists",
            "Message": "A protection already exists for this name and type",
        }
        for protection in found
        if service.protections.get(zone.id, _key(protection)) is not None
    ]
    if len(taken) == len(found):
        message = "A protection already exists for every name and type"
        raise ServiceError("ProtectionAlreadyExists", message, Errors=taken)
    if taken:
        message = "Some of the protections already exist"
        raise ServiceError(_PROTECTION_BATCH, message, Errors=taken)
    if service.protections.count(zone.id) + len(found) > PROTECTIONS_MAX:
        raise ServiceError(
            "LimitsExceeded", f"A hosted zone has at most {PROTECTIONS_MAX} protections"
        )
    for protection in found:
        service.protections.put(zone.id, _key(protection), protection)
    return {}


@operations("DeleteResourceRecordSetProtections")
def delete_protections(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zone(call, request["HostedZoneId"])
    found, failures = _read_protections(zone, request["Protections"])
    if not failures:
        failures = [
            {
                "RecordName": protection.name,
                "RecordType": protection.type,
                "Code": "ProtectionNotFound",
                "Message": "No protection exists for this name and type",
            }
            for protection in found
            if service.protections.get(zone.id, _key(protection)) is None
        ]
    if failures:
        message = "The request has invalid protections"
        raise ServiceError(_PROTECTION_BATCH, message, Errors=failures)
    for protection in found:
        service.protections.delete(zone.id, _key(protection))
    return {}


@operations("ListResourceRecordSetProtections")
def list_protections(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zone(call, request["HostedZoneId"])
    start = None if request.get("NextToken") else _start(request)
    found = sorted(
        service.protections.list(zone.id), key=lambda p: (naming.sort_text(p.name), p.type)
    )
    if start is not None:
        first = naming.sort_text(start.name), start.type
        skipped = sum((naming.sort_text(p.name), p.type) < first for p in found)
        request = {**request, "NextToken": str(skipped)}
    page, more = tokened(found, request, PAGE)
    shown = [
        {
            "RecordName": p.name,
            "RecordType": p.type,
            **({"Comment": p.comment} if p.comment else {}),
        }
        for p in page
    ]
    return {"ResourceRecordSetProtections": shown, **more}
