"""What can be wrong with a question to the world; always the asker's mistake.

The family tree::

    WorldError
    ├── InvalidWorld      a description of a world that cannot be
    ├── UnknownPlace      no such region, zone, edge location, city or site
    │   └── AmbiguousPlace    several places answer to that name
    ├── UnknownAccess     no such access network
    ├── InvalidFault      a fault that makes no sense; the message names the field
    ├── UnknownHandle     healing what is not (or no longer) installed
    └── OutOfAddresses    a block of the emulated internet is used up
"""


class WorldError(Exception):
    """A question that the world cannot answer."""


class InvalidWorld(WorldError):
    """A description of a world that cannot be."""


class UnknownPlace(WorldError):
    """No place answers to that name; `suggestions` are those that come close."""

    def __init__(self, name: str, suggestions: tuple[str, ...] = ()) -> None:
        self.name = name
        self.suggestions = suggestions
        hint = f"; did you mean {' or '.join(suggestions)}?" if suggestions else ""
        super().__init__(f"unknown place {name!r}{hint}")


class AmbiguousPlace(UnknownPlace):
    """Several places answer to that name."""

    def __init__(self, name: str, suggestions: tuple[str, ...]) -> None:
        super().__init__(name, suggestions)
        self.args = (f"{name!r} may be any of {', '.join(suggestions)}: say which",)


class UnknownAccess(WorldError):
    """No access network of that name."""


class InvalidFault(WorldError, ValueError):
    """A fault that makes no sense; the message names the field."""


class UnknownHandle(WorldError):
    """No fault is installed under that handle, or two would be."""


class OutOfAddresses(WorldError):
    """A block of the emulated internet has no such address."""
