"""Asking a service in any region, through this host's front door, as a customer would.

The request is signed and goes over the backbone, so that a region that cannot be reached cannot be
asked, and a control plane that is down answers as it does to everybody.
"""

import hashlib
from datetime import UTC, datetime
from typing import NamedTuple

from antipodes.runtime.contract import Accepted, Address
from antipodes.service import accounts, signatures
from antipodes.service.contract import Host
from antipodes.service.http import HttpRequest, HttpResponse


class Asked(NamedTuple):
    """A request to an endpoint; `service` is what it is signed for."""

    region: str
    service: str
    endpoint: str
    method: str
    target: str
    body: bytes = b""
    content_type: str = ""


async def ask(host: Host, account: str, asked: Asked, trace: str = "") -> HttpResponse:
    """Send a request of an account; whatever is answered is returned."""
    now = datetime.fromtimestamp(host.runtime.wall(), UTC)
    credential = signatures.Credential(account, f"{now:%Y%m%d}", asked.region, asked.service)
    time = f"{now:%Y%m%dT%H%M%SZ}"
    headers = {
        "host": asked.endpoint,
        "x-amz-content-sha256": hashlib.sha256(asked.body).hexdigest(),
        "x-amz-date": time,
    }
    if asked.content_type:
        headers["content-type"] = asked.content_type
    accepted = Accepted(host.place, "", Address(host.place, "api"), trace)
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = HttpRequest(asked.method, asked.target, headers, asked.body, accepted, raw)
    signed = signatures.Signed(credential, tuple(sorted(headers)), "", time, None)
    signature = signatures.signature_of(request, signed, accounts.secret_of(account))
    authorization = (
        f"{signatures.ALGORITHM} Credential={account}/{credential.scope}, "
        f"SignedHeaders={';'.join(signed.headers)}, Signature={signature}"
    )
    headers["authorization"] = authorization
    raw.append((b"authorization", authorization.encode()))
    return await host.serve_http(request)
