"""What other places ask a region's load balancers: is that one well.

`elb-health` is what an accelerator and Route 53 go by: a load balancer is healthy when every target
group in use has a healthy target (Global Accelerator developer guide,
about-endpoint-groups-health-check-options). One without a listener is not healthy. What their names
mean is told in the change log (`names`), and answered at the edge.
"""

from urllib.parse import unquote, urlsplit

import msgspec

from antipodes.regional.elbv2 import model
from antipodes.regional.elbv2.health import Probes
from antipodes.regional.elbv2.registry import Registry
from antipodes.runtime.contract import Address
from antipodes.service.contract import Host
from antipodes.service.http import HttpRequest, HttpResponse, HttpServer

_JSON = (("content-type", "application/json"),)
_NOT_FOUND = HttpResponse(404, _JSON, b"{}")


class Doors:
    """The door at which a region's load balancers are asked about."""

    def __init__(self, host: Host, registry: Registry, probes: Probes) -> None:
        self._host = host
        self._registry = registry
        self._probes = probes

    async def open(self) -> None:
        """Listen."""
        server = HttpServer(self._host.runtime, self.tell_health, store=self._host.store)
        address = Address(self._host.place, "elb-health")
        await self._host.runtime.listen(address, server.receiver)

    def tell_health(self, request: HttpRequest) -> HttpResponse:
        """Answer `/ARN`."""
        parsed = model.parse_arn(unquote(urlsplit(request.target).path.removeprefix("/")))
        if parsed is None or parsed[0] != self._host.place:
            return _NOT_FOUND
        balancer = self._registry.balancers.get(parsed[1], parsed[3])
        if balancer is None or parsed[2] != "loadbalancer":
            return _NOT_FOUND
        states: dict[str, str] = {}
        for arn in self._registry.groups_of(balancer):
            group = self._registry.group_of(arn)
            well = group is not None and self._probes.is_healthy(group)
            states[arn] = "healthy" if well else "unhealthy"
        serves = balancer.is_active(self._host.runtime.wall())
        serves = serves and bool(self._registry.listeners_of(balancer))
        well = serves and "unhealthy" not in states.values()
        return _answer({"state": "healthy" if well else "unhealthy", "target_groups": states})


def _answer(document: dict[str, object]) -> HttpResponse:
    return HttpResponse(200, _JSON, msgspec.json.encode(document))
