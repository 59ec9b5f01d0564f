"""A change that is INSYNC is known to every edge location."""

import pytest

from antipodes.hosting.edge import EdgeHost
from tests.edge.route53.controlplane import PROPAGATION_S, ControlPlane, record


@pytest.mark.parametrize("propagation_s", [0.0, 1.0, PROPAGATION_S])
def test_insync_means_that_every_location_has_it(propagation_s: float) -> None:
    plane = ControlPlane(propagation_s=propagation_s)

    async def scenario() -> None:
        zone = await plane.zone()
        await plane.wait(propagation_s + 1)
        edge = plane.simulated.hosts["edge"]
        assert isinstance(edge, EdgeHost)
        for number in range(5):
            made = await plane.change(zone, ("UPSERT", record("www.example.com", TTL=number)))
            change = made["ChangeInfo"]["Id"]
            early = 0
            while True:
                found = await plane.call("GetChange", Id=change)
                places = edge.names.status()
                pending = sum(place["pending"] > 0 for place in places.values())
                if found["ChangeInfo"]["Status"] == "INSYNC":
                    break
                early = max(early, pending)
                await plane.wait(0.05 + propagation_s / 20)
            assert pending == 0
            versions = {place["version"] for place in places.values()}
            assert len(versions) == 1
            assert early or not propagation_s

    async def main() -> None:
        await plane.simulated.start()
        await plane.simulated.outside.spawn(scenario(), "scenario")

    try:
        plane.simulated.run(main())
    finally:
        plane.simulated.close()
