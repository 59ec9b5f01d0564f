"""Which four name servers a zone gets. Pure but for the chance it is handed.

AWS has 2,048 of them in four stripes of 512, one for each top-level domain, so that no zone hangs
on one of those alone. Public zones of one name, or above or below one another, share none of theirs
unless they were given the same reusable delegation set; private zones all have the first of each.

Source: "NS and SOA records" of the Route 53 Developer Guide, and botocore's model for the limits.
AWS publishes no number of zones that one name may have; here it is `SAME_NAME_MAX`.
"""

from collections.abc import Iterable

from antipodes.edge.route53.naming import within
from antipodes.runtime.contract import Chance

DOMAINS = ("com", "net", "org", "co.uk")
STRIPE = 512
SERVERS_PER_DOMAIN_NUMBER = 8
SAME_NAME_MAX = 100
TRIES_MAX = 1000


def server(number: int) -> str:
    """The name of one of the servers."""
    domain = f"awsdns-{number % STRIPE // SERVERS_PER_DOMAIN_NUMBER:02}"
    return f"ns-{number}.{domain}.{DOMAINS[number // STRIPE]}"


PRIVATE_SERVERS = tuple(server(stripe * STRIPE) for stripe in range(len(DOMAINS)))


def draw(chance: Chance, taken: Iterable[str]) -> tuple[str, ...] | None:
    """Four servers, one of each stripe, none of them taken; None if there are none."""
    avoid = set(taken)
    found: list[str] = []
    for stripe in range(len(DOMAINS)):
        for _ in range(TRIES_MAX):
            name = server(stripe * STRIPE + chance.randrange(1, STRIPE))
            if name not in avoid:
                found.append(name)
                break
        else:
            return None
    chance.shuffle(found)
    return tuple(found)


def related(name: str, other: str) -> bool:
    """Whether zones of these names may not share a server."""
    return within(name, other) or within(other, name)
