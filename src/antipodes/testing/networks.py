"""Private networks, asked about from a test: the questions of `antipodes network`.

Nothing is sent, and no time passes: the answers follow from what regions tell of their networks.

Errors::

    QuestionError    a question that cannot be answered; the message says why
"""

import json
from abc import ABC, abstractmethod
from typing import Any

from antipodes.questions.command import answered
from antipodes.questions.networks import Answer, QuestionError, Told

__all__ = ["Answer", "Networked", "QuestionError"]


class Networked(ABC):
    """A world whose networks can be asked about."""

    @abstractmethod
    def _told(self, account: str) -> dict[str, Any]:
        """What each region that is up tells of an account's networks; of the world's own: ""."""

    @abstractmethod
    def resolve(self, name: str, region: str, vpc: str) -> list[str]:
        """The addresses that a VPC's own resolver answers with."""

    def network(self, *words: str, account: str = "") -> Answer:
        """What `antipodes network WORDS` prints, and its exit status. Raises QuestionError."""
        return answered(words, Told(lambda: self._told(account)))

    def walk(
        self,
        source: str,
        target: str,
        *,
        protocol: str = "tcp",
        port: int = 443,
        account: str = "",
    ) -> dict[str, Any]:
        """A packet's way and its answer's, as `antipodes network walk --json`.

        `reached` is whether an answer came back; `forward` and `return` have `outcome`, `hops`,
        `latency_ms`, `mtu`, `gbps` and `charges`. Raises QuestionError.
        """
        words = ("walk", source, target, "--protocol", protocol, "--port", str(port), "--json")
        found: dict[str, Any] = json.loads(self.network(*words, account=account).text)
        return found
