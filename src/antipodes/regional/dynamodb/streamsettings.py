"""What requests and groups of replicas say of a table's stream.

The wording of refusals: as recorded in ack-api-quirks, services/dynamodb, DDB-TABLE-050 and
"error messages".
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from antipodes.regional.dynamodb.errors import invalid_value, validation
from antipodes.regional.dynamodb.model import Table

REPLICATED_VIEW = "NEW_AND_OLD_IMAGES"


def new_label(now: float, after: str = "") -> str:
    """A stream's label: the time it was made, to the millisecond; later than an earlier one's."""
    label = _label(datetime.fromtimestamp(now, UTC))
    if label > after:
        return label
    return _label(datetime.fromisoformat(after) + timedelta(milliseconds=1))


def _label(made: datetime) -> str:
    return made.strftime("%Y-%m-%dT%H:%M:%S.%f")[:23]


def view_at_creation(specification: Mapping[str, Any] | None) -> str:
    """The view type of a new table's stream, or nothing for no stream, checked."""
    if not specification:
        return ""
    view = specification.get("StreamViewType")
    if specification.get("StreamEnabled"):
        if not view:
            raise invalid_value(
                "Table is being created with a stream enabled, UpdateViewType is required"
            )
        return str(view)
    if view:
        raise invalid_value(
            "Table is being created with a stream disabled, UpdateViewType should not be specified"
        )
    return ""


def changed_stream(table: Table, specification: Mapping[str, Any], now: float) -> dict[str, str]:
    """The changes of a table's record by an UpdateTable's StreamSpecification, checked."""
    view = specification.get("StreamViewType")
    if specification.get("StreamEnabled"):
        if not view:
            raise invalid_value("If stream is being enabled then UpdateViewType is required")
        if table.stream:
            raise validation(f"Table already has an enabled stream: TableName: {table.name}")
        return {"stream": str(view), "stream_label": new_label(now, table.stream_label)}
    if view:
        raise invalid_value(
            "If stream is being disabled, then UpdateViewType must not be specified"
        )
    if not table.stream:
        raise validation(f"Table has no stream to disable: TableName: {table.name}")
    if table.replicas and not table.strong:
        raise invalid_value("Disabling Stream is not allowed for a Global Table replica.")
    return {"stream": ""}  # the label stays, for whoever still reads what there was


def replicated_stream(table: Table, view: str, now: float) -> dict[str, str]:
    """The same for a table that has replicas: its stream is on, and one that was on stays so.

    AWS leaves the view of a stream that was there as it is (scylladb, pull request 29928).
    """
    if table.stream:
        return {}
    return {"stream": view, "stream_label": new_label(now, table.stream_label)}
