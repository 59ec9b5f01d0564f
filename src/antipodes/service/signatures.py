"""Signature Version 4: whom a request names as its caller, and whether the signature is theirs.

Every request must name a credential scope, in its `Authorization` header or (presigned) its query:
key, day, region and service. That names the region and the account. The signature itself is only
verified when the world's settings say so; then the secret is the one that `accounts.secret_of`
gives for the key. Signatures are good for fifteen minutes, presigned ones for as long as they say.

Left out: SigV4A (signed for several regions at once) and the signatures of chunks of a body.
Modelled on AWS's published description of the algorithm.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from antipodes.service.contract import ServiceError
from antipodes.service.http import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_S_MAX = 900.0
PRESIGNED_S_MAX = 604_800.0

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SCOPE_PARTS = 5


class Credential(NamedTuple):
    """Who signed, and for where."""

    access_key: str
    day: str
    region: str
    service: str

    @property
    def scope(self) -> str:
        """The scope as it is signed."""
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


class Signed(NamedTuple):
    """All that a request says about its signature."""

    credential: Credential
    headers: tuple[str, ...]
    signature: str
    time: str
    expires_s: float | None  # of a presigned request


def unsigned() -> ServiceError:
    """The answer to a request that names no caller."""
    return ServiceError(
        "MissingAuthenticationToken", "The request is not signed: it names no access key", 403
    )


def incomplete(problem: str) -> ServiceError:
    """The answer to an authorization that cannot be read."""
    return ServiceError("IncompleteSignature", problem, 400)


def _mismatch(problem: str) -> ServiceError:
    return ServiceError("SignatureDoesNotMatch", problem, 403)


def credential_text(headers: Mapping[str, str], target: str) -> str:
    """Return the text of a request's credential scope, without reading what is in it."""
    header = headers.get("authorization")
    if header is not None:
        start = header.find("Credential=")
        if start < 0 or "SignedHeaders=" not in header or "Signature=" not in header:
            raise incomplete(
                "The Authorization header must have Credential, SignedHeaders and Signature"
            )
        start += len("Credential=")
        end = header.find(",", start)
        return header[start : end if end > 0 else len(header)].strip()
    if "X-Amz-Credential=" in target:
        return _parameters(target)["X-Amz-Credential"]
    raise unsigned()


def parse_credential(text: str) -> Credential:
    """Read `KEY/DAY/REGION/SERVICE/aws4_request`."""
    parts = text.rsplit("/", _SCOPE_PARTS - 1)
    if len(parts) != _SCOPE_PARTS or parts[-1] != "aws4_request" or not all(parts):
        raise incomplete(
            f"Credential must be KEY/DAY/REGION/SERVICE/aws4_request, not {text[:200]!r}"
        )
    return Credential(*parts[:-1])


def _parameters(target: str) -> dict[str, str]:
    return dict(parse_qsl(target.partition("?")[2], keep_blank_values=True))


def read(request: HttpRequest) -> Signed:
    """Read all that a request says about its signature."""
    credential = parse_credential(credential_text(request.headers, request.target))
    header = request.headers.get("authorization")
    if header is None:
        given = _parameters(request.target)
        names, signature = given.get("X-Amz-SignedHeaders"), given.get("X-Amz-Signature")
        time, expires = given.get("X-Amz-Date"), given.get("X-Amz-Expires", "900")
        if not names or not signature or not time or not expires.isdecimal():
            raise incomplete("The query must have X-Amz-SignedHeaders, -Signature, -Date, -Expires")
        return Signed(credential, tuple(names.split(";")), signature, time, float(expires))
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise incomplete(f"The algorithm must be {ALGORITHM}")
    given = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    names, time = given.get("SignedHeaders"), request.headers.get("x-amz-date")
    if not names or not time:
        raise incomplete("A signed request has SignedHeaders and the header X-Amz-Date")
    return Signed(credential, tuple(names.split(";")), given.get("Signature", ""), time, None)


