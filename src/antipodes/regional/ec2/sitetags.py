"""What a customer says of their own side by tags, since no call of EC2's has a word for it.

`antipodes:prefixes` of a customer gateway, or of a Connect peer, is what it announces by BGP;
`antipodes:site` is the name of the site that it is a router of, so that several can be one site's;
`antipodes:tunnels-down` of a VPN connection numbers the tunnels that carry nothing. Several values
stand apart by commas or spaces.
"""

import re
from collections.abc import Mapping

from antipodes.regional.ec2 import prefixlists
from antipodes.service.contract import ServiceError

PREFIXES, SITE, DOWN = "antipodes:prefixes", "antipodes:site", "antipodes:tunnels-down"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FOUR = 4


def _parts(text: str) -> list[str]:
    return text.replace(",", " ").split()


def prefixes(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The prefixes that are announced, in canonical form."""
    found = _parts(tags.get(PREFIXES, ""))
    return tuple(dict.fromkeys(str(prefixlists.parsed(one, PREFIXES, _FOUR)) for one in found))


def site(tags: Mapping[str, str]) -> str:
    """The name of the site, if it is given."""
    name = tags.get(SITE, "").strip()
    if name and _NAME.fullmatch(name) is None:
        raise ServiceError(
            "InvalidParameterValue", f"The value of tag '{SITE}' is no name of a site: {name}"
        )
    return name


def down(tags: Mapping[str, str]) -> frozenset[int]:
    """Which tunnels are down, of 1 and 2."""
    found = _parts(tags.get(DOWN, ""))
    if not {"1", "2"}.issuperset(found):
        raise ServiceError(
            "InvalidParameterValue", f"The value of tag '{DOWN}' is 1, 2, or 1,2: {tags[DOWN]}"
        )
    return frozenset(map(int, found))


def check(key: str, value: str) -> None:
    """Refuse what cannot be said by one of these tags."""
    tags = {key: value}
    prefixes(tags)
    site(tags)
    down(tags)
