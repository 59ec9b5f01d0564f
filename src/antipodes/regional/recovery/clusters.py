"""The control plane's records, and how the endpoints get to know of them.

A change of a cluster's configuration is kept here, with a new version; in the background the
endpoints are brought to agree on it, which needs a majority of them, however long that takes. The
regions of the endpoints need not be part of this world: whoever runs it is asked to start them.
"""

from functools import partial
from typing import Any, TypeVar

import msgspec

from antipodes.regional.recovery import model
from antipodes.regional.recovery.consensus import Consensus, Unavailable
from antipodes.regional.recovery.model import Cluster, Control, Panel, Part, Rule
from antipodes.regional.recovery.state import Agreed, configured
from antipodes.runtime.contract import DiskFull
from antipodes.service.contract import Host
from antipodes.service.drawing import hex_digits
from antipodes.service.hosts import ensure_host
from antipodes.service.http import HttpClient
from antipodes.service.planes import CLUSTER_REGIONS
from antipodes.service.records import Records

AGAIN_S = 5.0

T = TypeVar("T", bound=Cluster | Part)
P = TypeVar("P", bound=Part)


class Clusters:
    """All clusters, with their parts."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._runtime = host.runtime
        self.clusters = Records(host.store, "recovery/cluster", Cluster)
        self.panels = Records(host.store, "recovery/panel", Panel)
        self.controls = Records(host.store, "recovery/control", Control)
        self.rules = Records(host.store, "recovery/rule", Rule)
        self.chance = host.runtime.chance("recovery/identifiers")
        self._client = HttpClient(host.runtime)
        self._deploying: dict[tuple[str, str], None] = {}
        self._started: dict[str, None] = {}
        self._consensus: Consensus

    def start(self, consensus: Consensus) -> None:
        """Take up what the endpoints have not agreed on yet."""
        self._consensus = consensus
        for _, _, cluster in self.clusters.all():
            self._deploy(cluster)

    # Looking.

    def cluster(self, account: str, arn: str) -> Cluster:
        """A cluster, or AWS's word that there is none."""
        found = self.clusters.get(account, model.cluster_id(arn, account))
        if found is None:
            raise model.not_found("cluster", arn)
        return found

    def panel(self, account: str, arn: str) -> Panel:
        """A control panel, or AWS's word that there is none."""
        found = self.panels.get(account, model.panel_id(arn, account))
        if found is None:
            raise model.not_found("control panel", arn)
        return found

    def control(self, account: str, arn: str) -> Control:
        """A routing control, or AWS's word that there is none."""
        found = self.controls.get(account, model.part_key(arn, account, "routingcontrol"))
        if found is None:
            raise model.not_found("routing control", arn)
        return found

    def rule(self, account: str, arn: str) -> Rule:
        """A safety rule, or AWS's word that there is none."""
        found = self.rules.get(account, model.part_key(arn, account, "safetyrule"))
        if found is None:
            raise model.not_found("safety rule", arn)
        return found

    def of(self, part: Part) -> Cluster:
        """The cluster of a part."""
        cluster = self.clusters.get(part.account, part.cluster)
        assert cluster is not None, f"{part.arn} outlived its cluster"
        return cluster

    def panels_of(self, cluster: Cluster) -> list[Panel]:
        """The control panels of a cluster."""
        return [p for p in self.panels.list(cluster.account) if p.cluster == cluster.id]

    def controls_of(self, cluster: Cluster) -> list[Control]:
        """The routing controls of a cluster."""
        return [c for c in self.controls.list(cluster.account) if c.cluster == cluster.id]

    def rules_of(self, cluster: Cluster) -> list[Rule]:
        """The safety rules of a cluster."""
        return [r for r in self.rules.list(cluster.account) if r.cluster == cluster.id]

    def new_id(self, digits: int) -> str:
        """Random hexadecimal digits."""
        return hex_digits(self.chance, digits)

    # Changing.

    def add(self, cluster: Cluster) -> Cluster:
        """Keep a new cluster, with its default panel."""
        self.clusters.put(cluster.account, cluster.id, cluster)
        default = Panel(
            account=cluster.account,
            cluster=cluster.id,
            id=self.new_id(32),
            name=model.DEFAULT_PANEL,
            token="",
            version=cluster.version,
            default=True,
        )
        self.panels.put(cluster.account, default.key, default)
        self._deploy(cluster)
        return cluster

    def put(self, part: P) -> P:
        """Keep a part that is new or has changed, as of the cluster's next version."""
        cluster = self.of(part)
        version = cluster.version + 1
        part = msgspec.structs.replace(part, version=version)
        self.records_of(part).put(part.account, part.key, part)
        self._next(cluster, version)
        return part

    def delete(self, cluster: Cluster) -> None:
        """Begin to delete a cluster."""
        self._next(msgspec.structs.replace(cluster, deleting=True), cluster.version + 1)

    def records_of(self, thing: T) -> Records[T]:
        """Where something is kept."""
        tables: dict[type, Records[Any]] = {
            Cluster: self.clusters,
            Panel: self.panels,
            Control: self.controls,
            Rule: self.rules,
        }
        return tables[type(thing)]

    def _next(self, cluster: Cluster, version: int) -> None:
        changed = msgspec.structs.replace(cluster, version=version)
        self.clusters.put(cluster.account, cluster.id, changed)
        self._deploy(changed)

    # Deploying.

    def _deploy(self, cluster: Cluster) -> None:
        key = (cluster.account, cluster.id)
        if cluster.deployed < cluster.version and key not in self._deploying:
            self._deploying[key] = None
            self._runtime.spawn(self._keep_deploying(*key), f"deploy {cluster.arn}")

    async def _keep_deploying(self, account: str, cluster_id: str) -> None:
        await self._start_endpoints()
        while True:
            delay_s = self._host.settings.control_plane_delay_s
            await self._runtime.sleep(self._runtime.interval(delay_s))
            cluster = self.clusters.get(account, cluster_id)
            if cluster is None or cluster.deployed >= cluster.version:
                break
            told = self._configuration(cluster)
            try:
                await self._host.store.committed()
                await self._consensus.change(cluster.id, partial(configured, after=told))
                self._settle(account, cluster_id, told.version)
            except (Unavailable, DiskFull):
                self._runtime.journal.sometimes("recovery.configuration-waits")
                await self._runtime.sleep(self._runtime.interval(AGAIN_S))
        del self._deploying[account, cluster_id]

    def _configuration(self, cluster: Cluster) -> Agreed:
        return model.configuration(
            cluster, self.panels_of(cluster), self.controls_of(cluster), self.rules_of(cluster)
        )

    def _settle(self, account: str, cluster_id: str, version: int) -> None:
        """The endpoints have agreed on a version: forget what it has deleted."""
        cluster = self.clusters.get(account, cluster_id)
        assert cluster is not None, "only this task forgets a cluster"
        gone = cluster.deleting and cluster.version == version
        self._forget(self.panels, self.panels_of(cluster), version, everything=gone)
        self._forget(self.controls, self.controls_of(cluster), version, everything=gone)
        self._forget(self.rules, self.rules_of(cluster), version, everything=gone)
        if gone:
            self.clusters.delete(account, cluster_id)
        else:
            deployed = msgspec.structs.replace(cluster, deployed=version)
            self.clusters.put(account, cluster_id, deployed)

    @staticmethod
    def _forget(records: Records[P], parts: list[P], version: int, *, everything: bool) -> None:
        for part in parts:
            if everything or (part.deleting and part.version <= version):
                records.delete(part.account, part.key)

    async def _start_endpoints(self) -> None:
        """See to it that there is somebody in each of the five regions, as far as possible."""
        async with self._runtime.nursery() as nursery:
            for region in CLUSTER_REGIONS:
                if region != self._host.place and region not in self._started:
                    nursery.spawn(self._start_endpoint(region), f"start the endpoint in {region}")

    async def _start_endpoint(self, region: str) -> None:
        """Without it the others are a majority, or the deployment waits."""
        if await ensure_host(self._runtime, self._client, region):
            self._started[region] = None
