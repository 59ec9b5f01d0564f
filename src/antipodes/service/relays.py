"""Where load balancers send on the flows that come to their nodes: who tells, and who asks.

A load balancer says of each of its nodes to whom new flows go by now. Networks ask after it, when
they work out where a packet goes that has come to it by an endpoint. They are records of the
region's store, which both know, so that neither needs the other's API.
"""

import msgspec

from antipodes.runtime.contract import Store
from antipodes.service.records import Records


class SentOn(msgspec.Struct, frozen=True):
    """Where the flows of one port go: any of some addresses and ports."""

    protocol: str  # tcp or udp
    port: int
    targets: tuple[tuple[str, int], ...]


class Nodes(msgspec.Struct, frozen=True):
    """What the nodes of a load balancer send on, by the name of their zone."""

    arn: str
    zones: dict[str, tuple[SentOn, ...]] = {}


class KnownNodes:
    """The nodes of one region's load balancers."""

    def __init__(self, store: Store) -> None:
        self._records = Records(store, "relays", Nodes)

    def of(self, account: str, arn: str) -> Nodes | None:
        """What the nodes of a load balancer send on, or None where there is no such thing."""
        return self._records.get(account, arn)

    def tell(self, account: str, told: Nodes) -> None:
        """Keep what the nodes of a load balancer send on, if it is something else than before."""
        if self._records.get(account, told.arn) != told:
            self._records.put(account, told.arn, told)

    def forget(self, account: str, arn: str) -> None:
        """There is no such load balancer any more."""
        self._records.delete(account, arn)

    def all(self) -> list[tuple[str, str]]:
        """Account and ARN of every load balancer that was told of."""
        return [(account, arn) for account, arn, _ in self._records.all()]
