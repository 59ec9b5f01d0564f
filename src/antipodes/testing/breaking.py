"""Breaking a world from a test: the same words for a world of processes and a simulated one.

Everything that breaks something returns a `Broken`, which heals it: by `heal()`, or at the end of a
`with` block. What a test leaves broken is healed after it.

Errors::

    Refused     there is no such place, it is down already, or the fault makes no sense
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self


class Refused(Exception):
    """The world cannot be broken like that; the message says why."""


class Broken:
    """Something that is broken until it is healed."""

    def __init__(self, handle: str, heal: Callable[[str], None]) -> None:
        self.handle = handle
        self._heal = heal
        self.healed = False

    def heal(self) -> None:
        """Take it back; nothing where it is healed already."""
        if not self.healed:
            self.healed = True
            self._heal(self.handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.heal()

    def __repr__(self) -> str:
        return f"<{'healed' if self.healed else 'broken'}: {self.handle}>"


class Breakable(ABC):
    """A world that can be broken."""

    def __init__(self) -> None:
        self._broken: list[Broken] = []

    # What each world does its own way; all raise Refused.

    @abstractmethod
    def _install(self, fault: dict[str, Any]) -> str: ...

    @abstractmethod
    def _kill(self, place: str) -> str: ...

    @abstractmethod
    def _pause(self, place: str) -> str: ...

    @abstractmethod
    def _set_clock(self, place: str, offset_s: float, drift_ppm: float) -> str: ...

    @abstractmethod
    def _heal_one(self, handle: str) -> None: ...

    @abstractmethod
    def _heal_all(self) -> None: ...

    def _note(self, handle: str) -> Broken:
        broken = Broken(handle, self._heal_one)
        self._broken.append(broken)
        return broken

    # What a test says.

    def break_(self, fault: str | Mapping[str, Any], **fields: Any) -> Broken:
        """Install any fault: its kind and fields, or the record that a drill's file would have."""
        plain = {"kind": fault} if isinstance(fault, str) else dict(fault)
        return self._note(self._install({**plain, **fields}))

    def cut(self, a: str, b: str, *, one_way: bool = False) -> Broken:
        """Let nothing pass between two places or groups of places (`edge/*`, `city/*`)."""
        return self.break_("cut-link", a=a, b=b, both_ways=not one_way)

    def slow(
        self,
        a: str,
        b: str = "",
        *,
        extra_ms: float = 0.0,
        jitter_ms: float = 0.0,
        one_way: bool = False,
    ) -> Broken:
        """Make the way between two places longer, or all ways in and out of one."""
        delays = {"extra_ms": extra_ms, "jitter_ms": jitter_ms}
        if not b:
            return self.break_("slow-place", place=a, **delays)
        return self.break_("slow-link", a=a, b=b, both_ways=not one_way, **delays)

    def lossy(self, a: str, b: str, *, loss: float, one_way: bool = False) -> Broken:
        """Lose a share of what is sent between two places: 0.05 is 5 %."""
        return self.break_("lossy-link", a=a, b=b, loss=loss, both_ways=not one_way)

    def narrow(self, a: str, b: str, *, mbit_s: float, one_way: bool = False) -> Broken:
        """Let each connection between two places carry so much and no more."""
        return self.break_("narrow-link", a=a, b=b, bandwidth_mbit_s=mbit_s, both_ways=not one_way)

    def dark(self, place: str) -> Broken:
        """Let nothing in or out of a region, a zone, an edge location or a city; it lives on."""
        return self.break_("dark-place", place=place)

    def control_plane(self, service: str, region: str = "") -> Broken:
        """Let a service's API answer 503, in a region or everywhere; its data plane goes on."""
        return self.break_("control-plane", service=service, region=region)

    def accelerator_zone(self, zone: str) -> Broken:
        """Lose one of the two networks, `a` or `b`, that accelerators' addresses are in."""
        return self.break_("accelerator-zone", zone=zone)

    def kill(self, region: str) -> Broken:
        """End a region at once, as `kill -9` does; healing starts it again, with its disk."""
        return self._note(self._kill(region))

    def pause(self, region: str) -> Broken:
        """Stop a region in its tracks, as SIGSTOP does; healing lets it go on."""
        return self._note(self._pause(region))

    def clock(self, region: str, *, offset_s: float = 0.0, drift_ppm: float = 0.0) -> Broken:
        """Put a region's clock wrong."""
        return self._note(self._set_clock(region, offset_s, drift_ppm))

    def heal(self) -> None:
        """Heal everything."""
        self._heal_all()
        for broken in self._broken:
            broken.healed = True
        self._broken.clear()
