"""Addresses of a customer's own (BYOIP): ranges, their states, and which network zone each has.

A change of state takes as long as any change takes to be everywhere; AWS says minutes, and weeks
for the first one. Nothing is announced to anybody: addresses of such a range can be given to
accelerators, and are shown, but no place of this world lies beyond 198.18.0.0/15, so they lead
nowhere. Whether somebody owns a range is not asked.
"""

from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError

import msgspec

from antipodes.edge.globalaccelerator.errors import bad_state, invalid, limited, missing
from antipodes.edge.globalaccelerator.model import CIDRS_MAX, EVENTS_MAX, Event
from antipodes.service.contract import Host
from antipodes.service.records import Records

PREFIX = 24
WORLD = "198.18.0.0/15"  # has places, see world/addresses.py
WITHDRAWALS_S = 10.0  # one for each account in this time
READY, ADVERTISING, DEPROVISIONED = "READY", "ADVERTISING", "DEPROVISIONED"
PENDING_PROVISIONING = "PENDING_PROVISIONING"
PENDING_ADVERTISING = "PENDING_ADVERTISING"
PENDING_WITHDRAWING = "PENDING_WITHDRAWING"
PENDING_DEPROVISIONING = "PENDING_DEPROVISIONING"
_AFTER = {
    PENDING_PROVISIONING: READY,
    PENDING_ADVERTISING: ADVERTISING,
    PENDING_WITHDRAWING: READY,
    PENDING_DEPROVISIONING: DEPROVISIONED,
}


class Range(msgspec.Struct, frozen=True):
    """A range of addresses; its state was told at `since`, and is done with at `until`."""

    account: str
    cidr: str
    zone: int  # the network zone that it is bound to
    told: str
    since: float
    until: float
    events: tuple[Event, ...] = ()

    def state(self, now: float) -> str:
        """The state by now."""
        return self.told if now < self.until else _AFTER[self.told]

    def covers(self, address: str) -> bool:
        """Whether an address is in it."""
        return IPv4Address(address) in IPv4Network(self.cidr)


class Ranges:
    """All accounts' ranges."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._records = Records(host.store, "globalaccelerator/range", Range)

    def _now(self) -> float:
        return self._host.runtime.wall()

    def of(self, account: str) -> list[Range]:
        """An account's ranges, those that are gone left out."""
        now = self._now()
        return [r for r in self._records.list(account) if r.state(now) != DEPROVISIONED]

    def find(self, account: str, cidr: str) -> Range:
        """A range that there is; raises ByoipCidrNotFoundException."""
        found = self._records.get(account, cidr)
        if found is None or found.state(self._now()) == DEPROVISIONED:
            raise missing("ByoipCidr", cidr)
        return found

    def provision(self, account: str, cidr: str) -> Range:
        """Take a new range."""
        network = _network(cidr)
        for owner, name, other in [*self._records.all()]:
            if other.state(self._now()) == DEPROVISIONED:
                self._records.delete(owner, name)
            elif IPv4Network(other.cidr).overlaps(network):
                if other.account == account and other.cidr == cidr:
                    raise bad_state(f"{cidr} has been provisioned already")
                raise invalid(f"{cidr} overlaps with a range that was brought already")
        known = self.of(account)
        if len(known) >= CIDRS_MAX:
            raise limited(f"An account can bring at most {CIDRS_MAX} address ranges")
        zone = 1 if any(other.zone == 0 for other in known) else 0
        return self._put(Range(account, cidr, zone, "", 0.0, 0.0), PENDING_PROVISIONING)

    def advertise(self, account: str, cidr: str) -> Range:
        """Begin to announce a range."""
        return self._change(account, cidr, READY, PENDING_ADVERTISING)

    def withdraw(self, account: str, cidr: str) -> Range:
        """Announce a range no longer."""
        found = self.find(account, cidr)
        interval_s = self._host.runtime.interval(WITHDRAWALS_S)
        for other in self._records.list(account):
            recent = self._now() - other.since < interval_s
            if other.told == PENDING_WITHDRAWING and recent:
                raise bad_state("Address ranges can be withdrawn at most once every 10 seconds")
        return self._change(account, found.cidr, ADVERTISING, PENDING_WITHDRAWING)

    def deprovision(self, account: str, cidr: str, used: list[str]) -> Range:
        """Give a range up, which nothing uses any more."""
        found = self.find(account, cidr)
        if any(found.covers(address) for address in used):
            raise bad_state(f"An accelerator uses an address of {cidr}")
        return self._change(account, cidr, READY, PENDING_DEPROVISIONING)

    def _change(self, account: str, cidr: str, wanted: str, told: str) -> Range:
        found = self.find(account, cidr)
        state = found.state(self._now())
        if state != wanted:
            raise bad_state(f"{cidr} is {state}, not {wanted}")
        return self._put(found, told)

    def _put(self, found: Range, told: str) -> Range:
        now = self._now()
        until = now + self._host.runtime.interval(self._host.settings.propagation_s)
        event = Event(f"The state of {found.cidr} is {told} and then {_AFTER[told]}", now)
        changed = msgspec.structs.replace(
            found,
            told=told,
            since=now,
            until=until,
            events=(*found.events, event)[-EVENTS_MAX:],
        )
        self._records.put(changed.account, changed.cidr, changed)
        return changed

    def check_usable(self, usable: list[Range], chosen: list[str], used: list[str]) -> None:
        """Refuse addresses that are not free, or not of a range that can be used."""
        zones: dict[int, None] = {}
        for address in chosen:
            zone = self._zone(usable, address)
            if zone in zones:
                raise invalid("Two addresses of an accelerator must be of different ranges")
            zones[zone] = None
            if address in used:
                raise invalid(f"{address} is the address of another accelerator")

    def placed(
        self, usable: list[Range], chosen: list[str], given: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The given addresses, with the chosen ones in their ranges' network zones."""
        placed = list(given)
        for address in chosen:
            placed[self._zone(usable, address)] = address
        return tuple(placed)

    def _zone(self, usable: list[Range], address: str) -> int:
        try:
            number = str(IPv4Address(address))
        except AddressValueError:
            raise invalid(f"{address} is not an IPv4 address") from None
        states = {READY, PENDING_ADVERTISING, ADVERTISING}
        for found in usable:
            if found.covers(number) and found.state(self._now()) in states:
                return found.zone
        raise invalid(f"{address} is not in an address range that can be used")


def _network(cidr: str) -> IPv4Network:
    try:
        network = IPv4Network(cidr)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise invalid(f"{cidr} is not an IPv4 address range") from None
    if network.prefixlen != PREFIX:
        raise invalid(f"{cidr} is not a range of /{PREFIX}")
    if network.subnet_of(IPv4Network(WORLD)):
        raise invalid(f"{cidr} belongs to the world, whose addresses are of {WORLD}")
    return network
