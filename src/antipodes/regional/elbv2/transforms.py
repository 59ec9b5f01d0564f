"""Transforms of rules: what a request's host and URL become on its way to a target.

A rule has at most one for the host and one for the URL; each looks for a regular expression, and
puts a text in the place of its first match, in which `$1` stands for what the first group matched
and `$0` for the whole. Without a match nothing changes; where the outcome is no host or no URL the
client gets a 500 (rule-transforms). Conditions see the request as it came, and redirects too.

AWS does not say whether further matches would be replaced, nor what a group without a part becomes:
here they are not, and nothing.
"""

import re
from collections.abc import Sequence
from typing import Any

from antipodes.regional.elbv2.model import Transform, invalid
from antipodes.regional.elbv2.regexes import BadRegex, Regex, TooLong

TEXT_LENGTH_MAX = 1_024
HOST_LENGTH_MAX = 255
HOST, URL = "host-header-rewrite", "url-rewrite"
_CONFIGS = {HOST: "HostHeaderRewriteConfig", URL: "UrlRewriteConfig"}
_REFERENCE = re.compile(r"\$(\d+)", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._-]+")
_URL = re.compile(r"/[\x21-\x22\x24-\x7e]*")  # visible, and no fragment
Headers = list[tuple[str, str]]


class Failed(Exception):
    """A transform matched, and what it made is nothing that can be sent; or it took too long."""


# What a caller may ask for.


def normalised(transforms: Sequence[Transform]) -> tuple[Transform, ...]:
    """Return a rule's transforms as they are kept and shown; refuse what AWS would."""
    kinds = [transform["Type"] for transform in transforms]
    for kind in kinds:
        if kind not in _CONFIGS:
            raise invalid(f"Transform type '{kind}' must be one of '[{', '.join(_CONFIGS)}]'")
        if kinds.count(kind) > 1:
            raise invalid(f"A rule can only have one '{kind}' transform")
    return tuple(_normalised(transform) for transform in transforms)


def _normalised(transform: Transform) -> Transform:
    kind = transform["Type"]
    member = _CONFIGS[kind]
    if any(transform.get(name) for name in _CONFIGS.values() if name != member):
        raise invalid(f"A '{kind}' transform can only have a '{member}'")
    rewrites: list[dict[str, Any]] = (transform.get(member) or {}).get("Rewrites") or []
    if len(rewrites) != 1:
        raise invalid(f"A '{kind}' transform must have one rewrite")
    regex, text = rewrites[0].get("Regex") or "", rewrites[0].get("Replace") or ""
    if not regex or max(len(regex), len(text)) > TEXT_LENGTH_MAX:
        raise invalid(
            f"'Regex' and 'Replace' have at most {TEXT_LENGTH_MAX} characters, 'Regex' at least 1"
        )
    try:
        groups = Regex(regex).groups
    except BadRegex as error:
        raise invalid(f"The regular expression '{regex}' is not valid: {error}") from None
    for reference in _REFERENCE.finditer(text):
        if int(reference[1]) > groups:
            raise invalid(f"The regular expression '{regex}' has no group for '{reference[0]}'")
    return {"Type": kind, member: {"Rewrites": [{"Regex": regex, "Replace": text}]}}


# Requests.


class _Rewrite:
    """One transform, ready to be applied."""

    def __init__(self, regex: str, text: str, shape: re.Pattern[str], *, fold: bool) -> None:
        self._regex = Regex(regex, fold=fold)
        self._text = text
        self._shape = shape

    def of(self, given: str) -> str:
        """Return what a text becomes; raises Failed."""
        try:
            spans = self._regex.search(given)
        except TooLong:
            raise Failed from None
        if spans is None:
            return given

        def part(reference: re.Match[str]) -> str:
            start, end = spans[int(reference[1])]
            return given[start:end] if start >= 0 else ""

        start, end = spans[0]
        made = given[:start] + _REFERENCE.sub(part, self._text) + given[end:]
        if self._shape.fullmatch(made) is None:
            raise Failed
        return made


class Rewriting:
    """A rule's transforms, ready to be applied."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        rewrites = {one["Type"]: one[_CONFIGS[one["Type"]]]["Rewrites"][0] for one in transforms}
        self._host = self._url = None
        if HOST in rewrites:
            one = rewrites[HOST]
            self._host = _Rewrite(one["Regex"], one["Replace"], _HOST, fold=True)
        if URL in rewrites:
            one = rewrites[URL]
            self._url = _Rewrite(one["Regex"], one["Replace"], _URL, fold=False)

    def url(self, path: str, query: str) -> tuple[str, str]:
        """Return path and query as the target sees them; raises Failed."""
        if self._url is None:
            return path, query
        made = self._url.of(f"{path}?{query}" if query else path)
        path, _, query = made.partition("?")
        return path, query

    def headers(self, headers: Headers) -> Headers:
        """Return headers with the host that the target sees; its port stays. Raises Failed."""
        if self._host is None:
            return headers
        return [
            (name, self._host_of(value) if name.lower() == "host" else value)
            for name, value in headers
        ]

    def _host_of(self, value: str) -> str:
        assert self._host is not None, "there is a transform of the host"
        name, colon, port = value.rpartition(":")
        if not (colon and port.isdigit()):
            name, colon, port = value, "", ""
        made = self._host.of(name)
        if len(made) > HOST_LENGTH_MAX:
            raise Failed
        return f"{made}{colon}{port}"
