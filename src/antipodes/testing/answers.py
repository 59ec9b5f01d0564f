"""What a person in a city gets back: an answer, or the knowledge that there was none."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One answer over HTTP; with status 0 nobody answered, and `error` says why."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    took_s: float = 0.0
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Requests(ABC):
    """Somebody who can ask: one request each, over a new connection."""

    @abstractmethod
    def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | str = b"",
        timeout_s: float = 60.0,
    ) -> Answer:
        """Make a request; never raises for what the world does to it."""

    def get(self, url: str, **options: Any) -> Answer:
        """GET."""
        return self.request("GET", url, **options)

    def put(self, url: str, body: bytes | str = b"", **options: Any) -> Answer:
        """PUT."""
        return self.request("PUT", url, body=body, **options)

    def post(self, url: str, body: bytes | str = b"", **options: Any) -> Answer:
        """POST."""
        return self.request("POST", url, body=body, **options)

    def delete(self, url: str, **options: Any) -> Answer:
        """DELETE."""
        return self.request("DELETE", url, **options)
