"""What the control plane tells those who missed entries of its log for good (see `copying`).

Apart from the copying, since the control plane's host has no use for what answers questions.
"""

from typing import Any

import msgspec

from antipodes.edge.route53.model import CidrCollection, HealthCheck, HostedZone, RecordKey
from antipodes.edge.route53.recordstore import RecordStore
from antipodes.replication.changelog import ChangeLog
from antipodes.service.records import Records

ZONES_QUERY, RECORDS_QUERY = "route53/zones", "route53/zone-records"
PAGE = 1000


def serve_copies(
    changes: ChangeLog,
    zones: Records[HostedZone],
    records: RecordStore,
    checks: Records[HealthCheck],
    collections: Records[CidrCollection],
) -> None:
    """Answer, at the control plane's home, those who have to copy."""

    def tell_zones(_: Any) -> Any:
        return [[record for _, _, record in kept.all()] for kept in (zones, checks, collections)]

    def tell_records(payload: Any) -> Any:
        zone_id, start = payload
        found, following = records.page(zone_id, RecordKey(*start) if start else None, PAGE)
        return [found, list(following.key) if following is not None else None]

    changes.serve(ZONES_QUERY, lambda asked: msgspec.to_builtins(tell_zones(asked)))
    changes.serve(RECORDS_QUERY, lambda asked: msgspec.to_builtins(tell_records(asked)))
