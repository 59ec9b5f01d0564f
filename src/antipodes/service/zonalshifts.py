"""Zonal shifts: which zone a resource is to be kept out of, and until when.

Application Recovery Controller starts, changes and ends them; a resource's own service heeds them
wherever traffic is decided. They are records of the region's store, which both know, so that a
balancer needs nobody's API to find its way; whoever heeds them is told of every change.
"""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import msgspec

from antipodes.runtime.contract import Store
from antipodes.service.records import Records

ACTIVE, EXPIRED, CANCELED = "ACTIVE", "EXPIRED", "CANCELED"


class Shift(msgspec.Struct, frozen=True):
    """A zonal shift; times in Unix seconds by the host's clock."""

    id: str
    account: str
    resource: str  # its ARN
    away_from: str  # a zone's id, `usw2-az1`
    started_at: float
    expires_at: float
    comment: str
    status: str = ACTIVE


@runtime_checkable
class Heeding(Protocol):
    """A service whose resources heed zonal shifts."""

    def zones_shifted(self) -> None:
        """A shift has begun or ended."""


class ZonalShifts:
    """The zonal shifts of one region."""

    def __init__(self, store: Store) -> None:
        self._records = Records(store, "zonal-shift", Shift)

    def get(self, account: str, identity: str) -> Shift | None:
        """A shift by its id, or None."""
        return self._records.get(account, identity)

    def put(self, shift: Shift) -> None:
        """Keep a shift, new or changed."""
        self._records.put(shift.account, shift.id, shift)

    def delete(self, shift: Shift) -> None:
        """Forget a shift."""
        self._records.delete(shift.account, shift.id)

    def list(self, account: str) -> list[Shift]:
        """An account's shifts, the newest first."""
        return sorted(self._records.list(account), key=lambda s: (-s.started_at, s.id))

    def active(self) -> Iterator[Shift]:
        """All shifts that are neither expired nor canceled."""
        return (shift for _, _, shift in self._records.all() if shift.status == ACTIVE)

    def away(self) -> dict[str, str]:
        """The zone that each shifted resource is kept out of, by its ARN."""
        return {shift.resource: shift.away_from for shift in self.active()}
