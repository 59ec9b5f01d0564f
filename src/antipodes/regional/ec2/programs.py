"""What listens on instances: programs on the user's own machine, named by a tag.

No machine is started for an instance. The tag `antipodes:listens` says which programs stand for
what would run on it: `80=8080 443=127.0.0.1:8443` lets port 80 of its first interface lead to port
8080 here. Who may come is for the networks to say; nothing else knows the doors.
"""

from functools import partial
from typing import Any

from antipodes.regional.ec2.estate import Estate
from antipodes.runtime.contract import Accepted, Receiver
from antipodes.service.contract import ServiceError
from antipodes.service.programs import instance_door, passed_to

LISTENS = "antipodes:listens"
_HERE = "127.0.0.1"
_PORT_MAX = 65535


def listening(value: str) -> dict[int, str]:
    """The programs that a tag names, by port, each as `127.0.0.1:PORT`."""
    found = {}
    for part in value.replace(",", " ").split():
        port, _, program = part.partition("=")
        host, _, own = program.rpartition(":")
        if not _is_port(port) or not _is_port(own) or host not in {"", _HERE}:
            raise ServiceError(
                "InvalidParameterValue",
                f"The value of tag '{LISTENS}' is a list of PORT=PROGRAM, where a program is a "
                f"port of 127.0.0.1: {part}",
            )
        found[int(port)] = f"{_HERE}:{int(own)}"
    return found


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) <= _PORT_MAX


def check(key: str, value: str) -> None:
    """Refuse what cannot be said by the tag."""
    if key == LISTENS:
        listening(value)


class Programs:
    """The open doors of a region's instances."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._runtime = estate.host.runtime
        self._doors: dict[str, dict[int, tuple[str, Any]]] = {}  # program and door, by instance
        self._changed: dict[tuple[str, str], None] = {}
        self._following = False
        estate.on_tags = self._tagged

    async def start(self) -> None:
        """Open the doors that are wanted."""
        for account in self._estate.accounts():
            for name, tags in self._estate.all_tags(account):
                if LISTENS in tags:
                    await self._follow(account, name)

    def _tagged(self, account: str, name: str) -> None:
        if name not in self._doors and LISTENS not in self._estate.tags(account, name):
            return
        self._changed[account, name] = None
        if not self._following:
            self._following = True
            self._runtime.spawn(self._follow_all(), "open and close the doors of instances")

    async def _follow_all(self) -> None:
        """What a request has changed is whole, and durable, when doors follow it."""
        await self._estate.host.store.committed()
        while self._changed:
            account, name = next(iter(self._changed))
            del self._changed[account, name]
            await self._follow(account, name)
        self._following = False

    async def _follow(self, account: str, name: str) -> None:
        """Open and close an instance's doors as its tag says."""
        wanted = listening(self._estate.tags(account, name).get(LISTENS, ""))
        interface = self._interface(account, name)
        if interface is None:
            wanted = {}
        doors = self._doors.pop(name, {})
        for port, (program, listener) in doors.items():
            if wanted.get(port) != program:
                listener.close()
        opened = {port: found for port, found in doors.items() if wanted.get(port) == found[0]}
        for port, program in wanted.items():
            if interface is not None and port not in opened:
                door = instance_door(self._estate.host.place, interface, port)
                receiver = partial(self._accept, program)
                opened[port] = program, await self._runtime.listen(door, receiver)
        if opened:
            self._doors[name] = opened

    def _interface(self, account: str, name: str) -> str | None:
        """An instance's first interface."""
        for one in self._estate.interfaces.list(account):
            if one.attached is not None and (one.attached.instance, one.attached.device) == (
                name,
                0,
            ):
                return one.id
        return None

    def _accept(self, program: str, accepted: Accepted) -> Receiver:
        return passed_to(self._runtime, program, accepted, "ec2.nobody-listens")
