"""CloudWatch Logs' API, 2014-03-28: one thin function per operation."""

import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from antipodes.regional.logs import model, patterns
from antipodes.regional.logs.model import Found, LogGroup, LogStore, LogStream, invalid, position
from antipodes.service.contract import Call, Host, Operations, Request, Response, Service

operations = Operations()

PAGE_MAX = 50
EVENTS_PAGE_MAX = 10_000
_END = b"\xff" * 17


class Logs(Service):
    """CloudWatch Logs in one region."""

    name = "logs"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.log_store = LogStore(host.store)

    def now_ms(self) -> int:
        """The host's clock, as this API tells time."""
        return int(self.host.runtime.wall() * 1000)

    def expired_before(self, group: LogGroup) -> int:
        """The time before which a group's events are gone, by the world's (hurried) days."""
        day_ms = self.host.runtime.interval(model.DAY_MS)
        return self.log_store.expired_before(group, self.now_ms(), day_ms)


def _refuse(request: Request, *members: str) -> None:
    for member in members:
        if request.get(member):
            raise invalid(f"{member} is not offered here")


def _arn(call: Call, group: LogGroup) -> str:
    return f"arn:aws:logs:{call.region}:{call.account}:log-group:{group.name}"


def _group(service: Logs, call: Call, request: Request) -> LogGroup:
    """Return the group that a request names, by name or by ARN."""
    name = request.get("logGroupName")
    identifier = request.get("logGroupIdentifier")
    if name and identifier:
        raise invalid("logGroupName and logGroupIdentifier cannot be given together")
    if identifier and identifier.startswith("arn:"):
        start = f"arn:aws:logs:{call.region}:{call.account}:log-group:"
        if not identifier.startswith(start):
            raise invalid(f"{identifier} is not a log group of this account and region")
        identifier = identifier.removeprefix(start).removesuffix(":*")
    if not name and not identifier:
        raise invalid("A log group must be named")
    return service.log_store.group(call.account, str(name or identifier))


@operations("CreateLogGroup")
def create_log_group(service: Logs, call: Call, request: Request) -> Response:
    _refuse(request, "kmsKeyId", "deletionProtectionEnabled")
    if request.get("logGroupClass") not in {None, "STANDARD"}:
        raise invalid("Log classes other than STANDARD are not offered here")
    tags = dict(request.get("tags") or {})
    service.log_store.create_group(call.account, request["logGroupName"], tags, service.now_ms())
    return {}


@operations("DeleteLogGroup")
def delete_log_group(service: Logs, call: Call, request: Request) -> Response:
    service.log_store.delete_group(call.account, request["logGroupName"])
    return {}


@operations("DescribeLogGroups")
def describe_log_groups(service: Logs, call: Call, request: Request) -> Response:
    _refuse(request, "accountIdentifiers", "includeLinkedAccounts", "logGroupIdentifiers")
    prefix = request.get("logGroupNamePrefix") or ""
    pattern = request.get("logGroupNamePattern") or ""
    if prefix and pattern:
        raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive")
    groups = [
        group
        for group in service.log_store.groups(call.account)
        if group.name.startswith(prefix) and pattern.lower() in group.name.lower()
    ]
    if request.get("logGroupClass") not in {None, "STANDARD"}:
        groups = []
    page, token = _page(groups, [group.name for group in groups], request)
    shown = [_show_group(service, call, group) for group in page]
    return {"logGroups": shown} | ({"nextToken": token} if token else {})


def _show_group(service: Logs, call: Call, group: LogGroup) -> dict[str, Any]:
    arn = _arn(call, group)
    shown: dict[str, Any] = {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
    }
    if group.retention_days:
        shown["retentionInDays"] = group.retention_days
    return shown


def _page(items: list[Any], names: Sequence[str], request: Request) -> tuple[list[Any], str]:
    """Return a page of items and the token of the next: the name of the last before it."""
    limit = request.get("limit") or PAGE_MAX
    if not 1 <= limit <= PAGE_MAX:
        raise invalid(f"limit must be between 1 and {PAGE_MAX}")
    begin = 0
    if request.get("nextToken"):
        try:
            after = binascii.unhexlify(request["nextToken"]).decode()
            begin = names.index(after) + 1
        except ValueError:
            raise invalid("The specified nextToken is invalid.") from None
    page = items[begin : begin + limit]
    if begin + limit >= len(items):
        return page, ""
    return page, names[begin + limit - 1].encode().hex()


