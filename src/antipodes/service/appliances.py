"""Who looks at packets behind gateways that hand them on: what is told of it, and by whom.

A load balancer of appliances says which of them take flows in each of its zones; a managed firewall
says what its rules are. Networks ask after both, when they work out where a packet goes. They are
records of the region's store, which all of them know, so that none needs the others' API.
"""

from typing import Protocol, runtime_checkable

import msgspec

from antipodes.fabric.network.topology import Firewall
from antipodes.runtime.contract import Store
from antipodes.service.records import Records

INSTANCE, ADDRESS = "instance", "ip"


class Appliance(msgspec.Struct, frozen=True):
    """One appliance: an instance or an address, in a zone by its name, or in none."""

    id: str
    kind: str
    zone: str = ""


class Appliances(msgspec.Struct, frozen=True):
    """What stands behind a load balancer, for each zone that it has a node in, by its name."""

    arn: str
    zones: dict[str, tuple[Appliance, ...]] = {}


class KnownAppliances:
    """The appliances of one region."""

    def __init__(self, store: Store) -> None:
        self._records = Records(store, "appliances", Appliances)

    def behind(self, account: str, arn: str) -> Appliances | None:
        """What stands behind a load balancer, or None where there is no such thing."""
        return self._records.get(account, arn)

    def tell(self, account: str, told: Appliances) -> None:
        """Keep what stands behind a load balancer, if it is something else than before."""
        if self._records.get(account, told.arn) != told:
            self._records.put(account, told.arn, told)

    def forget(self, account: str, arn: str) -> None:
        """There is no such load balancer any more."""
        self._records.delete(account, arn)

    def all(self) -> list[tuple[str, str]]:
        """Account and ARN of every load balancer that was told of."""
        return [(account, arn) for account, arn, _ in self._records.all()]


class KnownFirewalls:
    """The rules of one region's managed firewalls, which are called by their ARNs."""

    def __init__(self, store: Store) -> None:
        self._records = Records(store, "firewalls", Firewall)

    def tell(self, account: str, told: Firewall) -> None:
        """Keep a firewall's rules, if they are others than before."""
        if self._records.get(account, told.id) != told:
            self._records.put(account, told.id, told)

    def forget(self, account: str, arn: str) -> None:
        """There is no such firewall any more."""
        self._records.delete(account, arn)

    def list(self, account: str) -> list[Firewall]:
        """The firewalls of an account."""
        return self._records.list(account)


@runtime_checkable
class Handing(Protocol):
    """A service in whose networks endpoints hand packets to managed firewalls."""

    def open_endpoint(self, account: str, vpc: str, subnet: str, firewall: str) -> str:
        """Make an endpoint in a subnet; return its id, or raise its service's error."""

    def close_endpoint(self, account: str, endpoint: str) -> None:
        """Delete such an endpoint, if it is there."""
