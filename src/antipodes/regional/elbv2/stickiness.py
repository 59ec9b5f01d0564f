"""Cookies that lead a client back: to its target, and to its target group.

The values are opaque, as AWS's are: when they were made, and a hash of what they stand for, which
only whoever knows the candidates can tell. So nothing is kept, and a restart forgets nobody. Each
answer renews them; one that stands for something that is gone, or is too old, is as good as none.

Sources: Application Load Balancer guide, "Sticky sessions" and "Target group stickiness".
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from antipodes.regional.elbv2 import attributes
from antipodes.regional.elbv2.forwarding import Headers
from antipodes.regional.elbv2.model import Target, TargetGroup
from antipodes.service.http import HttpResponse
from antipodes.wire.scalars import http_date

TARGET, APPLICATION, GROUP = "AWSALB", "AWSALBAPP-0", "AWSALBTG"
CORS = "CORS"  # appended to the name of the copy for requests from other sites
KEPT_S = 7 * 86400  # by browsers
_HASH_BYTES = 16
_moment = struct.Struct(">Q")


class Policy(NamedTuple):
    """How a target group keeps its clients; `cookie` is the application's own, if it goes by it."""

    lasts_s: int
    cookie: str = ""


def policy_of(values: dict[str, str]) -> Policy | None:
    """What a target group's attributes say; None where they say nothing of it."""
    if values.get(attributes.STICKY) != "true":
        return None
    if values.get(attributes.STICKY_TYPE) == attributes.APP_COOKIE:
        lasts = values.get(attributes.APP_COOKIE_S, attributes.STICKY_S)
        return Policy(int(lasts), values.get(attributes.APP_COOKIE_NAME, ""))
    return Policy(int(values.get(attributes.LB_COOKIE_S, attributes.STICKY_S)))


def cookies_of(headers: Headers) -> dict[str, str]:
    """The cookies of a request; of two with one name the first counts."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name.lower() == "cookie":
            for part in value.split(";"):
                key, _, content = part.strip().partition("=")
                found.setdefault(key, content)
    return found


def sealed(what: str, owner: str, wall: float) -> str:
    """A cookie's value that stands for something of an owner's (a load balancer's ARN)."""
    moment = _moment.pack(int(wall))
    return base64.b64encode(moment + _hash(what, owner, moment)).decode()


def _hash(what: str, owner: str, moment: bytes) -> bytes:
    text = f"{owner} {what}".encode()
    return hashlib.blake2b(moment + text, digest_size=_HASH_BYTES).digest()


def opened(
    value: str, candidates: Iterable[str], owner: str, *, wall: float, lasts_s: int
) -> str | None:
    """Which of the candidates a cookie stands for; None where it stands for none of them."""
    try:
        raw = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return None
    if len(raw) != _moment.size + _HASH_BYTES:
        return None
    moment, seal = raw[: _moment.size], raw[_moment.size :]
    made = _moment.unpack(moment)[0]
    if not made <= wall < made + lasts_s:
        return None
    return next((one for one in candidates if _hash(one, owner, moment) == seal), None)


def to_set(name: str, value: str, wall: float) -> Headers:
    """The headers that give a client a cookie, and its copy for requests from other sites."""
    until = f"Expires={http_date(int(wall) + KEPT_S)}; Path=/"
    return [
        ("Set-Cookie", f"{name}={value}; {until}"),
        ("Set-Cookie", f"{name}{CORS}={value}; {until}; SameSite=None; Secure"),
    ]


def sets_cookie(headers: Sequence[tuple[str, str]], name: str) -> bool:
    """Whether an answer gives the client the application's own cookie."""
    return any(
        key.lower() == "set-cookie" and value.partition("=")[0].strip() == name
        for key, value in headers
    )


class Sticky:
    """What the cookies of one request lead to, and what its answer has to set."""

    def __init__(self, headers: Headers, owner: str, wall: float) -> None:
        self._headers = headers
        self._owner = owner
        self._wall = wall
        self._cookies: dict[str, str] | None = None  # read when they are first looked at
        self._set: Headers = []

    def _cookie(self, name: str) -> str:
        if self._cookies is None:
            self._cookies = cookies_of(self._headers)
        return self._cookies.get(name) or self._cookies.get(f"{name}{CORS}", "")

    def _opened(self, name: str, candidates: Iterable[str], lasts_s: int) -> str | None:
        value = self._cookie(name)
        if not value:
            return None
        return opened(value, candidates, self._owner, wall=self._wall, lasts_s=lasts_s)

    def group(self, config: dict[str, Any]) -> str | None:
        """The target group that the client had before, if the action keeps clients."""
        stickiness = config["TargetGroupStickinessConfig"]
        if not stickiness["Enabled"]:
            return None
        arns = [group["TargetGroupArn"] for group in config["TargetGroups"]]
        return self._opened(GROUP, arns, stickiness["DurationSeconds"])

    def chosen(self, config: dict[str, Any], arn: str) -> None:
        """A group was chosen: the client is to come back to it, if the action keeps clients."""
        if config["TargetGroupStickinessConfig"]["Enabled"]:
            self._set += to_set(GROUP, sealed(arn, self._owner, self._wall), self._wall)

    def target(self, group: TargetGroup, usable: Sequence[Target]) -> Target | None:
        """The target that the client had before, if it can still be used."""
        policy = policy_of(group.attributes)
        if policy is None:
            return None
        name = APPLICATION if policy.cookie else TARGET
        if policy.cookie and not self._cookie(policy.cookie):
            return None
        keys = {f"{group.arn} {target.key}": target for target in usable}
        found = self._opened(name, keys, policy.lasts_s)
        return None if found is None else keys[found]

    def remember(self, response: HttpResponse, group: TargetGroup, target: Target) -> HttpResponse:
        """The answer with the cookies that lead back here."""
        policy = policy_of(group.attributes)
        if policy is not None:
            value = sealed(f"{group.arn} {target.key}", self._owner, self._wall)
            if not policy.cookie:
                self._set += to_set(TARGET, value, self._wall)
            elif self._cookie(policy.cookie) or sets_cookie(response.headers, policy.cookie):
                self._set += to_set(APPLICATION, value, self._wall)[:1]
        if not self._set:
            return response
        headers = [*response.headers, *self._set]
        return HttpResponse(response.status, headers, response.body, response.reason)
