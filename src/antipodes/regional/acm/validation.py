"""Proving that a domain is the customer's: by a record that only its owner can have made.

Each name of a certificate that waits is asked for at the nearest edge location, every INTERVAL_S,
and there is nothing to do while no certificate waits. AWS gives up after 72 hours (ACM User Guide,
"DNS validation"); how often it looks is not published. Those that wait for an answer to mail, which
nobody gets, are only given up.
"""

from collections.abc import Callable

import msgspec

from antipodes.fabric.dns.names import to_text, to_wire
from antipodes.regional.acm.model import PENDING, TIMED_OUT, Certificate, record_of
from antipodes.runtime.contract import Address, DiskFull, Gone, TimedOut
from antipodes.service.contract import Host
from antipodes.service.dnsclient import DnsClient
from antipodes.service.records import Records

INTERVAL_S = 10.0
PATIENCE_S = 72 * 3600.0
DOOR = "53"
CNAME = 5

replace = msgspec.structs.replace


class Validation:
    """Looks after the certificates of one region that wait."""

    def __init__(
        self,
        host: Host,
        certificates: Records[Certificate],
        proved: Callable[[Certificate], None],
    ) -> None:
        """`proved` is told of a certificate all of whose names are proved."""
        self._host = host
        self._runtime = host.runtime
        self._certificates = certificates
        self._proved = proved
        self._client = DnsClient(host.runtime)
        self._running = False
        host.store.on_rollback(self.begin)  # what seemed to be issued may wait again

    def begin(self) -> None:
        """Look after what waits, if anything does and nobody does it yet."""
        if not self._running and self._waiting():
            self._running = True
            self._runtime.spawn(self._run(), "validate certificates")

    def _waiting(self) -> list[Certificate]:
        found = [certificate for _, _, certificate in self._certificates.all()]
        return [one for one in found if one.status == PENDING]

    async def _run(self) -> None:
        try:
            while waiting := self._waiting():
                for certificate in waiting:
                    await self._look(certificate)
                await self._runtime.sleep(self._runtime.interval(INTERVAL_S))
        finally:
            self._running = False

    async def _look(self, certificate: Certificate) -> None:
        missing = [name for name in certificate.names if name not in certificate.validated]
        asked = missing if certificate.method == "DNS" else []
        found = [name for name in asked if await self._is_there(certificate, name)]
        # It may have been deleted while the network was asked.
        current = self._certificates.get(certificate.account, certificate.id)
        if current is None or current.status != PENDING:
            return
        changed = replace(current, validated=(*current.validated, *found))
        try:
            if set(changed.names) <= set(changed.validated):
                self._proved(changed)
            elif self._runtime.wall() - current.created_at > self._runtime.interval(PATIENCE_S):
                self._put(replace(changed, status=TIMED_OUT))
            elif found:
                self._put(changed)
        except DiskFull:
            self._runtime.journal.sometimes("acm.no-space")

    def _put(self, certificate: Certificate) -> None:
        self._certificates.put(certificate.account, certificate.id, certificate)

    async def _is_there(self, certificate: Certificate, name: str) -> bool:
        record, wanted = record_of(certificate.account, certificate.region, name)
        server = Address(self._host.world.anycast_edge(self._host.place), DOOR)
        try:
            answer = await self._client.ask(server, to_wire(record), CNAME)
        except (Gone, TimedOut):
            return False
        return any(
            one.rtype == CNAME and to_text(one.rdata) == wanted.lower() for one in answer.answers
        )
