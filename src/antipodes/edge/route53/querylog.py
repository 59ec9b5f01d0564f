"""Query logs: one line for each question to a zone that wants them, in the home's CloudWatch Logs.

The edge writes lines together for a few seconds and sends them on through its change log; the
control plane (`loglines`) puts them into the log group of the zone's configuration, one stream for
each edge location. What the edge has not sent on when it ends is lost, and so is what it has no
room for: nobody's answer waits for a log.

Source: Route 53 Developer Guide, "Public DNS query logging", for the format. AWS numbers its edge
locations; here there is one for each airport, with the number 1.
"""

import contextlib
from datetime import UTC, datetime
from typing import Any

from antipodes.edge.route53.model import QUERIES_KIND
from antipodes.fabric.dns.message import NOERROR, NXDOMAIN, REFUSED, SERVFAIL, Query
from antipodes.fabric.dns.names import to_text
from antipodes.fabric.dns.rdata import rtype_text
from antipodes.runtime.contract import DiskFull, Timer
from antipodes.service.contract import Host
from antipodes.service.dnsserver import Asker

TOGETHER_S = 5.0
LINES_MAX = 10_000  # that wait to be sent on
ENTRY_LINES_MAX = 1000
FORMAT = "1.0"
_RCODES = {NOERROR: "NOERROR", SERVFAIL: "SERVFAIL", NXDOMAIN: "NXDOMAIN", REFUSED: "REFUSED"}


class QueryLog:
    """What the edge has to say about questions."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._zones: dict[str, None] = {}
        self._waiting: dict[str, list[list[Any]]] = {}
        self._count = 0
        self._timer: Timer | None = None

    def hear_of_zone(self, zone_id: str, *, logs: bool) -> None:
        """Whether a zone's questions are logged from now on."""
        if logs:
            self._zones[zone_id] = None
        else:
            self._zones.pop(zone_id, None)

    def __bool__(self) -> bool:
        return bool(self._zones)

    def note(self, zone_id: str, query: Query, asker: Asker, answer: bytes) -> None:
        """A question to a zone was answered."""
        if zone_id not in self._zones or self._count >= LINES_MAX:
            return
        now = self._host.runtime.wall()
        place = asker.local.place.rpartition("/")[2] + "1"
        subnet = query.subnet.text if query.subnet is not None else ""
        words = (
            FORMAT,
            f"{datetime.fromtimestamp(now, UTC).isoformat(timespec='milliseconds')[:23]}Z",
            zone_id,
            to_text(query.name).removesuffix("."),
            rtype_text(query.rtype),
            _RCODES.get(answer[3] & 0xF, str(answer[3] & 0xF)),
            "TCP" if asker.tcp else "UDP",
            place,
            asker.ip or "-",
            subnet or "-",
        )
        self._waiting.setdefault(zone_id, []).append([place, now, " ".join(words)])
        self._count += 1
        if self._timer is None:
            runtime = self._host.runtime
            self._timer = runtime.later(runtime.interval(TOGETHER_S), self._send_on)

    def _send_on(self) -> None:
        self._timer = None
        waiting, self._waiting, self._count = self._waiting, {}, 0
        with contextlib.suppress(DiskFull):  # then they are lost
            for zone_id, lines in waiting.items():
                for start in range(0, len(lines), ENTRY_LINES_MAX):
                    some = lines[start : start + ENTRY_LINES_MAX]
                    self._host.changes.append(QUERIES_KIND, [zone_id, some])
