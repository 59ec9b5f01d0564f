"""Requests to the control plane, with what a test does not care about filled in."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.edge.globalaccelerator.worlds import Stage, W


async def refused(stage: Stage, operation: str, **request: Any) -> str:
    """The error's code."""
    with pytest.raises(ServiceError) as caught:
        await stage.call(operation, **request)
    return caught.value.code


async def create(stage: Stage, name: str = "a", **more: Any) -> dict[str, Any]:
    made = await stage.call("CreateAccelerator", Name="one", IdempotencyToken=name, **more)
    found: dict[str, Any] = made["Accelerator"]
    return found


async def listen(stage: Stage, accelerator: str, *ports: int, name: str = "l") -> Any:
    return await stage.call(
        "CreateListener",
        AcceleratorArn=accelerator,
        Protocol="TCP",
        PortRanges=[{"FromPort": port, "ToPort": port} for port in ports],
        IdempotencyToken=name,
    )


async def grouped(stage: Stage, listener: str, region: str = W, **more: Any) -> Any:
    request = {"IdempotencyToken": f"{region} {sorted(more)}", **more}
    made = await stage.call(
        "CreateEndpointGroup", ListenerArn=listener, EndpointGroupRegion=region, **request
    )
    return made["EndpointGroup"]