@operations("PutRetentionPolicy")
def put_retention_policy(service: Logs, call: Call, request: Request) -> Response:
    group = service.log_store.group(call.account, request["logGroupName"])
    days = request["retentionInDays"]
    if days not in model.RETENTION_DAYS:
        raise invalid(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy "
            f"constraint: Member must satisfy enum value set: {list(model.RETENTION_DAYS)}"
        )
    service.log_store.set_retention(call.account, group, days)
    return {}


@operations("DeleteRetentionPolicy")
def delete_retention_policy(service: Logs, call: Call, request: Request) -> Response:
    group = service.log_store.group(call.account, request["logGroupName"])
    service.log_store.set_retention(call.account, group, 0)
    return {}


@operations("ListTagsForResource")
def list_tags_for_resource(service: Logs, call: Call, request: Request) -> Response:
    named = {"logGroupIdentifier": request["resourceArn"]}
    return {"tags": dict(_group(service, call, named).tags)}


@operations("CreateLogStream")
def create_log_stream(service: Logs, call: Call, request: Request) -> Response:
    group = service.log_store.group(call.account, request["logGroupName"])
    name = request["logStreamName"]
    service.log_store.create_stream(call.account, group, name, service.now_ms())
    return {}


@operations("DeleteLogStream")
def delete_log_stream(service: Logs, call: Call, request: Request) -> Response:
    group = service.log_store.group(call.account, request["logGroupName"])
    service.log_store.delete_stream(call.account, group, request["logStreamName"])
    return {}


@operations("DescribeLogStreams")
def describe_log_streams(service: Logs, call: Call, request: Request) -> Response:
    group = _group(service, call, request)
    prefix = request.get("logStreamNamePrefix") or ""
    by_time = request.get("orderBy") == "LastEventTime"
    if by_time and prefix:
        raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
    streams = [
        stream
        for stream in service.log_store.streams(call.account, group)
        if stream.name.startswith(prefix)
    ]
    if by_time:
        streams.sort(key=lambda stream: (stream.last_ms, stream.name))
    if request.get("descending"):
        streams.reverse()
    page, token = _page(streams, [stream.name for stream in streams], request)
    shown = [_show_stream(_arn(call, group), stream) for stream in page]
    return {"logStreams": shown} | ({"nextToken": token} if token else {})


def _show_stream(group_arn: str, stream: LogStream) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "arn": f"{group_arn}:log-stream:{stream.name}",
        "storedBytes": 0,
    }
    if stream.sequence:
        shown["firstEventTimestamp"] = stream.first_ms
        shown["lastEventTimestamp"] = stream.last_ms
        shown["lastIngestionTime"] = stream.ingested_ms
        shown["uploadSequenceToken"] = f"{stream.sequence:056d}"
    return shown


@operations("PutLogEvents")
def put_log_events(service: Logs, call: Call, request: Request) -> Response:
    group = service.log_store.group(call.account, request["logGroupName"])
    stream = service.log_store.stream(call.account, group, request["logStreamName"])
    events = [(event["timestamp"], event["message"]) for event in request["logEvents"]]
    _check_batch(events)
    now_ms = service.now_ms()
    oldest_ms = max(now_ms - model.TOO_OLD_MS, service.expired_before(group))
    times = [at_ms for at_ms, _ in events]  # in order
    old = bisect_left(times, oldest_ms)
    new = len(times) - bisect_right(times, now_ms + model.TOO_NEW_MS)
    accepted = events[old : len(events) - new]
    if accepted:
        service.log_store.put(call.account, group, stream, accepted, now_ms)
    response: Response = {"nextSequenceToken": f"{stream.sequence + len(accepted):056d}"}
    rejected: dict[str, int] = {}
    if old:
        rejected["tooOldLogEventEndIndex"] = old
    if new:
        rejected["tooNewLogEventStartIndex"] = len(events) - new
    if rejected:
        response["rejectedLogEventsInfo"] = rejected
    return response


