"""One health check of a network or gateway load balancer's target: over TCP, or a request by HTTP.

A check over TCP passes when a connection opens and is not closed at once: a site's door opens
before the program behind it is asked (to AWS a connection that opens is enough). With proxy
protocol on, checks begin with its header as well, which then speaks of nobody. The Host header
names the load balancer's node and the listener's port, not the target (Network Load Balancer user
guide, target-group-health-checks).
"""

import re

from antipodes.regional.elbv2 import knownattributes, nlbattributes, proxyprotocol, targets
from antipodes.regional.elbv2.lambdaformat import CHECK_AGENT
from antipodes.regional.elbv2.model import TCP, Target, TargetGroup
from antipodes.regional.elbv2.registry import Registry
from antipodes.runtime.contract import Accepted, Gone, PlainReceiver
from antipodes.service.contract import Host

PASSED = 0  # the outcome of a check over TCP: there is no status
HEAD_BYTES_MAX = 16 << 10
STAYS_S = 0.25  # what is closed at once was opened by somebody on the way
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")


class _Head(PlainReceiver):
    """Reads the status of one response, if there is one."""

    def __init__(self, host: Host) -> None:
        self._status = host.runtime.future()
        self._data = b""
        self.is_over = False

    def data_received(self, data: bytes) -> None:
        self._data += data
        found = _STATUS.match(self._data)
        if found is not None:
            self._answer(int(found[1]))
        elif b"\n" in self._data or len(self._data) > HEAD_BYTES_MAX:
            self._answer(None)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_over = True
        self._answer(None)

    def _answer(self, status: int | None) -> None:
        if not self._status.done():
            self._status.set_result(status)

    async def wait(self) -> int:
        """Return the status. Raises Gone where there is none."""
        status: int | None = await self._status
        if status is None:
            raise Gone("no response, or a malformed one")
        return status


async def status_of(
    host: Host, registry: Registry, group: TargetGroup, target: Target, port: int
) -> int:
    """Return the status of a target's answer, or PASSED. Raises Gone; a caller limits the time."""
    receiver = _Head(host)

    def made(_: Accepted) -> _Head:
        return receiver

    stream, _ = await host.runtime.connect(targets.door(host, group, target, port), made)
    try:
        speaks = group.is_network
        if speaks and knownattributes.value(group, nlbattributes.PROXY_PROTOCOL) == "true":
            stream.write(proxyprotocol.LOCAL)
        if group.check.protocol == TCP:
            await host.runtime.sleep(STAYS_S)
            if receiver.is_over:
                raise Gone("connection closed at once")
            return PASSED
        node = _node(registry, group, f"{target.address or target.id}:{port}")
        stream.write(
            f"GET {group.check.path} HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n"
            f"User-Agent: {CHECK_AGENT}\r\nAccept-Encoding: gzip, compressed\r\n\r\n".encode()
        )
        return await receiver.wait()
    finally:
        stream.close()


def _node(registry: Registry, group: TargetGroup, own: str) -> str:
    """Return address and port by which a client would reach the group: the first of them.

    Nobody reaches a gateway load balancer so, and its targets are asked by their `own`.
    """
    if group.is_gateway:
        return own
    for balancer in registry.users_of(group):
        for listener in registry.listeners_of(balancer):
            if group.arn in registry.groups_of_listener(listener):
                return f"{balancer.zones[0].address}:{listener.port}"
    return "-"
