"""What is kept of questions about networks: paths, and what was found of them."""

import msgspec

from antipodes.regional.ec2.model import Token


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


class InsightsAnalysis(msgspec.Struct, frozen=True):
    """An answer, as of when it was asked; `found` is JSON of what a description shows of it."""

    id: str
    account: str
    path: str
    found: bytes
    started_at: float
    token: Token | None = None
