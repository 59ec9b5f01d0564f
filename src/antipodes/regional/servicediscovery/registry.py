"""What Cloud Map keeps in one region, found by ids."""

import base64
import re
from collections.abc import Mapping
from typing import Any

from antipodes.regional.servicediscovery.model import (
    Instance,
    MapService,
    Namespace,
    Operation,
    Published,
    Tags,
)
from antipodes.service.contract import Call, Host, Service, ServiceError
from antipodes.service.records import Records

_ARN = re.compile(r"arn:aws:servicediscovery:([^:]*):([^:]*):([a-z]+)/(.+)")
_NAMESPACE, _SERVICE = "namespace", "service"


class Registry(Service):
    """The records of Cloud Map in one region."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        store = host.store
        self.namespaces = Records(store, "servicediscovery/namespace", Namespace)
        self.services = Records(store, "servicediscovery/service", MapService)
        self._instances = Records(store, "servicediscovery/instance", Instance)
        self.operation_records = Records(store, "servicediscovery/operation", Operation)
        self.published = Records(store, "servicediscovery/published", Published)
        self.tags = Records(store, "servicediscovery/tags", Tags)
        self._chance = host.runtime.chance("servicediscovery/ids")

    @property
    def now(self) -> float:
        """The host's clock."""
        return self.host.runtime.wall()

    def draw(self, length: int) -> str:
        """Letters and digits, as AWS makes ids of."""
        drawn = self._chance.getrandbits(5 * length).to_bytes((5 * length + 7) // 8, "big")
        return base64.b32encode(drawn).decode().lower().rstrip("=")[-length:]

    # Things by their ids.

    def namespace(self, call: Call, name: str) -> Namespace:
        """A namespace of the caller's, by id or ARN."""
        found = self.namespaces.get(call.account, _own(call, name, _NAMESPACE))
        if found is None:
            raise ServiceError("NamespaceNotFound", f"No namespace exists with the ID '{name}'.")
        return found

    def map_service(self, call: Call, name: str) -> MapService:
        """A service of the caller's, by id or ARN."""
        found = self.services.get(call.account, _own(call, name, _SERVICE))
        if found is None:
            raise ServiceError("ServiceNotFound", f"No service exists with the ID '{name}'.")
        return found

    def instance(self, of: MapService, name: str) -> Instance:
        """An instance of a service."""
        found = self._instances.get(_corner(of), name)
        if found is None:
            raise ServiceError("InstanceNotFound", f"No instance exists with the ID '{name}'.")
        return found

    def instances(self, of: MapService) -> list[Instance]:
        """All instances of a service, by id."""
        return self._instances.list(_corner(of))

    def count(self, of: MapService) -> int:
        """How many instances a service has."""
        return self._instances.count(_corner(of))

    def put_instance(self, of: MapService, instance: Instance) -> None:
        """Keep an instance, new or changed."""
        self._instances.put(_corner(of), instance.id, instance)

    def delete_instance(self, of: MapService, name: str) -> None:
        """Forget an instance."""
        self._instances.delete(_corner(of), name)

    def services_in(self, of: Namespace) -> list[MapService]:
        """The services of a namespace."""
        return [one for one in self.services.list(of.account) if one.namespace == of.id]

    # What has tags.

    def arn(self, kind: str, account: str, name: str) -> str:
        """The ARN of a namespace or service."""
        return f"arn:aws:servicediscovery:{self.host.place}:{account}:{kind}/{name}"

    def check_tagged(self, call: Call, arn: str) -> None:
        """Refuse an ARN of nothing that has tags."""
        found = _ARN.fullmatch(arn)
        tables: Mapping[str, Records[Any]] = {
            _NAMESPACE: self.namespaces,
            _SERVICE: self.services,
        }
        own = found is not None and (found[1], found[2]) == (call.region, call.account)
        table = tables.get(found[3]) if found is not None and own else None
        if found is None or table is None or table.get(call.account, found[4]) is None:
            raise ServiceError("ResourceNotFoundException", f"The resource '{arn}' was not found.")

    def tag(self, account: str, arn: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of something."""
        if tags:
            self.tags.put(account, arn, Tags(dict(tags)))
        else:
            self.tags.delete(account, arn)

    def tags_of(self, account: str, arn: str) -> dict[str, str]:
        """The tags of something."""
        found = self.tags.get(account, arn)
        return found.tags if found is not None else {}


def _corner(of: MapService) -> str:
    return f"{of.account}/{of.id}"


def _own(call: Call, name: str, kind: str) -> str:
    """An id, which may be given as an ARN; nothing for one of somebody else's, or elsewhere."""
    if not name.startswith("arn:"):
        return name
    found = _ARN.fullmatch(name)
    is_own = found is not None and found.groups()[:3] == (call.region, call.account, kind)
    return found[4] if found is not None and is_own else ""


def invalid(message: str) -> ServiceError:
    """The error for a request that cannot be."""
    return ServiceError("InvalidInput", message)
