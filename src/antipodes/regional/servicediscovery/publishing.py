"""What happens in hosted zones: operations one after the other, and records as instances are.

Each namespace has at most one task, which does what is pending in the order of asking, and then
brings the records of its services in line with the health of their instances. What Route 53 does
not answer is asked again for ever; what it refuses ends the operation as failed. All that is to be
done is on disk: after a restart the task goes on.
"""

import msgspec

from antipodes.regional.servicediscovery import ending, model
from antipodes.regional.servicediscovery.dnsrecords import records_of
from antipodes.regional.servicediscovery.model import (
    DnsRecord,
    Instance,
    MapService,
    Namespace,
    Operation,
    Published,
)
from antipodes.regional.servicediscovery.registry import Registry
from antipodes.regional.servicediscovery.zones import HostedZones, RefusedByDns, UnreachableDns
from antipodes.runtime.contract import DiskFull

RETRY_S_MIN, RETRY_S_MAX = 0.5, 30.0
BATCH_MAX = 500  # changes; Route 53 takes twice as many
_CODES = {
    "NoSuchHostedZone": "HOSTED_ZONE_NOT_FOUND",
    "InvalidChangeBatch": "INVALID_CHANGE_BATCH",
}


class Publishing:
    """The work that a region has in hosted zones."""

    def __init__(self, service: Registry) -> None:
        self._service = service
        self._runtime = service.host.runtime
        self._zones = HostedZones(service.host)
        self._under_way: dict[str, bool] = {}  # namespaces, and whether there is more to do

    def start(self) -> None:
        """Go on with what was not done."""
        for _, _, one in self._service.operation_records.all():
            if one.status == model.PENDING:
                self.work(one.namespace)
        for _, _, namespace in self._service.namespaces.all():
            if namespace.zone:
                self.work(namespace)
                for service in self._service.services_in(namespace):
                    for instance in self._service.instances(service):
                        self.work_at(namespace, instance.counts_at)

    def work(self, namespace: Namespace) -> None:
        """See to it that what is to be done in a namespace is done."""
        if namespace.id in self._under_way:
            self._under_way[namespace.id] = True
            return
        self._under_way[namespace.id] = False
        self._runtime.spawn(self._work(namespace), f"publish {namespace.id}")

    def work_at(self, namespace: Namespace, at: float) -> None:
        """See to it at a time, if that is still to come."""
        if at > self._service.now:
            self._runtime.spawn(self._later(namespace, at), f"look after {namespace.id}")

    async def _later(self, namespace: Namespace, at: float) -> None:
        while (left_s := at - self._service.now) > 0:  # the clock may be put back meanwhile
            await self._runtime.sleep(left_s)
        self.work(namespace)

    async def _work(self, namespace: Namespace) -> None:
        retry_s = RETRY_S_MIN
        while True:
            try:
                await self._service.host.store.committed()
                await self._pass(namespace)
            except (UnreachableDns, DiskFull) as error:
                if isinstance(error, UnreachableDns):
                    await self._zones.wake()
                self._runtime.journal.sometimes("servicediscovery.published-later")
                await self._runtime.sleep(self._runtime.interval(retry_s))
                retry_s = min(2 * retry_s, RETRY_S_MAX)
                continue
            if not self._under_way[namespace.id]:
                del self._under_way[namespace.id]
                return
            self._under_way[namespace.id] = False
            retry_s = RETRY_S_MIN

    async def _pass(self, namespace: Namespace) -> None:
        """Do all that is pending, and then what the health of instances asks for."""
        while (operation := self._next(namespace)) is not None:
            try:
                done = await self._done(operation)
            except RefusedByDns as error:
                ending.fail(self._service, operation, _code(operation, error), str(error))
            else:
                ending.succeed(self._service, done)
        now = self._service.namespaces.get(namespace.account, namespace.id)
        for service in self._service.services_in(namespace) if now is not None else []:
            try:
                await self._publish(namespace, service, self._service.instances(service))
            except RefusedByDns:  # the next operation will tell its caller
                self._runtime.journal.sometimes("servicediscovery.records-refused")

    def _next(self, namespace: Namespace) -> Operation | None:
        pending = [
            one
            for one in self._service.operation_records.list(namespace.account)
            if one.status == model.PENDING and one.namespace.id == namespace.id
        ]
        return min(pending, key=lambda one: one.number, default=None)

    async def _done(self, of: Operation) -> Operation:
        """Do an operation's part in the zone; return it with what is known since."""
        namespace, service = of.namespace, of.service
        if of.kind == model.CREATE_NAMESPACE:
            return await self._created(of)
        if of.kind == model.DELETE_NAMESPACE:
            await self._zones.delete(namespace)
        elif of.kind == model.UPDATE_NAMESPACE:
            had = self._service.namespaces.get(namespace.account, namespace.id)
            if had is None or had.soa_ttl_s != namespace.soa_ttl_s:
                await self._zones.set_soa(namespace, namespace.soa_ttl_s)
        elif service is not None:
            instances = {one.id: one for one in self._service.instances(service)}
            if of.instance is not None:
                instances.pop(of.instance.id, None)
                if of.kind == model.REGISTER:
                    instances[of.instance.id] = of.instance
            await self._publish(namespace, service, list(instances.values()))
        return of

    async def _created(self, of: Operation) -> Operation:
        zone = await self._zones.make(of.namespace, of.id)
        made = msgspec.structs.replace(of.namespace, zone=zone)
        await self._zones.set_soa(made, made.soa_ttl_s)
        return msgspec.structs.replace(of, namespace=made)

    async def _publish(
        self, namespace: Namespace, service: MapService, instances: list[Instance]
    ) -> None:
        """Bring the records of a service in line with instances."""
        kept = self._service.published.get(service.account, service.id) or Published()
        had = {_key(one): one for one in kept.records}
        wanted = records_of(namespace, service, instances, self._service.now)
        keys = {_key(one) for one in wanted}
        gone = [one for key, one in had.items() if key not in keys]
        new = [one for one in wanted if had.get(_key(one)) != one]
        while gone or new:
            taken, put = gone[:BATCH_MAX], new[: max(0, BATCH_MAX - len(gone))]
            await self._zones.change(namespace, taken, put)
            gone, new = gone[len(taken) :], new[len(put) :]
            for one in taken:
                del had[_key(one)]
            had |= {_key(one): one for one in put}
            records = Published(tuple(sorted(had.values())))
            self._service.published.put(service.account, service.id, records)


def _key(of: DnsRecord) -> tuple[str, str, str]:
    return of.name, of.type, of.set_identifier


def _code(of: Operation, error: RefusedByDns) -> str:
    if of.kind == model.CREATE_NAMESPACE:
        return "CANNOT_CREATE_HOSTED_ZONE"
    return _CODES.get(error.code, "INTERNAL_FAILURE")
