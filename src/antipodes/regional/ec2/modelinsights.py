"""What is kept of questions about networks: paths, and what was found of them."""

import msgspec

from antipodes.regional.ec2.model import Token


class HeaderFilter(msgspec.Struct, frozen=True):
    """What headers have to be at one end of a path; nothing is said of what is empty."""

    source: str = ""
    source_ports: tuple[int, int] | None = None
    destination: str = ""
    destination_ports: tuple[int, int] | None = None


class InsightsPath(msgspec.Struct, frozen=True):
    """A question: whether anything gets from one thing to another."""

    id: str
    account: str
    source: str
    destination: str
    protocol: str
    source_ip: str = ""
    destination_ip: str = ""
    port: int = 0  # 0: any
    made_at: float = 0.0
    token: Token | None = None
    at_source: HeaderFilter = HeaderFilter()
    at_destination: HeaderFilter = HeaderFilter()


class InsightsAnalysis(msgspec.Struct, frozen=True):
    """An answer, as of when it was asked; `found` is JSON of what a description shows of it."""

    id: str
    account: str
    path: str
    found: bytes
    started_at: float
    token: Token | None = None
    through: tuple[str, ...] = ()  # ARNs of what has to be passed
    around: tuple[str, ...] = ()  # and of what must not


class AccessScope(msgspec.Struct, frozen=True):
    """Which ways through the networks are asked for; `content` is JSON, as a request says it."""

    id: str
    account: str
    content: bytes
    made_at: float
    amazons: str = ""  # the name of one that Amazon made, and that is there to stay
    token: Token | None = None


class AccessAnalysis(msgspec.Struct, frozen=True):
    """An answer to a scope, as of when it was asked; `failure` says why there is none."""

    id: str
    account: str
    scope: str
    interfaces: int  # that there were
    findings: int
    started_at: float
    warning: str = ""
    failure: str = ""
    token: Token | None = None


class AccessFinding(msgspec.Struct, frozen=True):
    """One of the ways that an analysis found: JSON of its components."""

    components: bytes
