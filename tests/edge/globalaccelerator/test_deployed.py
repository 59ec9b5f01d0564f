"""An accelerator that is DEPLOYED is known to every edge location as it is."""

import pytest

from tests.edge.globalaccelerator.worlds import PROPAGATION_S, Stage, W


@pytest.mark.parametrize("propagation_s", [0.0, 0.2, PROPAGATION_S])
def test_deployed_means_that_every_location_has_it(propagation_s: float) -> None:
    stage = Stage((W,), propagation_s=propagation_s)

    async def scenario(stage: Stage) -> None:
        await stage.accelerate(regions=())  # no endpoints, so no news of their health
        early = 0
        for name in ("back", "side", "front"):
            before = {place: told["heard"] for place, told in stage.plane.status().items()}
            changed = await stage.call(
                "UpdateAccelerator", AcceleratorArn=stage.accelerator, Name=name
            )
            assert changed["Accelerator"]["Status"] == "IN_PROGRESS"
            while True:
                shown = await stage.call("DescribeAccelerator", AcceleratorArn=stage.accelerator)
                places = stage.plane.status()
                waiting = [
                    place
                    for place, told in places.items()
                    if told["pending"] or told["heard"] == before[place]
                ]
                if shown["Accelerator"]["Status"] == "DEPLOYED":
                    break
                early = max(early, len(waiting))
                await stage.wait(0.02 + propagation_s / 50)
            assert waiting == []
        assert early > 0

    stage.run(scenario)
