"""What of a simulated machine outlives the host on it: its clock, its disks, its memory's size."""

import random
from collections.abc import Callable

from antipodes.runtime.clocks import MachineClock
from antipodes.runtime.disks import Disk, DiskState


class Machine:
    """One machine of a simulation, whether its host is up or not."""

    def __init__(
        self, name: str, seed: int, true_wall: Callable[[], float], *, power: bool
    ) -> None:
        self.name = name
        self.clock = MachineClock(true_wall)
        self.boots = 0
        self.memory_bytes_max = 0  # no limit
        self.disk_state = DiskState(power=power)
        self.disks: dict[str, Disk] = {}
        self._seed = seed

    def disk(self, name: str) -> Disk:
        """The disk of that name."""
        if name not in self.disks:
            chance = random.Random(f"{self._seed}/disk/{self.name}/{name}")  # noqa: S311 - repeatable on purpose
            self.disks[name] = Disk(self.disk_state, chance)
        return self.disks[name]

    @property
    def stored_bytes(self) -> int:
        """What its stores hold."""
        return sum(disk.bytes for disk in self.disks.values())
