"""One packet, by what of it decides where it may go.

Addresses are numbers. ICMP has no ports: its type and code stand in the target port, as
`256 * type + code`, and its source port is 0.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
BITS = {4: 32, 6: 128}
PORTS = (0, 65535)
_ECHO = {(ICMP, 8 << 8): 0, (ICMP, 0): 8 << 8, (ICMPV6, 128 << 8): 129 << 8}
_ECHO[ICMPV6, 129 << 8] = 128 << 8
_ICMPS = frozenset({ICMP, ICMPV6})


class Packet(NamedTuple):
    """The header of a packet; `version` is 4 or 6."""

    version: int
    source: int
    target: int
    protocol: int
    source_port: int = 0
    target_port: int = 0

    @classmethod
    def of(
        cls, source: str, target: str, protocol: int = TCP, target_port: int = 0, *, port: int = 0
    ) -> "Packet":
        """A packet from address to address, from a port that is `port`."""
        left, right = ip_address(source), ip_address(target)
        if left.version != right.version:
            raise ValueError(f"{source} and {target} are of different families")
        return cls(left.version, int(left), int(right), protocol, port, target_port)

    def reply(self) -> "Packet":
        """What whoever receives it would answer."""
        version, source, target, protocol, source_port, target_port = self
        if protocol in _ICMPS:
            code = _ECHO.get((protocol, target_port), target_port)
            return Packet(version, target, source, protocol, 0, code)
        return Packet(version, target, source, protocol, target_port, source_port)

    def __str__(self) -> str:
        """In words, such as `tcp 10.0.0.1:40000 > 10.0.0.2:443`."""
        name = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}.get(self.protocol)
        source, target = (text(self.version, one) for one in (self.source, self.target))
        if self.protocol in {TCP, UDP}:
            if self.version == 6:  # noqa: PLR2004 - IPv6
                source, target = f"[{source}]", f"[{target}]"
            source, target = f"{source}:{self.source_port}", f"{target}:{self.target_port}"
        return f"{name or f'protocol {self.protocol}'} {source} > {target}"


def text(version: int, address: int) -> str:
    """An address in its usual form."""
    return str(IPv4Address(address) if version == 4 else IPv6Address(address))  # noqa: PLR2004 - IPv4


def changed(packet: Packet, field: int, value: int) -> Packet:
    """The packet with another value of a field."""
    fields = [*packet]
    fields[field + 1] = value
    return tuple.__new__(Packet, fields)


def answers(packet: Packet, reply: Packet) -> bool:
    """Whether one packet is what whoever receives the other would answer."""
    if packet.protocol in _ICMPS:
        return packet.reply() == reply
    version, source, target, protocol, source_port, target_port = packet
    return reply == (version, target, source, protocol, target_port, source_port)
