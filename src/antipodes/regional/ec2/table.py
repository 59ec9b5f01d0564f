"""Tables of typed records: all resources of one kind, by account and id."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

from antipodes.regional.ec2.kinds import Kind
from antipodes.service.contract import Host, ServiceError
from antipodes.service.records import Records

R = TypeVar("R", bound=msgspec.Struct)
Given = Callable[[str], list[tuple[str, str]]]


class Table(Generic[R]):
    """All resources of one kind, by account and id."""

    def __init__(self, host: Host, kind: Kind, record: type[R]) -> None:
        self.kind = kind
        self._given: Given | None = None
        self._records = Records(host.store, kind.key, record)
        self._chance = host.runtime.chance(kind.key)

    def let(self, given: Given) -> None:
        """Let accounts see what is another's: `given` says what, by id, and whose it is."""
        self._given = given

    def new_id(self) -> str:
        """An id that nothing has had."""
        return f"{self.kind.prefix}-{self._chance.getrandbits(68):017x}"

    @property
    def state(self) -> tuple[int, int]:
        """Another one after each change: for those who keep what they have worked out."""
        return self._records.state

    def find(self, account: str, name: str) -> R | None:
        """The resource of that id, if there is one."""
        return self._records.get(account, name)

    def get(self, account: str, name: str) -> R:
        """The resource of that id; raises the kind's error where there is none."""
        found = self._records.get(account, name)
        if found is None:
            raise unauthorized() if self._owner(account, name) else self.missing(name)
        return found

    def usable(self, account: str, name: str) -> R:
        """The resource of that id, of the account's own or shared with it."""
        owner = self._owner(account, name)
        found = self._records.get(owner, name) if owner else None
        return found if found is not None else self.get(account, name)

    def all_usable(self, account: str) -> list[R]:
        """An account's resources, and those that are shared with it."""
        found = self.list(account)
        given = self._given(account) if self._given is not None else []
        others = (self._records.get(owner, name) for name, owner in given)
        return found + [one for one in others if one is not None]

    def anywhere(self, account: str, name: str) -> R | None:
        """The resource of that id, most likely an account's, but whoever's it is."""
        own = self._records.get(account, name)
        if own is not None:
            return own
        return next((one for _, known, one in self._records.all() if known == name), None)

    def _owner(self, account: str, name: str) -> str:
        """Whose a resource is that an account may see; nobody: ""."""
        given = self._given(account) if self._given is not None else []
        return dict(given).get(name, "")

    def missing(self, name: str) -> ServiceError:
        """The error for an id that names nothing."""
        kind = self.kind
        return ServiceError(kind.unknown, f"The {kind.noun} '{name}' does not exist")

    def put(self, account: str, name: str, record: R) -> None:
        """Keep a resource, new or changed."""
        self._records.put(account, name, record)

    def delete(self, account: str, name: str) -> None:
        """Forget a resource."""
        self._records.delete(account, name)

    def all(self) -> Iterator[R]:
        """Every account's resources."""
        return (record for _, _, record in self._records.all())

    def list(self, account: str) -> list[R]:
        """An account's resources, by id."""
        return self._records.list(account)

    def count(self, account: str) -> int:
        """How many an account has."""
        return self._records.count(account)


def unauthorized() -> ServiceError:
    """The error for a change of what is another's."""
    return ServiceError(
        "UnauthorizedOperation", "You are not authorized to perform this operation.", 403
    )
