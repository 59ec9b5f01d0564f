"""What of a simulated machine outlives the host on it: its clock."""

from collections.abc import Callable

from antipodes.runtime.clocks import MachineClock


class Machine:
    """One machine of a simulation, whether its host is up or not."""

    def __init__(self, name: str, true_wall: Callable[[], float]) -> None:
        self.name = name
        self.clock = MachineClock(true_wall)
        self.boots = 0
