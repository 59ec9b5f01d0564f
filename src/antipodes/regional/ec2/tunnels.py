"""The two tunnels of a VPN connection: what may be chosen for them, and what is chosen by chance.

Amazon's ends have outside addresses in 240.0.0.0/4, which is reserved and routed nowhere: region R
(its position in the atlas) has 240.R.0.0/16, and the two tunnels of a connection are in different
halves of that, as AWS has them in different zones.

Source: Site-to-Site VPN User Guide, "Tunnel options".
"""

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple

from antipodes.regional.ec2 import prefixlists
from antipodes.regional.ec2.answering import not_offered
from antipodes.regional.ec2.modelvpn import Tunnel
from antipodes.runtime.contract import Chance
from antipodes.service.contract import Request, ServiceError

TUNNELS = 2
INSIDE = IPv4Network("169.254.0.0/16")
_FIRST = int(IPv4Address("240.0.0.0"))
_HALF, _REGION = 1 << 15, 1 << 16
_INSIDE_LENGTH = 30
_RESERVED = frozenset((*(f"169.254.{n}.0/30" for n in range(6)), "169.254.169.252/30"))
_KEY = re.compile(r"[A-Za-z1-9._][A-Za-z0-9._]{7,63}")
_KEY_LENGTH = 32
_NOT_OFFERED = (
    "TunnelInsideIpv6Cidr",
    "LogOptions",
    "EnableTunnelLifecycleControl",
    "Phase1AdditionalKeyExchanges",
    "Phase2AdditionalKeyExchanges",
)
_PHASE1, _PHASE2, _MARGIN = (
    *("Phase1LifetimeSeconds", "Phase2LifetimeSeconds", "RekeyMarginTimeSeconds"),
)
DEFAULTS = {_PHASE1: 28800, _PHASE2: 3600, _MARGIN: 270}
_NUMBERS = {
    _PHASE1: range(900, 28801),
    _PHASE2: range(900, 3601),
    _MARGIN: range(60, 1801),
    "RekeyFuzzPercentage": range(101),
    "ReplayWindowSize": range(64, 2049),
    "DPDTimeoutSeconds": range(30, 1 << 31),
}
_WORDS = {"DPDTimeoutAction": ("clear", "none", "restart"), "StartupAction": ("add", "start")}
_CIPHERS = ("AES128", "AES256", "AES128-GCM-16", "AES256-GCM-16")
_DIGESTS = ("SHA1", "SHA2-256", "SHA2-384", "SHA2-512")
_LISTS: Mapping[str, Sequence[int | str]] = {
    "Phase1EncryptionAlgorithms": _CIPHERS,
    "Phase2EncryptionAlgorithms": _CIPHERS,
    "Phase1IntegrityAlgorithms": _DIGESTS,
    "Phase2IntegrityAlgorithms": _DIGESTS,
    "Phase1DHGroupNumbers": (2, *range(14, 25), 35),
    "Phase2DHGroupNumbers": (2, 5, *range(14, 25), 35, 36, 37),
    "IKEVersions": ("ikev1", "ikev2"),
}


class Wanted(NamedTuple):
    """What a customer wants of a tunnel; nothing is left to chance."""

    inside: str = ""
    key: str = ""
    chosen: Mapping[str, int | str] = {}
    allowed: Mapping[str, tuple[int | str, ...]] = {}


def wanted(options: Sequence[Request]) -> list[Wanted]:
    """What is wanted of both tunnels; refuse what they cannot have."""
    if len(options) > TUNNELS:
        raise ServiceError("InvalidParameterValue", "A VPN connection has two tunnels.")
    found = [_wanted(one) for one in options]
    given = [one.inside for one in found if one.inside]
    if len(given) > len(set(given)):
        raise _wrong("TunnelInsideCidr", given[0])
    return found + [Wanted()] * (TUNNELS - len(found))


