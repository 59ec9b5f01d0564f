"""What a load balancer adds to a request on its way, and the pages it writes itself.

Sources: the Application Load Balancer user guide, x-forwarded-headers,
load-balancer-request-tracing, load-balancer-troubleshooting; the pages' text as captured by many.
"""

import re
from http import HTTPStatus
from typing import NamedTuple

from antipodes.regional.elbv2 import attributes
from antipodes.regional.elbv2.model import LoadBalancer
from antipodes.service.http import HttpResponse
from antipodes.service.httpmessages import HOP_BY_HOP
from antipodes.wire.scalars import http_date

SERVER = "awselb/2.0"
FORWARDED_ADDRESSES_MAX = 30
TRACE_LENGTH_MAX = 7 << 10
DEFAULT_PORTS = (80, 443)

_PHRASES = {
    405: "Not Allowed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    463: "Too Many Addresses",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}
_REPLACED = HOP_BY_HOP | {
    "expect",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "content-length",
}
_ROOT = re.compile(r"(?:^|;)\s*Root=([^;]+)")
_SELF = re.compile(r"(?:^|;)\s*Self=[^;]*")
_VALID_NAME = re.compile(r"[A-Za-z0-9-]+")
Headers = list[tuple[str, str]]


class Policy(NamedTuple):
    """How a load balancer treats headers and silence, from its attributes."""

    idle_s: float
    preserves_host: bool
    forwarded: str
    drops_invalid: bool = False
    keep_alive_s: float = 3_600.0

    @classmethod
    def of(cls, balancer: LoadBalancer) -> "Policy":
        """Read the attributes."""

        def value(key: str) -> str:
            return attributes.value(attributes.OF_BALANCER, balancer.attributes, key)

        return cls(
            float(value(attributes.IDLE_TIMEOUT)),
            value(attributes.PRESERVE_HOST) == "true",
            value(attributes.FORWARDED_MODE),
            value(attributes.DROP_INVALID) == "true",
            float(value(attributes.CLIENT_KEEP_ALIVE)),
        )


def page(status: int, wall: float) -> HttpResponse:
    """Return a page that the load balancer writes itself."""
    title = f"{status} {_phrase(status)}"
    text = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    headers = [("Server", SERVER), ("Date", http_date(int(wall))), ("Content-Type", "text/html")]
    return HttpResponse(status, headers, text.encode(), _phrase(status))


def _phrase(status: int) -> str:
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def trace_header(sent: str, root: str, own: str) -> tuple[str, str]:
    """Return the trace header to pass on, and the root id in it.

    `root` is used where the client named none; `own` is what this load balancer calls itself.
    """
    found = _ROOT.search(sent) if sent else None
    if found is None:
        return f"Root={root}", root
    rest = _SELF.sub("", sent).strip("; ")
    if len(rest) > TRACE_LENGTH_MAX:
        return f"Root={found[1]}", found[1]
    return f"Self={own};{rest}", found[1]


def host_to_pass(host: str, port: int, policy: Policy) -> str:
    """Return the Host header for a target: the port is told unless it is HTTP's own."""
    if policy.preserves_host:
        return host
    name, colon, sent = host.lower().rpartition(":")
    bare = name if colon and sent.isdigit() else host.lower()
    return bare if port in DEFAULT_PORTS else f"{bare}:{port}"


def headers_to_pass(  # noqa: PLR0913 - what a load balancer tells targets of a request
    headers: Headers, *, peer_ip: str, scheme: str, port: int, trace: str, policy: Policy
) -> Headers:
    """Return a request's headers as targets see them; names keep their order."""
    kept: Headers = []
    came_from: list[str] = []
    for name, value in headers:
        lowered = name.lower()
        if lowered == "host":
            kept.append((name, host_to_pass(value, port, policy)))
        elif lowered not in _REPLACED:
            kept.append((name, value))
        elif lowered == "x-forwarded-for":
            came_from.append(value)
    before = ", ".join(came_from)
    if policy.forwarded == "append" and peer_ip:
        before = f"{before}, {peer_ip}" if before else peer_ip
    if before and policy.forwarded != "remove":
        kept.append(("X-Forwarded-For", before))
    kept += [
        ("X-Forwarded-Proto", scheme),
        ("X-Forwarded-Port", str(port)),
        ("X-Amzn-Trace-Id", trace),
    ]
    return kept


def valid_headers(headers: Headers) -> Headers:
    """Return the headers whose names have letters, digits and hyphens only."""
    return [pair for pair in headers if _VALID_NAME.fullmatch(pair[0])]


def too_many_addresses(headers: Headers) -> bool:
    """Whether a request has come through too many proxies."""
    values = [value for name, value in headers if name.lower() == "x-forwarded-for"]
    return len(",".join(values).split(",")) > FORWARDED_ADDRESSES_MAX