def verify(request: HttpRequest, secret: str, now: float) -> None:
    """Raise unless the request was signed with that secret, recently; `now` is Unix seconds."""
    signed = read(request)
    _check_time(signed, now)
    expected = signature_of(request, signed, secret)
    if not hmac.compare_digest(expected.encode(), signed.signature.encode()):
        raise _mismatch(
            "The signature is not that of this request and this key's secret, which is 'test' "
            "unless sts issued the key"
        )


def _check_time(signed: Signed, now: float) -> None:
    try:
        at = datetime.strptime(signed.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise incomplete(f"{signed.time[:40]!r} is not a time like 20260131T235959Z") from error
    if not signed.time.startswith(signed.credential.day):
        raise _mismatch("The day in the credential scope is not that of the request")
    lasts = SKEW_S_MAX if signed.expires_s is None else signed.expires_s
    if lasts > PRESIGNED_S_MAX:
        raise incomplete("X-Amz-Expires must not be more than a week")
    if at - SKEW_S_MAX > now:
        raise _mismatch(f"The signature is from the future: {signed.time}")
    if now > at + lasts:
        raise _mismatch(f"The signature has expired: {signed.time}, good for {lasts:.0f} s")


def signature_of(request: HttpRequest, signed: Signed, secret: str) -> str:
    """Return the signature that the request should have."""
    digest = hashlib.sha256(_canonical(request, signed).encode()).hexdigest()
    text = f"{ALGORITHM}\n{signed.time}\n{signed.credential.scope}\n{digest}"
    key = b"AWS4" + secret.encode()
    for part in signed.credential.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def authorize(
    request: HttpRequest, region: str, service: str, key: tuple[str, str], now: float
) -> dict[str, str]:
    """Return the headers of a request with those that sign it; `key` is access key and secret."""
    time = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    credential = Credential(key[0], time[:8], region, service)
    headers = request.headers | {"x-amz-date": time}
    signed = Signed(credential, tuple(sorted(headers)), "", time, None)
    whole = HttpRequest(request.method, request.target, headers, request.body, request.accepted)
    names = ";".join(signed.headers)
    proof = signature_of(whole, signed, key[1])
    scope = f"{credential.access_key}/{credential.scope}"
    return headers | {
        "authorization": f"{ALGORITHM} Credential={scope}, SignedHeaders={names}, Signature={proof}"
    }


def _canonical(request: HttpRequest, signed: Signed) -> str:
    path, _, query = request.target.partition("?")
    is_s3 = signed.credential.service == "s3"
    lines = [request.method, path if is_s3 else quote(_without_dots(path), safe="/~")]
    lines.append(_canonical_query(query))
    lines += [f"{name}:{_header(request, name)}" for name in signed.headers]
    lines += ["", ";".join(signed.headers), _body_digest(request, signed)]
    return "\n".join(lines)


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    end = "/" if path.endswith("/") and kept else ""
    return "/" + "/".join(kept) + end


def _canonical_query(query: str) -> str:
    pairs = []
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if name != "X-Amz-Signature":
            pairs.append((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _header(request: HttpRequest, name: str) -> str:
    wanted = name.encode()
    values = [value for key, value in request.raw_headers if key.lower() == wanted]
    texts = [value.decode("utf-8", "replace") for value in values]
    return ",".join(" ".join(t.split()) for t in texts or [request.headers.get(name, "")])


def _body_digest(request: HttpRequest, signed: Signed) -> str:
    actual = hashlib.sha256(request.body).hexdigest()
    if signed.expires_s is not None and signed.credential.service == "s3":
        return "UNSIGNED-PAYLOAD"
    claimed = request.headers.get("x-amz-content-sha256", actual)
    if _DIGEST.fullmatch(claimed) and claimed != actual:
        raise _mismatch("The body is not the one that X-Amz-Content-SHA256 tells of")
    return claimed
