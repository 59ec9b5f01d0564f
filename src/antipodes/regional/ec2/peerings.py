"""The peering connections of all accounts in a region, and what may be done with them when.

Each account has its copy. Two accounts of one region see every step at once; what is in two regions
is told from one to the other (`telling`).
"""

from collections.abc import Callable, Iterable
from typing import Any

from antipodes.regional.ec2 import defaults, kinds, peering
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.model import Vpc
from antipodes.regional.ec2.modelpeers import PeeredNetwork, Peering, Standing
from antipodes.regional.ec2.peering import ACCEPTER, REQUESTER
from antipodes.service.contract import ServiceError
from antipodes.service.telling import Telling

PEERINGS_MAX = 50  # of a VPC, by AWS's default quota
OUTSTANDING_MAX = 25  # likewise


class Peerings:
    """The peering connections of a region."""

    def __init__(self, estate: Estate, telling: Telling, furnish: Callable[[str], None]) -> None:
        """`furnish` gives an account its default network, if it has none yet."""
        self._estate = estate
        self._furnish = furnish
        self._region = estate.host.place
        self._wall = estate.host.runtime.wall
        self._telling = telling
        telling.carry(kinds.PEERING.resource, Peering, estate.peerings.find, self._hear)

    # What there is.

    def seen(self, account: str) -> list[Peering]:
        """What an account sees."""
        found = self._estate.peerings.list(account)
        return [one for one in found if self._is_shown(one, account)]

    def get(self, account: str, name: str) -> Peering:
        """One of them."""
        found = self._estate.peerings.find(account, name)
        if found is None or not self._is_shown(found, account):
            raise self._estate.peerings.missing(name)
        return found

    def is_active(self, account: str, name: str) -> bool:
        """Whether packets may pass by a connection, as far as this account's region knows."""
        found = self._estate.peerings.find(account, name)
        return found is not None and found.standing.code == peering.ACTIVE

    def live(self, account: str, vpc: str) -> list[Peering]:
        """The connections of a VPC that are requested or accepted."""
        return [
            one
            for one in self._estate.peerings.list(account)
            if self._roles_of(one, account, vpc) and self.code(one) in peering.LIVE
        ]

    def holding(self, account: str, vpc: str) -> list[Peering]:
        """The connections without whose end a VPC cannot end: not what others only ask for."""
        return [
            one
            for one in self.live(account, vpc)
            if self._is_accepted(one) or one.requester.vpc == vpc
        ]

    def code(self, of: Peering) -> str:
        """How far a connection has come by now."""
        return peering.code(of, self._wall())

    def _is_shown(self, of: Peering, account: str) -> bool:
        return peering.is_shown(of, peering.roles(of, account, self._region), self._wall())

    def _roles_of(self, of: Peering, account: str, vpc: str) -> list[str]:
        own = peering.roles(of, account, self._region)
        return [role for role in own if getattr(of, role).vpc == vpc]

    # From a request to its end.

    def check_request(self, vpc: Vpc, peer: str) -> None:
        """Refuse a second connection of two VPCs, and more than a VPC may have."""
        live = self.live(vpc.account, vpc.id)
        for one in live:
            self._check_pair(one, vpc.id, peer)
        if len(live) >= PEERINGS_MAX:
            raise _too_many()
        asked = [one for one in live if self.code(one) in peering.REQUESTED]
        if sum(one.requester.vpc == vpc.id for one in asked) >= OUTSTANDING_MAX:
            raise ServiceError(
                "OutstandingVpcPeeringConnectionLimitExceeded",
                f"The VPC has {OUTSTANDING_MAX} outstanding peering connection requests.",
            )

    def _check_pair(self, one: Peering, vpc: str, peer: str) -> None:
        if {one.requester.vpc, one.accepter.vpc} == {vpc, peer}:
            raise ServiceError(
                "VpcPeeringConnectionAlreadyExists",
                f"A VPC peering connection between {vpc} and {peer} already exists: {one.id}",
            )

    def request(self, vpc: Vpc, peer: PeeredNetwork) -> Peering:
        """Ask for a connection; return it as it is asked for."""
        self._forget(vpc.account)
        now = self._wall()
        asked = Peering(
            self._estate.peerings.new_id(),
            PeeredNetwork(vpc.account, self._region, vpc.id, _prefixes(vpc)),
            peer,
            Standing(peering.INITIATING, now, REQUESTER),
            now + peering.EXPIRES_S,
        )
        self.keep(asked if peering.is_across(asked) else self._considered(asked))
        return asked

    def _considered(self, asked: Peering) -> Peering:
        """What becomes of a request in the region of the VPC that is asked for."""
        side = asked.accepter
        if side.vpc == defaults.identifier("vpc", side.account, self._region):
            self._furnish(side.account)
        vpc = self._estate.vpcs.find(side.account, side.vpc)
        fails = vpc is None or peering.overlap(_prefixes(vpc), asked.requester.prefixes)
        code = peering.FAILED if fails else peering.PENDING
        return peering.standing(asked, code, self._wall(), REQUESTER)

    def accepted(self, account: str, of: Peering) -> Peering:
        """A connection, accepted."""
        self._check_accepter(account, of, "accept")
        self._check_step(of, (peering.PENDING,), peering.ACTIVE)
        side = of.accepter
        vpc = self._estate.vpcs.get(account, side.vpc)
        active = [one for one in self.live(account, vpc.id) if self._is_accepted(one)]
        for one in active:
            self._check_pair(one, vpc.id, of.requester.vpc)
        if len(active) >= PEERINGS_MAX:
            raise _too_many()
        after = peering.PROVISIONING if peering.is_across(of) else peering.ACTIVE
        joined = peering.changed(of, ACCEPTER, prefixes=_prefixes(vpc))
        return peering.standing(joined, after, self._wall(), ACCEPTER)

    def rejected(self, account: str, of: Peering) -> Peering:
        """A connection, rejected."""
        self._check_accepter(account, of, "reject")
        self._check_step(of, (peering.PENDING,), peering.REJECTED)
        return peering.standing(of, peering.REJECTED, self._wall(), ACCEPTER)

    def deleted(self, account: str, of: Peering) -> Peering:
        """A connection, deleted: by either side, or as a request by who made it."""
        own = peering.roles(of, account, self._region)
        self._check_step(of, peering.LIVE, peering.DELETED)
        if not self._is_accepted(of) and REQUESTER not in own:
            raise ServiceError(
                "OperationNotPermitted",
                f"User {account} cannot delete peering {of.id} before it is accepted",
            )
        after = peering.DELETING if peering.is_across(of) else peering.DELETED
        return peering.standing(of, after, self._wall(), own[0])

    def _is_accepted(self, of: Peering) -> bool:
        return self.code(of) in peering.ACCEPTED

    def _check_accepter(self, account: str, of: Peering, verb: str) -> None:
        if of.accepter.region != self._region:
            raise ServiceError(
                "OperationNotPermitted",
                f"Incorrect region ({self._region}) specified for this request. VPC peering "
                f"connection {of.id} must be {verb}ed in region {of.accepter.region}",
            )
        if of.accepter.account != account:
            raise ServiceError(
                "OperationNotPermitted", f"User {account} cannot {verb} peering {of.id}"
            )

    def _check_step(self, of: Peering, before: Iterable[str], after: str) -> None:
        code = self.code(of)
        if code not in before:
            raise ServiceError(
                "InvalidStateTransition",
                f"Invalid state transition for {of.id}, attempted to transition from {code} to "
                f"{after}",
            )

    # What its networks are like.

    def configured(self, account: str, of: Peering, wanted: dict[str, bool]) -> Peering:
        """A connection with other options; `wanted` says, by role, whether names are resolved."""
        if self.code(of) != peering.ACTIVE:
            raise ServiceError(
                "OperationNotPermitted",
                f"Peering {of.id} is not active. Peering options can be added only to active "
                "peerings.",
            )
        own = peering.roles(of, account, self._region)
        for role, resolves in wanted.items():
            if role not in own:
                raise ServiceError(
                    "OperationNotPermitted",
                    f"User {account} cannot modify the {role} options of peering {of.id} in "
                    f"region {self._region}",
                )
            if resolves:
                self._check_names(of)
        for role, resolves in wanted.items():
            of = peering.changed(of, role, resolves=resolves)
        return of

    def _check_names(self, of: Peering) -> None:
        """Refuse names across a connection whose VPCs, those that are here, have none."""
        for side in (of.requester, of.accepter):
            vpc = self._estate.vpcs.find(side.account, side.vpc)
            if side.region != self._region or vpc is None:
                continue
            if not (vpc.dns_support and vpc.dns_hostnames):
                raise ServiceError(
                    "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled",
                    f"DNS support and DNS hostnames have to be enabled for {vpc.id}.",
                )

    def check_prefix(self, vpc: Vpc, prefix: str) -> None:
        """Refuse a further prefix of a VPC that its peerings do not allow."""
        for one in self.live(vpc.account, vpc.id):
            for role in self._roles_of(one, vpc.account, vpc.id):
                if role == REQUESTER and not self._is_accepted(one):
                    raise ServiceError(
                        "OperationNotPermitted",
                        f"A CIDR cannot be added to {vpc.id} while its peering request {one.id} "
                        "is pending.",
                    )
                far = one.accepter if role == REQUESTER else one.requester
                if self._is_accepted(one) and peering.overlap((prefix,), far.prefixes):
                    raise ServiceError(
                        "InvalidVpc.Range",
                        f"The CIDR '{prefix}' overlaps with a CIDR of the peer VPC {far.vpc}.",
                    )

    def prefixes_changed(self, vpc: Vpc) -> None:
        """Say what prefixes a VPC has now; a pending request that they overlap with fails."""
        for one in self.live(vpc.account, vpc.id):
            for role in self._roles_of(one, vpc.account, vpc.id):
                if self._is_accepted(one):
                    self.keep(peering.changed(one, role, prefixes=_prefixes(vpc)))
                elif role == ACCEPTER and peering.overlap(_prefixes(vpc), one.requester.prefixes):
                    failed = peering.standing(one, peering.FAILED, self._wall(), ACCEPTER)
                    self.keep(failed)

    # Copies.

    def keep(self, of: Peering) -> None:
        """Keep a change that was made here, and see that the other region hears of it."""
        self._put(of)
        for own, far in ((of.requester, of.accepter), (of.accepter, of.requester)):
            if own.region == self._region != far.region:
                self._telling.owe(far.region, own.account, of.id)

    def _put(self, of: Peering) -> None:
        """A request that fails at once is never seen by who was asked."""
        table = self._estate.peerings
        for role, side in ((REQUESTER, of.requester), (ACCEPTER, of.accepter)):
            if side.region != self._region:
                continue
            is_new = table.find(side.account, of.id) is None
            if role == REQUESTER or not is_new or of.standing.code in peering.LIVE:
                table.put(side.account, of.id, of)

    def _hear(self, told: Peering) -> Peering:
        """Take what another region says; return what is known here then."""
        known: Any = None
        for side in (told.requester, told.accepter):
            if side.region == self._region:
                known = known or self._estate.peerings.find(side.account, told.id)
        heard = peering.confirmed(told)
        if known is None and heard.standing.code == peering.INITIATING:
            heard = self._considered(heard)
        elif self._is_without_vpc(heard):
            heard = peering.standing(heard, peering.DELETED, self._wall(), REQUESTER)
        if known is not None:
            heard = peering.joined(known, heard)
        if heard != known:
            self._put(heard)
        return heard

    def _is_without_vpc(self, heard: Peering) -> bool:
        """Whether a request was accepted that had expired here, whose VPC is gone since."""
        side = heard.requester
        is_here = side.region == self._region and heard.standing.code == peering.ACTIVE
        return is_here and self._estate.vpcs.find(side.account, side.vpc) is None

    def _forget(self, account: str) -> None:
        """Forget what the account does not see any more."""
        table = self._estate.peerings
        for one in table.list(account):
            ended = self.code(one) not in peering.LIVE and not self._is_shown(one, account)
            regions = one.requester.region, one.accepter.region
            if ended and not any(self._telling.owes(region, one.id) for region in regions):
                self._estate.remove(table, account, one.id)


def _prefixes(vpc: Vpc) -> tuple[str, ...]:
    return tuple(one.prefix for one in (*vpc.prefixes, *vpc.prefixes6))


def _too_many() -> ServiceError:
    return ServiceError(
        "VpcPeeringConnectionsPerVpcLimitExceeded",
        f"A VPC has at most {PEERINGS_MAX} peering connections.",
    )
