"""Registers: what one endpoint holds of each cluster, and has promised about it.

The acceptor of the protocol in `consensus`, synchronous and without clocks. A cluster's register
holds a promise (no ballot below it is taken any more), the value that was accepted last with its
ballot, and the newest value that is known to be *chosen*, that is accepted by a majority. Whenever
a chosen value is learned, what differs goes to the host's change log: `arc/routing-control` with
the switch's ARN, `On`, `Off` or nothing where it is gone, and a number that is greater for newer
values, so that who follows several endpoints knows which of them is ahead.

Everything is written in the store's open group; nothing may leave the host before it is durable.
"""

from typing import Any, NamedTuple

import msgspec

from antipodes.regional.recovery.state import OFF, ON, Agreed
from antipodes.replication.changelog import ChangeLog
from antipodes.runtime.contract import Store
from antipodes.service.planes import CLUSTER_REGIONS
from antipodes.service.records import Records

CONTROL_KIND = "arc/routing-control"


class Ballot(NamedTuple):
    """The number of an attempt, greater than any before; no two endpoints have the same."""

    number: int
    endpoint: str

    def as_number(self) -> int:
        """The same order as one number."""
        places = len(CLUSTER_REGIONS) + 1
        index = CLUSTER_REGIONS.index(self.endpoint) + 1 if self.endpoint else 0
        return self.number * places + index


NEVER = Ballot(0, "")


class Register(msgspec.Struct, frozen=True, array_like=True):
    """A cluster at one endpoint."""

    promised: Ballot = NEVER
    ballot: Ballot = NEVER
    value: Agreed | None = None
    chosen_ballot: Ballot = NEVER
    chosen: Agreed | None = None


class Registers:
    """The registers of one endpoint."""

    def __init__(self, store: Store, changes: ChangeLog) -> None:
        self._records = Records(store, "recovery/register", Register)
        self._changes = changes
        changes.serve(CONTROL_KIND, self._tell_all)

    def _tell_all(self, _: Any) -> list[list[Any]]:
        """For followers that are behind: every switch, as the log would tell of it now."""
        return [
            [arn, ON if on else OFF, register.chosen_ballot.as_number()]
            for _, _, register in self._records.all()
            if register.chosen is not None
            for arn, on in register.chosen.switches().items()
        ]

    def get(self, cluster: str) -> Register:
        """A cluster's register, perhaps a fresh one."""
        return self._records.get("", cluster) or Register()

    def clusters(self) -> list[str]:
        """All clusters with a register."""
        return [cluster for _, cluster, _ in self._records.all()]

    def owned(self, account: str) -> list[tuple[str, list[str]]]:
        """The clusters that an account has, as far as is known here: (id, ARNs of panels)."""
        return [
            (cluster, [panel.arn for panel in register.value.panels])
            for _, cluster, register in self._records.all()
            if register.value is not None
            and register.value.account == account
            and not register.value.deleted
        ]

    def promise(self, cluster: str, ballot: Ballot) -> list[Any]:
        """Promise to take nothing below a ballot; tell what was accepted so far."""
        register = self.get(cluster)
        if register.promised >= ballot:
            return ["promised", register.promised]
        self._put(cluster, msgspec.structs.replace(register, promised=ballot))
        return ["granted", register.ballot, register.value]

    def accept(self, cluster: str, ballot: Ballot, value: Agreed | None) -> list[Any]:
        """Accept a value, unless a higher ballot was promised."""
        register = self.get(cluster)
        if register.promised > ballot:
            return ["promised", register.promised]
        self._put(
            cluster,
            msgspec.structs.replace(register, promised=ballot, ballot=ballot, value=value),
        )
        return ["accepted"]

    def learn(self, cluster: str, ballot: Ballot, value: Agreed | None) -> list[Any]:
        """Take a chosen value; note the switches that it changes."""
        register = self.get(cluster)
        if ballot > register.chosen_ballot and value is not None:
            before = register.chosen.switches() if register.chosen is not None else {}
            after = value.switches()
            if ballot > register.ballot:  # accepted by a majority that this endpoint was not of
                register = msgspec.structs.replace(
                    register, promised=max(register.promised, ballot), ballot=ballot, value=value
                )
            self._put(
                cluster, msgspec.structs.replace(register, chosen_ballot=ballot, chosen=value)
            )
            version = ballot.as_number()
            for arn in dict.fromkeys((*before, *after)):
                if before.get(arn) != after.get(arn):
                    said = None if arn not in after else ON if after[arn] else OFF
                    self._changes.append(CONTROL_KIND, [arn, said, version])
        return ["learned"]

    def _put(self, cluster: str, register: Register) -> None:
        self._records.put("", cluster, register)
