"""Instances: places with interfaces, as a machine would have them. No machine is started.

An instance is bound for a state from the moment it is asked to be in it, and is shown on its way
there for as long as changes take in this world. One that is terminated is seen for an hour.

Source: Amazon EC2 User Guide, "Instance lifecycle", "Amazon EC2 instance IP addressing".
"""

from collections.abc import Sequence

import msgspec

from antipodes.regional.ec2.elastic import ElasticAddresses
from antipodes.regional.ec2.interfaces import Interfaces, device
from antipodes.regional.ec2.model import Instance, Interface, PrivateAddress
from antipodes.service.contract import ServiceError

SEEN_S = 3600.0
RUNNING, STOPPED, TERMINATED = "running", "stopped", "terminated"
ON_THE_WAY = {RUNNING: "pending", STOPPED: "stopping", TERMINATED: "shutting-down"}
CODES = {
    "pending": 0,
    RUNNING: 16,
    "shutting-down": 32,
    TERMINATED: 48,
    "stopping": 64,
    STOPPED: 80,
}


class Instances:
    """All accounts' instances of a region."""

    def __init__(self, interfaces: Interfaces, elastic: ElasticAddresses) -> None:
        self._estate = interfaces.estate
        self._host = interfaces.estate.host
        self._interfaces = interfaces
        self._elastic = elastic

    def get(self, account: str, name: str) -> Instance:
        """The instance of that id; raises InvalidInstanceID.NotFound."""
        found = self._estate.instances.get(account, name)
        if not self._is_seen(found):
            raise self._estate.instances.missing(name)
        return found

    def several(self, account: str, names: Sequence[str]) -> list[Instance]:
        """The instances of some ids, each once."""
        return [self.get(account, name) for name in dict.fromkeys(names)]

    def list(self, account: str) -> list[Instance]:
        """An account's instances, in the order of their making."""
        found = [one for one in self._estate.instances.list(account) if self._is_seen(one)]
        return sorted(found, key=lambda one: (one.made_at, one.reservation, one.index))

    def state(self, of: Instance) -> str:
        """The state that an instance is shown in."""
        runtime, settings = self._host.runtime, self._host.settings
        since_s = runtime.wall() - of.changed_at
        is_new = 0.0 <= since_s < runtime.interval(settings.control_plane_delay_s)
        return ON_THE_WAY[of.state] if is_new else of.state

    def check_state(self, of: Instance, states: Sequence[str], verb: str) -> None:
        """Refuse an instance that is in another state."""
        if self.state(of) not in states:
            raise ServiceError(
                "IncorrectInstanceState",
                f"The instance '{of.id}' is not in a state from which it can be {verb}.",
            )

    def start(self, of: Instance, interfaces: Sequence[Interface], public: str) -> None:
        """Start what was stopped, with a public address, if it is lent one."""
        now = self._host.runtime.wall()
        if public:
            self._lend(interfaces[0], public)
        self.change(of, state=RUNNING, changed_at=now, started_at=now)

    def stop(self, of: Instance, interfaces: Sequence[Interface]) -> None:
        """Stop, and give back the public addresses that were lent."""
        for one in interfaces:
            self._interfaces.change(one, addresses=self._elastic.release_lent(one).addresses)
        self.change(of, state=STOPPED, changed_at=self._host.runtime.wall())

    def terminate(self, of: Instance, interfaces: Sequence[Interface]) -> None:
        """End for good, with those of the interfaces that end with it."""
        for one in interfaces:
            if one.attached is not None and one.attached.ends_with_it:
                self._estate.remove(self._estate.interfaces, of.account, one.id)
            else:
                addresses = self._elastic.release_lent(one).addresses
                self._interfaces.change(one, addresses=addresses, attached=None)
        self.change(of, state=TERMINATED, changed_at=self._host.runtime.wall())

    def is_lent(self, of: Instance, interfaces: Sequence[Interface]) -> bool:
        """Whether an instance with these interfaces is lent a public address when it runs."""
        alone = len(interfaces) == 1
        return of.maps_public and alone and not interfaces[0].addresses[0].public

    def lend_again(self, interface: Interface) -> None:
        """Lend an instance a public address in the place of an elastic one that it has no more."""
        attached = interface.attached
        if attached is None or not attached.instance:
            return
        of = self._estate.instances.get(interface.account, attached.instance)
        interfaces = self._interfaces.of_instance(of.account, of.id)
        if of.state != RUNNING or not self.is_lent(of, interfaces):
            return
        try:
            public = next(self._elastic.free())
        except ServiceError:
            return  # the region has none left: the instance goes without
        self._lend(interfaces[0], public)

    def forget_gone(self, account: str) -> None:
        """Forget what is not seen any more."""
        for one in self._estate.instances.list(account):
            if not self._is_seen(one):
                self._estate.remove(self._estate.instances, account, one.id)

    def change(self, of: Instance, **fields: object) -> None:
        """Keep an instance with other values."""
        self._estate.instances.put(of.account, of.id, msgspec.structs.replace(of, **fields))

    def _lend(self, interface: Interface, public: str) -> None:
        assert device(interface) == 0, f"{interface.id} is not the first"
        address = interface.addresses[0].address
        self._interfaces.remap(interface, address, PrivateAddress(address, public))

    def _is_seen(self, of: Instance) -> bool:
        runtime = self._host.runtime
        ended_s = runtime.wall() - of.changed_at
        return of.state != TERMINATED or ended_s < runtime.interval(SEEN_S)
