"""What the name of an instance type says of it.

Any name of AWS's form is one. AWS limits interfaces, and the addresses of each, type by type; here
the size alone decides, and is given the most that a type of that size has.

Source: Amazon EC2 User Guide, "Elastic network interfaces", "Maximum IP addresses per network
interface", read in 2026.
"""

import re
from collections.abc import Mapping, Sequence

from antipodes.service.contract import ServiceError

DEFAULT = "m1.small"
_FORM = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\.([0-9]*[a-z]+)(-[a-z0-9]+)?")
_ARM = re.compile(r"(a1|[a-z]+[0-9]+g[a-z]*)\.")
# Of sizes: interfaces, and private addresses of each.
_ROOM: Mapping[str, tuple[int, int]] = {
    "nano": (2, 2),
    "micro": (2, 2),
    "small": (3, 4),
    "medium": (3, 6),
    "large": (3, 12),
    "xlarge": (4, 15),
    "2xlarge": (4, 15),
    "3xlarge": (4, 15),
    "4xlarge": (8, 30),
    "6xlarge": (8, 30),
    "8xlarge": (8, 30),
    "9xlarge": (8, 30),
    "12xlarge": (8, 30),
}
_LARGEST = 15, 50


def check_type(name: str) -> str:
    """Refuse what cannot be a type."""
    if _FORM.fullmatch(name) is None:
        raise ServiceError("InvalidParameterValue", f"Invalid value '{name}' for InstanceType.")
    return name


def architecture(name: str) -> str:
    """The processors that machines of a type have."""
    return "arm64" if _ARM.match(name) else "x86_64"


def check_room(name: str, interfaces: Sequence[int]) -> None:
    """Refuse more interfaces than a type has, or more addresses; of each, how many it has."""
    found = _FORM.fullmatch(name)
    assert found is not None, f"{name} was taken for a type"
    several, addresses = _ROOM.get(found[2], _LARGEST)
    if len(interfaces) > several:
        raise ServiceError(
            "AttachmentLimitExceeded",
            f"Interface count {len(interfaces)} exceeds the limit for {name}",
        )
    if any(number > addresses for number in interfaces):
        raise ServiceError(
            "PrivateIpAddressLimitExceeded",
            f"The number of private addresses exceeds the limit for {name}, {addresses}",
        )
