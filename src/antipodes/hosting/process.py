"""The main function of a host's process: one region, the edge, or the customer's sites.

Started by the supervisor with its configuration as the only argument. It ends when it is told to,
and when the supervisor's end of the lifeline closes, however that came about.
"""

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from antipodes.hosting.configuration import Configuration
from antipodes.hosting.control import Control, restore_faults
from antipodes.hosting.links import EDGE, SITE, WorldLinks
from antipodes.runtime.children import hold_lifeline, on_signals
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime

# Hosts that serve no AWS API.
_DATA_PLANES = (EDGE, SITE)


async def main(configuration: Configuration) -> None:
    """Run the host until it is asked to stop."""
    world = configuration.world()
    runtime = await RealRuntime.start(
        host=configuration.place,
        links=WorldLinks(world),
        run_directory=Path(configuration.run_directory),
        state_directory=Path(configuration.state_directory),
        seed=configuration.seed,
        speed=configuration.speed,
        power=configuration.durability == "power",
    )
    stopping = runtime.future()

    def stop() -> None:
        if not stopping.done():
            stopping.set_result(None)

    on_signals(stop)
    host = _host(runtime, world, configuration)
    early: list[tuple[int, bytes]] = []
    started = False

    def take(descriptor: int, received: bytes) -> None:
        if configuration.place in _DATA_PLANES:
            os.close(descriptor)
        elif started:
            adoption = runtime.adopt(descriptor, received, host.server.receiver)
            runtime.spawn(adoption, "adopt connection")
        else:
            early.append((descriptor, received))

    # An orphan has nobody left to answer to.
    lifeline = hold_lifeline(take, stop)
    control = Control(runtime, world, host.status)
    if configuration.place not in _DATA_PLANES:
        control.actions.update(host.actions)
        control.reports.update(host.reports)
    restore_faults(world, configuration.faults)
    await host.start()
    await control.start()
    started = True
    for descriptor, received in early:
        take(descriptor, received)
    await stopping
    del lifeline
    await host.stop()
    await runtime.close()


def _host(runtime: RealRuntime, world: Any, configuration: Configuration) -> Any:
    if configuration.place == EDGE:
        from antipodes.hosting.edge import EdgeHost  # noqa: PLC0415 - a region never needs it

        return EdgeHost(runtime, world, configuration.settings())
    if configuration.place == SITE:
        from antipodes.hosting.sites import SiteHost  # noqa: PLC0415 - only if there are any

        return SiteHost(runtime, world)
    from antipodes.hosting.region import RegionHost  # noqa: PLC0415 - the edge never needs it

    return RegionHost(
        runtime, world, configuration.settings(), control_only=configuration.control_only
    )


if __name__ == "__main__":
    run_main(main(msgspec.json.decode(sys.argv[1], type=Configuration)))
