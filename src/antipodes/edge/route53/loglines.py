"""Lines of query logs that the edge sends on (see `querylog`), put into the home's log groups."""

import contextlib
from collections.abc import Sequence
from typing import Any

from antipodes.service.contract import Host, ServiceError


async def publish(
    host: Host, account: str, group_arn: str, zone_id: str, events: Sequence[list[Any]]
) -> None:
    """Put lines into a zone's log group, as the account that owns both."""
    group = group_arn.removesuffix(":*").partition(":log-group:")[2]
    by_place: dict[str, list[dict[str, Any]]] = {}
    for place, at, line in events:
        event = {"timestamp": int(at * 1000), "message": line}
        by_place.setdefault(place, []).append(event)
    for place, lines in by_place.items():
        stream = {"logGroupName": group, "logStreamName": f"{zone_id}/{place}"}
        lines.sort(key=lambda event: event["timestamp"])
        try:
            with contextlib.suppress(ServiceError):  # it is there already, or the group is not
                await host.call("logs", "CreateLogStream", stream, account=account)
            put = {**stream, "logEvents": lines}
            await host.call("logs", "PutLogEvents", put, account=account)
        except ServiceError as error:
            host.runtime.journal.record("route53.queries-refused", code=error.code)
