"""Who waits for a store's group: told once that it is durable, or that it was rolled back."""

from collections.abc import Callable
from typing import Any

from antipodes.runtime.contract import DiskFull


class Waiting:
    """Those who wait for the open group, and those who listen to all of them."""

    def __init__(self, future: Callable[[], Any]) -> None:
        self._future = future
        self._waiting: list[tuple[Callable[[], None], Callable[[], None] | None]] = []
        self._appended: dict[int, Callable[[int], None]] = {}
        self._rolled_back: dict[int, Callable[[], None]] = {}
        self._next = 0
        self.failures = 0

    def add(self, notify: Callable[[], None], failed: Callable[[], None] | None) -> None:
        """Call one of them when the open group has ended."""
        self._waiting.append((notify, failed))

    async def end(self) -> None:
        """Wait until the open group is durable; raises DiskFull when it was rolled back."""
        end = self._future()

        def durable() -> None:
            if not end.done():
                end.set_result(None)

        def failed() -> None:
            if not end.done():
                end.set_exception(DiskFull("what was written could not be kept"))

        self.add(durable, failed)
        await end

    def done(self, head: int | None) -> None:
        """The group is durable; with entries, up to this head."""
        waiting, self._waiting = self._waiting, []
        if head is not None:
            for listener in list(self._appended.values()):
                listener(head)
        for notify, _ in waiting:
            notify()

    def failed(self) -> None:
        """The group was rolled back."""
        self.failures += 1
        waiting, self._waiting = self._waiting, []
        for listener in list(self._rolled_back.values()):
            listener()
        for _, failed in waiting:
            if failed is not None:
                failed()

    def on_append(self, notify: Callable[[int], None]) -> Callable[[], None]:
        """Call with the new head after each commit that appended; returns the unsubscriber."""
        self._next += 1
        number = self._next
        self._appended[number] = notify
        return lambda: self._appended.pop(number, None) and None

    def on_rollback(self, notify: Callable[[], None]) -> Callable[[], None]:
        """Call after each group that was rolled back; returns the unsubscriber."""
        self._next += 1
        number = self._next
        self._rolled_back[number] = notify
        return lambda: self._rolled_back.pop(number, None) and None
