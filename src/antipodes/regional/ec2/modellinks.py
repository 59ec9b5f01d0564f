"""What is kept of endpoint services of customers: who offers what to whom.

Their connections are kept with the endpoints, which belong to those who have made them.
"""

import msgspec

from antipodes.regional.ec2.model import Token


class Permission(msgspec.Struct, frozen=True):
    """Somebody who may make endpoints of a service: an ARN, or `*`."""

    id: str
    principal: str


class LinkService(msgspec.Struct, frozen=True):
    """An endpoint service: load balancers of one type, offered in some zones."""

    id: str
    account: str
    type: str  # of its endpoints: Interface or GatewayLoadBalancer
    balancers: tuple[str, ...]  # their ARNs
    zones: tuple[str, ...]  # ids
    accepts: bool = False  # whatever is connected; or each one by hand
    permitted: tuple[Permission, ...] = ()
    token: Token | None = None