def _check_batch(events: list[tuple[int, str]]) -> None:
    if not 1 <= len(events) <= model.BATCH_EVENTS_MAX:
        raise invalid(f"A batch has 1 to {model.BATCH_EVENTS_MAX} log events")
    times = [at_ms for at_ms, _ in events]
    if times != sorted(times):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    if events[-1][0] - events[0][0] > model.DAY_MS:
        raise invalid("The log events in a batch cannot span more than 24 hours")
    text = "".join([message for _, message in events])
    size = len(text.encode()) + model.EVENT_OVERHEAD_BYTES * len(events)
    if size > model.BATCH_BYTES_MAX:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {model.BATCH_BYTES_MAX}")


def _limit(request: Request) -> int:
    limit: int = request.get("limit") or EVENTS_PAGE_MAX
    if not 1 <= limit <= EVENTS_PAGE_MAX:
        raise invalid(f"limit must be between 1 and {EVENTS_PAGE_MAX}")
    return limit


@operations("GetLogEvents")
def get_log_events(service: Logs, call: Call, request: Request) -> Response:
    _refuse(request, "unmask")
    group = _group(service, call, request)
    stream = service.log_store.stream(call.account, group, request["logStreamName"])
    start = position(max(request.get("startTime") or 0, service.expired_before(group)))
    stop = position(request["endTime"]) if request.get("endTime") is not None else _END
    forward = bool(request.get("startFromHead"))
    token = request.get("nextToken") or ""
    if token:
        forward, mark = _read_token(token)
        if forward:
            start = max(start, mark + b"\x00")
        else:
            stop = min(stop, mark)
    found: list[Found] = []
    if start < stop:
        found = service.log_store.read(
            group, stream, start, stop, limit=_limit(request), reverse=not forward
        )
    if not forward:
        found.reverse()
    if found:
        first, last = found[0].position, found[-1].position
    elif token:
        first = last = _read_token(token)[1]
    else:
        first = last = position(0) if forward else start
    return {
        "events": [event.show() for event in found],
        "nextForwardToken": f"f/{last.hex()}",
        "nextBackwardToken": f"b/{first.hex()}",
    }


def _read_token(token: str) -> tuple[bool, bytes]:
    direction, _, mark = token.partition("/")
    if direction not in {"f", "b"}:
        raise invalid("The specified nextToken is invalid.")
    try:
        return direction == "f", binascii.unhexlify(mark)
    except binascii.Error:
        raise invalid("The specified nextToken is invalid.") from None


@operations("FilterLogEvents")
def filter_log_events(service: Logs, call: Call, request: Request) -> Response:
    _refuse(request, "unmask")
    if request.get("startFromHead") is False:
        raise invalid("startFromHead false is not offered here: events come in order of time")
    group = _group(service, call, request)
    pattern = patterns.parse(request.get("filterPattern") or "")
    start = position(max(request.get("startTime") or 0, service.expired_before(group)))
    stop = position(request["endTime"] + 1) if request.get("endTime") is not None else _END
    streams = _chosen_streams(service, call, group, request)
    after = _read_place(request.get("nextToken") or "")
    found = [
        event
        for stream in streams
        for event in service.log_store.read(group, stream, start, stop)
        if pattern.matches(event.message) and _place(event) > after
    ]
    found.sort(key=_place)
    limit = _limit(request)
    response: Response = {
        "events": [
            {
                "logStreamName": event.stream,
                "eventId": (event.position + event.stream.encode()).hex()[:56],
                **event.show(),
            }
            for event in found[:limit]
        ],
        "searchedLogStreams": [],
    }
    if len(found) > limit:
        last = found[limit - 1]
        response["nextToken"] = f"{last.position.hex()}/{last.stream.encode().hex()}"
    return response


def _place(event: Found) -> tuple[bytes, str]:
    return event.position, event.stream


def _read_place(token: str) -> tuple[bytes, str]:
    if not token:
        return b"", ""
    at, _, stream = token.partition("/")
    try:
        return binascii.unhexlify(at), binascii.unhexlify(stream).decode()
    except ValueError:
        raise invalid("The specified nextToken is invalid.") from None


def _chosen_streams(
    service: Logs, call: Call, group: LogGroup, request: Request
) -> list[LogStream]:
    names = request.get("logStreamNames")
    prefix = request.get("logStreamNamePrefix")
    if names and prefix:
        raise invalid("logStreamNames and logStreamNamePrefix cannot be given together")
    if names:
        return [service.log_store.stream(call.account, group, name) for name in names]
    return [
        stream
        for stream in service.log_store.streams(call.account, group)
        if stream.name.startswith(prefix or "")
    ]
