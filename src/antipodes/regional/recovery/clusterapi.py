"""The API of `route53-recovery-cluster`, 2019-12-02: an endpoint of all clusters, in one region.

At AWS each cluster has endpoints of its own, and the address names the cluster. Here a region's
endpoint serves all clusters: which one is meant follows from the ARNs, or from the account.
"""

from typing import Any

from antipodes.regional.recovery.consensus import Consensus, Unavailable
from antipodes.regional.recovery.registers import Registers
from antipodes.regional.recovery.state import (
    ENTRIES_MAX,
    OFF,
    ON,
    Agreed,
    Change,
    Control,
    not_found,
    switched,
)
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)
from antipodes.service.paging import InvalidToken, page_at
from antipodes.service.planes import CLUSTER_REGIONS
from antipodes.service.rates import CallRate

operations = Operations()

PAGE_MAX = 500
CHANGES_MAX, CHANGES_S = 3, 1.0  # of a cluster at an endpoint, where capacity can be short


class RecoveryCluster(Service):
    """One of the five endpoints."""

    name = "route53-recovery-cluster"
    operations = operations
    places = CLUSTER_REGIONS

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.consensus = Consensus(host)
        self._rate = CallRate(CHANGES_MAX, CHANGES_S)

    @property
    def registers(self) -> Registers:
        """What this endpoint holds."""
        return self.consensus.registers

    async def start(self) -> None:
        """Join the others."""
        await self.consensus.start()

    async def clusters(self, account: str) -> dict[str, list[str]]:
        """An account's clusters, with their panels."""
        try:
            return await self.consensus.owned(account)
        except Unavailable as error:
            raise _unavailable(error) from None

    async def cluster_of(self, account: str, arn: str, what: str) -> str:
        """The cluster that a panel, or something of it, is of; mostly known here."""
        panel = "/".join(arn.split("/")[:2])
        for cluster, panels in self.registers.owned(account):
            if panel in panels:
                return cluster
        for cluster, panels in (await self.clusters(account)).items():
            if panel in panels:
                return cluster
        raise not_found(what, arn)

    async def read(self, cluster: str) -> Agreed:
        """What is agreed of a cluster."""
        try:
            agreed = await self.consensus.read(cluster)
        except Unavailable as error:
            raise _unavailable(error) from None
        if agreed is None or agreed.deleted:
            raise not_found("cluster", cluster)
        return agreed

    async def switch(self, call: Call, wanted: dict[str, bool], overridden: list[str]) -> None:
        """Set switches of one cluster, all or none."""
        clusters = {
            await self.cluster_of(call.account, arn, "routing control"): None for arn in wanted
        }
        if len(clusters) > 1:
            raise _invalid("The routing controls are not all of one cluster")
        cluster = next(iter(clusters))
        runtime = self.host.runtime
        if self.host.settings.throttling and not self._rate.allows(cluster, runtime.now()):
            raise ServiceError("ThrottlingException", "Rate exceeded", retryAfterSeconds=1)
        change = Change(
            endpoint=self.host.place,
            id=call.request_id,
            wanted=wanted,
            overridden=tuple(overridden),
            wall=runtime.wall(),
            wait_scale=runtime.interval(1.0),
        )

        def function(before: Agreed | None) -> Agreed:
            if before is None or before.deleted:
                raise not_found("cluster", cluster)
            return switched(before, change)

        try:
            await self.consensus.change(cluster, function)
        except Unavailable as error:
            raise _unavailable(error) from None


def _unavailable(error: Unavailable) -> ServiceError:
    return ServiceError("EndpointTemporarilyUnavailableException", f"Try another endpoint: {error}")


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message, reason="fieldValidationFailed")


def _show(agreed: Agreed, control: Control) -> Response:
    panel = agreed.panel(control.panel)
    return {
        "ControlPanelArn": control.panel,
        "ControlPanelName": panel.name if panel is not None else "",
        "RoutingControlArn": control.arn,
        "RoutingControlName": control.name,
        "RoutingControlState": ON if control.on else OFF,
        "Owner": agreed.account,
    }


@operations("GetRoutingControlState")
async def get_routing_control_state(
    service: RecoveryCluster, call: Call, request: Request
) -> Response:
    arn = request["RoutingControlArn"]
    cluster = await service.cluster_of(call.account, arn, "routing control")
    control = (await service.read(cluster)).control(arn)
    if control is None:
        raise not_found("routing control", arn)
    return {
        "RoutingControlArn": arn,
        "RoutingControlName": control.name,
        "RoutingControlState": ON if control.on else OFF,
    }


@operations("ListRoutingControls")
async def list_routing_controls(service: RecoveryCluster, call: Call, request: Request) -> Response:
    panel = request.get("ControlPanelArn")
    clusters = list(await service.clusters(call.account))
    if panel:
        clusters = [await service.cluster_of(call.account, panel, "control panel")]
    found: list[Response] = []
    for cluster in clusters:
        agreed = await service.read(cluster)
        found += [
            _show(agreed, control)
            for control in agreed.controls
            if not panel or control.panel == panel
        ]
    size = request.get("MaxResults") or PAGE_MAX
    try:
        page, following = page_at(found, request.get("NextToken"), size)
    except InvalidToken:
        raise _invalid("The NextToken value is not valid") from None
    answer: Response = {"RoutingControls": list(page)}
    return {**answer, "NextToken": following} if following else answer


@operations("UpdateRoutingControlState")
async def update_routing_control_state(
    service: RecoveryCluster, call: Call, request: Request
) -> Response:
    wanted = {request["RoutingControlArn"]: request["RoutingControlState"] == ON}
    await service.switch(call, wanted, request.get("SafetyRulesToOverride") or [])
    return {}


@operations("UpdateRoutingControlStates")
async def update_routing_control_states(
    service: RecoveryCluster, call: Call, request: Request
) -> Response:
    entries: list[dict[str, Any]] = request["UpdateRoutingControlStateEntries"]
    wanted = {entry["RoutingControlArn"]: entry["RoutingControlState"] == ON for entry in entries}
    if not entries or len(wanted) != len(entries):
        raise _invalid("Name at least one routing control, each once")
    if len(entries) > ENTRIES_MAX:
        raise ServiceError(
            "ServiceLimitExceededException",
            f"At most {ENTRIES_MAX} routing controls can be updated by one request",
            limitCode="RoutingControlsPerUpdate",
            serviceCode="route53-recovery-cluster",
        )
    await service.switch(call, wanted, request.get("SafetyRulesToOverride") or [])
    return {}
