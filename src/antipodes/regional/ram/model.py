"""What is kept of resource shares."""

import msgspec

PENDING, ACCEPTED, REJECTED, EXPIRED = "PENDING", "ACCEPTED", "REJECTED", "EXPIRED"
ASSOCIATING, ASSOCIATED, DISASSOCIATED = "ASSOCIATING", "ASSOCIATED", "DISASSOCIATED"
ACTIVE, DELETED = "ACTIVE", "DELETED"


class Entity(msgspec.Struct, frozen=True):
    """A resource by its ARN, or an account, that is in a share, or was lately."""

    name: str
    made_at: float
    changed_at: float
    ended: bool = False
    invitation: str = ""  # of an account


class Share(msgspec.Struct, frozen=True):
    """A resource share."""

    id: str
    account: str
    name: str
    external: bool
    resources: tuple[Entity, ...]
    principals: tuple[Entity, ...]
    made_at: float
    changed_at: float
    tags: tuple[tuple[str, str], ...] = ()
    token: str = ""
    ended: bool = False


class Invitation(msgspec.Struct, frozen=True):
    """That an account was asked into a share, and what it said."""

    id: str
    share: str
    sender: str
    receiver: str
    made_at: float
    status: str = PENDING
    token: str = ""  # of the answer
