"""A simulated world with what experiments need, and a short way to ask it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from antipodes.hosting.simulated import SimulatedWorld
from antipodes.service.contract import ServiceError

W, E = "us-west-2", "eu-central-1"
ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fis"
WAIT = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}}


def minimal(**more: Any) -> dict[str, Any]:
    """The least that makes a template, with changes."""
    return {
        "clientToken": "t",
        "description": "An experiment",
        "stopConditions": [{"source": "none"}],
        "actions": {"wait": WAIT},
        "roleArn": ROLE,
        **more,
    }


class Laboratory:
    """Experiments in one region of a simulated world."""

    def __init__(self, seed: int = 0) -> None:
        self.world = SimulatedWorld((W, E), seed=seed)
        self._made = 0

    async def do(self, operation: str, place: str = W, **request: Any) -> Any:
        """Call FIS."""
        return await self.call(place, "fis", operation, **request)

    async def call(self, place: str, service: str, operation: str, **request: Any) -> Any:
        """Call any service."""
        return await self.world.call(place, service, operation, request)

    async def refused(self, operation: str, **request: Any) -> ServiceError:
        """The error that a call of FIS ends with."""
        with pytest.raises(ServiceError) as caught:
            await self.do(operation, **request)
        return caught.value

    async def template(self, **more: Any) -> str:
        """Make a template; return its id."""
        self._made += 1
        made = await self.do(
            "CreateExperimentTemplate", **minimal(clientToken=f"t{self._made}", **more)
        )
        return str(made["experimentTemplate"]["id"])

    async def start(self, **more: Any) -> str:
        """Make a template and start an experiment; return its id."""
        template = await self.template(**more)
        started = await self.do(
            "StartExperiment", clientToken=template, experimentTemplateId=template
        )
        return str(started["experiment"]["id"])

    async def get(self, experiment: str) -> Any:
        """An experiment as it is now."""
        return (await self.do("GetExperiment", id=experiment))["experiment"]

    async def status(self, experiment: str) -> str:
        """An experiment's status."""
        return str((await self.get(experiment))["state"]["status"])

    async def actions(self, experiment: str) -> dict[str, str]:
        """The status of each action."""
        found = (await self.get(experiment))["actions"]
        return {name: action["state"]["status"] for name, action in found.items()}

    async def wait_for(self, experiment: str, *statuses: str, within_s: float = 60.0) -> None:
        """Let time pass until an experiment is in one of the states."""
        end = self.world.outside.now() + within_s
        while await self.status(experiment) not in statuses:
            assert self.world.outside.now() < end, (
                f"not {statuses} but {await self.get(experiment)}"
            )
            await self.sleep(0.1)

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await self.world.outside.sleep(seconds)

    def faults(self) -> dict[str, str]:
        """The world's faults in words, by handle."""
        return {handle: fault.describe() for handle, fault in self.world.world.faults()}


def play(scenario: Callable[[Laboratory], Awaitable[None]], seed: int = 0) -> str:
    """Run a scenario; return the digest of its run."""
    laboratory = Laboratory(seed)

    async def main() -> None:
        await laboratory.world.start()
        await scenario(laboratory)

    try:
        laboratory.world.run(main())
        return str(laboratory.world.simulation.journal.digest())
    finally:
        laboratory.world.close()
