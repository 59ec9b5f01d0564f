"""Datagrams through a network load balancer: conversations, each with its target.

Datagrams of one source to one address of the load balancer belong together until nothing has come
either way for 120 s (Network Load Balancer user guide, network-load-balancers). A conversation
speaks to its target from a door of its own, so that answers find their way back; the source address
is the client's, since it is always preserved for UDP.
"""

from collections.abc import Callable

from antipodes.runtime.contract import Address, Datagram, DatagramDoor, Runtime, Timer

IDLE_S = 120.0
SOON_S = 1e-6  # timers may fire this much early
CONVERSATIONS_MAX = 50_000
EARLY_MAX = 64  # datagrams that wait for a conversation's door to open

Reply = Callable[[Datagram, bytes], None]
Key = tuple[Address, str, Address]
Of = tuple[str, str, str]  # target group, target, load balancer


def _key(datagram: Datagram) -> Key:
    return datagram.source, datagram.source_ip, datagram.local


class Conversation:
    """What one source and its target say to each other."""

    def __init__(self, all_of_them: "Conversations", first: Datagram, to: Address, of: Of) -> None:
        self._all = all_of_them
        self._first = first
        self._to = to
        self.of = of
        self._door: DatagramDoor | None = None
        self._early: list[Datagram] = []
        self._moved_at = all_of_them.runtime.now()
        self._timer: Timer = all_of_them.runtime.later(all_of_them.idle_s, self._check_idle)
        self.over = False

    async def open(self, standing: Runtime, reply: Reply) -> None:
        """Open its own door, and send on what came meanwhile."""

        def back(datagram: Datagram) -> None:
            self._moved_at = self._all.runtime.now()
            reply(self._first, datagram.data)

        door = await standing.listen_datagrams(Address(standing.place, ""), back)
        if self.over:
            door.close()
            return
        self._door = door
        early, self._early = self._early, []
        for datagram in early:
            self._send(door, datagram)

    def take(self, datagram: Datagram) -> None:
        """Something comes from the client."""
        self._moved_at = self._all.runtime.now()
        if self._door is not None:
            self._send(self._door, datagram)
        elif len(self._early) < EARLY_MAX:
            self._early.append(datagram)

    def _send(self, door: DatagramDoor, datagram: Datagram) -> None:
        door.send(self._to, datagram.data, source_ip=datagram.source_ip, trace=datagram.trace)

    def end(self) -> None:
        """Forget it: what comes next begins another."""
        self.over = True
        self._timer.cancel()
        if self._door is not None:
            self._door.close()
        self._all.forget(_key(self._first))

    def _check_idle(self) -> None:
        left_s = self._moved_at + self._all.idle_s - self._all.runtime.now()
        if left_s > SOON_S:
            self._timer = self._all.runtime.later(left_s, self._check_idle)
        else:
            self.end()


class Conversations:
    """All of them."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.idle_s = runtime.interval(IDLE_S)
        self._open: dict[Key, Conversation] = {}

    def __len__(self) -> int:
        return len(self._open)

    def find(self, datagram: Datagram) -> Conversation | None:
        """Return the conversation that a datagram belongs to."""
        return self._open.get(_key(datagram))

    def begin(self, first: Datagram, standing: Runtime, to: Address, of: Of, reply: Reply) -> None:
        """Begin one with its first datagram; where there are too many, drop it."""
        if len(self._open) >= CONVERSATIONS_MAX:
            self.runtime.journal.sometimes("nlb.too-many-conversations")
            return
        begun = self._open[_key(first)] = Conversation(self, first, to, of)
        begun.take(first)
        self.runtime.spawn(begun.open(standing, reply), "conversation")

    def forget(self, key: Key) -> None:
        """One is over."""
        self._open.pop(key, None)

    def end(self, which: Callable[[Of], bool]) -> None:
        """End those whose target group, target and load balancer are such."""
        for one in [one for one in self._open.values() if which(one.of)]:
            one.end()
