"""Parameters that would change behaviour and are not offered: refused by name, never ignored.

The one place that knows them: operations ask it, and the documentation lists it.
"""

from typing import Any

from antipodes.regional.dynamodb.model import not_offered

REFUSED: dict[str, tuple[str, ...]] = {
    "CreateTable": (
        "VectorIndexes",
        "GlobalTableSourceArn",
        "GlobalTableSettingsReplicationMode",
    ),
    "UpdateTable": (
        "GlobalTableSettingsReplicationMode",
        "DisassociationProtectionEnabled",
        "VectorIndexUpdates",
    ),
    "RestoreTableFromBackup": ("VectorIndexOverride",),
    "RestoreTableToPointInTime": ("VectorIndexOverride",),
}


def refuse(operation: str, request: dict[str, Any]) -> None:
    """Refuse a request that has a parameter that is not offered, by name."""
    for name in REFUSED[operation]:
        if request.get(name):
            raise not_offered(name)
