"""What an account has in a region: tables of typed records, their ids, and their tags.

The default network of an account is there from its first call on: what it is made of follows from
account and region, ids included, so it is the same in every run.
"""

from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

from antipodes.regional.ec2 import kinds, records
from antipodes.regional.ec2.kinds import Kind
from antipodes.service.contract import Host, ServiceError
from antipodes.service.records import Records

R = TypeVar("R", bound=msgspec.Struct)


class Tags(msgspec.Struct, frozen=True):
    """The tags of one resource."""

    pairs: tuple[tuple[str, str], ...] = ()


class Table(Generic[R]):
    """All resources of one kind, by account and id."""

    def __init__(self, host: Host, kind: Kind, record: type[R]) -> None:
        self.kind = kind
        self._records = Records(host.store, kind.key, record)
        self._chance = host.runtime.chance(kind.key)

    def new_id(self) -> str:
        """An id that nothing has had."""
        return f"{self.kind.prefix}-{self._chance.getrandbits(68):017x}"

    def find(self, account: str, name: str) -> R | None:
        """The resource of that id, if there is one."""
        return self._records.get(account, name)

    def get(self, account: str, name: str) -> R:
        """The resource of that id; raises the kind's error where there is none."""
        found = self._records.get(account, name)
        if found is None:
            raise self.missing(name)
        return found

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

    def list(self, account: str) -> list[R]:
        """An account's resources, by id."""
        return self._records.list(account)

    def count(self, account: str) -> int:
        """How many an account has."""
        return self._records.count(account)


class Estate:
    """Everything that accounts have in one region."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.vpcs = Table(host, kinds.VPC, records.Vpc)
        self.subnets = Table(host, kinds.SUBNET, records.Subnet)
        self.tables = Table(host, kinds.ROUTE_TABLE, records.RouteTable)
        self.acls = Table(host, kinds.NETWORK_ACL, records.NetworkAcl)
        self.groups = Table(host, kinds.SECURITY_GROUP, records.SecurityGroup)
        self.gateways = Table(host, kinds.INTERNET_GATEWAY, records.InternetGateway)
        self.options = Table(host, kinds.DHCP_OPTIONS, records.DhcpOptions)
        self._tags = Records(host.store, "ec2/tags", Tags)

    def tags(self, account: str, name: str) -> dict[str, str]:
        """The tags of a resource."""
        found = self._tags.get(account, name)
        return dict(found.pairs) if found is not None else {}

    def tag(self, account: str, name: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a resource."""
        if tags:
            self._tags.put(account, name, Tags(tuple(sorted(tags.items()))))
        else:
            self._tags.delete(account, name)
