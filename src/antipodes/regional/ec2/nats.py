"""NAT gateways: an interface that sends on, as its own, what comes to it.

A public one has an elastic address and a network with a gateway to the internet. AWS finds out that
it has not only after it has answered: such a gateway fails, and is seen for an hour, as one is that
was deleted.

Source: Amazon VPC User Guide, "NAT gateways", "Troubleshoot NAT gateways".
"""

import msgspec

from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import NatGateway

SEEN_S = 3600.0
PER_ZONE_MAX = 5  # of an account, by AWS's default quota
PENDING, AVAILABLE, FAILED, DELETING, DELETED = (
    *("pending", "available", "failed", "deleting", "deleted"),
)


class NatGateways:
    """All accounts' NAT gateways of a region."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._host = estate.host

    def get(self, account: str, name: str) -> NatGateway:
        """The gateway of that id; raises NatGatewayNotFound."""
        found = self._estate.nats.get(account, name)
        if not self._is_seen(found):
            raise self._estate.nats.missing(name)
        return found

    def list(self, account: str) -> list[NatGateway]:
        """An account's gateways, with those that have just ended."""
        return [one for one in self._estate.nats.list(account) if self._is_seen(one)]

    def state(self, of: NatGateway) -> str:
        """The state that a gateway is in: on its way for as long as changes take here."""
        runtime, settings = self._host.runtime, self._host.settings
        now, delay_s = runtime.wall(), runtime.interval(settings.control_plane_delay_s)
        if of.failure is not None:
            return PENDING if 0.0 <= now - of.made_at < delay_s else FAILED
        if of.ended_at:
            return DELETING if 0.0 <= now - of.ended_at < delay_s else DELETED
        return PENDING if 0.0 <= now - of.made_at < delay_s else AVAILABLE

    def delete(self, of: NatGateway) -> None:
        """Delete, with its interface; what elastic address it had is free."""
        if is_there(of):
            self._estate.remove(self._estate.interfaces, of.account, of.interface)
        ended = msgspec.structs.replace(
            of, ended_at=self._host.runtime.wall(), interface="", failure=None
        )
        self._estate.nats.put(of.account, of.id, ended)

    def forget_gone(self, account: str) -> None:
        """Forget what is not seen any more."""
        for one in self._estate.nats.list(account):
            if not self._is_seen(one):
                self._estate.remove(self._estate.nats, account, one.id)

    def _is_seen(self, of: NatGateway) -> bool:
        runtime = self._host.runtime
        return is_there(of) or runtime.wall() - of.ended_at < runtime.interval(SEEN_S)


def is_there(of: NatGateway) -> bool:
    """Whether packets may be sent to a gateway: it has not failed, and is not deleted."""
    return of.failure is None and not of.ended_at