def _wanted(options: Request) -> Wanted:
    not_offered(options, _NOT_OFFERED)
    chosen: dict[str, int | str] = {}
    for name, numbers in _NUMBERS.items():
        if options.get(name) is not None:
            chosen[name] = _among(name, options[name], numbers)
    for name, words in _WORDS.items():
        if options.get(name):
            chosen[name] = _among(name, options[name], words)
    allowed = {
        name: tuple(_among(name, one.get("Value"), known) for one in options[name])
        for name, known in _LISTS.items()
        if options.get(name)
    }
    first, second, margin = (int(chosen.get(name, DEFAULTS[name])) for name in DEFAULTS)
    if second >= first:
        raise _wrong(_PHASE2, second)
    if margin > second // 2:
        raise _wrong(_MARGIN, margin)
    return Wanted(_inside(options), _key(options), chosen, allowed)


def _among(name: str, value: Any, known: Sequence[Any]) -> Any:
    if value not in known:
        raise _wrong(name, value)
    return value


def _wrong(name: str, value: object) -> ServiceError:
    return ServiceError(
        "InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid."
    )


def _inside(options: Request) -> str:
    """The inside prefix that is wanted."""
    text = options.get("TunnelInsideCidr")
    if not text:
        return ""
    found = prefixlists.parsed(text, "TunnelInsideCidr", 4)
    assert isinstance(found, IPv4Network)
    is_possible = found.subnet_of(INSIDE) and found.prefixlen == _INSIDE_LENGTH
    if not is_possible or str(found) in _RESERVED:
        raise _wrong("TunnelInsideCidr", text)
    return str(found)


def _key(options: Request) -> str:
    text = options.get("PreSharedKey") or ""
    if text and _KEY.fullmatch(text) is None:
        raise _wrong("PreSharedKey", text)
    return text


def made(
    wanted: Sequence[Wanted], outside: Sequence[str], taken: Iterable[str], chance: Chance
) -> list[Tunnel]:
    """The tunnels: what is not chosen comes from chance, inside prefixes beside those taken."""
    used = {*taken, *_RESERVED, *(one.inside for one in wanted)}
    found = []
    for one, address in zip(wanted, outside, strict=True):
        inside = one.inside or _free(used, chance)
        used.add(inside)
        key = one.key or _random_key(chance)
        found.append(Tunnel(address, inside, key, dict(one.chosen), dict(one.allowed)))
    return found


def modified(of: Tunnel, options: Request) -> Tunnel:
    """A tunnel after some of its options have changed; what is not named stays."""
    had: Request = dict(of.chosen)
    had |= {name: [{"Value": one} for one in values] for name, values in of.allowed.items()}
    asked = _wanted(had | {name: one for name, one in options.items() if one is not None})
    inside, key = asked.inside or of.inside, asked.key or of.key
    return Tunnel(of.outside, inside, key, dict(asked.chosen), dict(asked.allowed))


def _free(used: set[str], chance: Chance) -> str:
    """An inside prefix that is not used; there are far more than a gateway has tunnels."""
    while True:
        start = int(INSIDE.network_address) + 4 * chance.randrange(INSIDE.num_addresses // 4)
        found = f"{IPv4Address(start)}/{_INSIDE_LENGTH}"
        if found not in used:
            return found


def _random_key(chance: Chance) -> str:
    first = chance.choice(string.ascii_letters)
    rest = chance.choices(string.ascii_letters + string.digits, k=_KEY_LENGTH - 1)
    return first + "".join(rest)


def outside(region: int, number: int) -> tuple[str, str]:
    """The outside addresses of a region's connection of that number, counted from 1."""
    start = _FIRST + region * _REGION + number
    return str(IPv4Address(start)), str(IPv4Address(start + _HALF))


def ends(tunnel: Tunnel) -> tuple[str, str]:
    """The inside addresses of Amazon's and the customer's end."""
    network = IPv4Network(tunnel.inside)
    return str(network[1]), str(network[2])
