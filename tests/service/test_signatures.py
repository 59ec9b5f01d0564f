"""Signatures, made by botocore and held against ours."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from antipodes.runtime.contract import Accepted, Address
from antipodes.service import signatures
from antipodes.service.contract import ServiceError
from antipodes.service.http import HttpRequest

ACCEPTED = Accepted("city/sao-paulo", "198.19.128.1", Address("us-west-2", "api"), "")
BASE = "http://127.0.0.1:4566"
SEGMENTS = st.text("abc/.~ %+é=&", max_size=12)


def request_of(
    signer: type[Any], url: str, body: bytes, service: str, **headers: str
) -> HttpRequest:
    """Let botocore sign a request, and write it as HTTP would bring it."""
    signing = AWSRequest("POST", BASE + url, data=body, headers=headers)
    credentials = Credentials("AKIAEXAMPLE", "test")
    signer(credentials, service, "us-west-2").add_auth(signing)
    prepared = signing.prepare()
    raw = [
        (k.encode(), (v if isinstance(v, bytes) else str(v).encode()))
        for k, v in prepared.headers.items()
    ]
    raw.append((b"Host", b"127.0.0.1:4566"))
    parts = urlsplit(prepared.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lower = {k.decode().lower(): v.decode() for k, v in raw}
    return HttpRequest("POST", target, lower, body, ACCEPTED, raw)


def signed_at(request: HttpRequest) -> float:
    return datetime.strptime(signatures.read(request).time, "%Y%m%dT%H%M%S%z").timestamp()


def refusal(check: Callable[[], object]) -> str:
    with pytest.raises(ServiceError) as caught:
        check()
    return caught.value.code


@given(
    segments=st.lists(SEGMENTS, max_size=3),
    query=st.dictionaries(SEGMENTS, SEGMENTS, max_size=3),
    body=st.binary(max_size=20),
    signer=st.sampled_from([(SigV4Auth, "lambda"), (S3SigV4Auth, "s3"), (SigV4QueryAuth, "ec2")]),
)
def test_botocores_signatures_are_good_and_changed_ones_are_not(
    segments: list[str], query: dict[str, str], body: bytes, signer: tuple[type[Any], str]
) -> None:
    url = "/" + "/".join(quote(segment, safe="") for segment in segments)
    if query:
        url += "?" + "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in query.items())
    kind, service = signer
    if kind is SigV4QueryAuth:
        body = b""  # it would go into the query
    request = request_of(kind, url, body, service, **{"X-Amz-Meta-A": "  two   blanks "})
    now = signed_at(request)
    signatures.verify(request, "test", now)
    assert refusal(lambda: signatures.verify(request, "Test", now)) == "SignatureDoesNotMatch"
    request.body += b"!"
    assert refusal(lambda: signatures.verify(request, "test", now)) == "SignatureDoesNotMatch"


def test_signatures_grow_old() -> None:
    request = request_of(SigV4Auth, "/", b"{}", "dynamodb")
    now = signed_at(request)
    for late_s, good in ((-901, False), (-899, True), (899, True), (901, False)):
        if good:
            signatures.verify(request, "test", now + late_s)
        else:
            code = refusal(lambda at=now + late_s: signatures.verify(request, "test", at))  # type: ignore[misc]  # bound now
            assert code == "SignatureDoesNotMatch"


def test_presigned_requests_last_as_long_as_they_say() -> None:
    request = request_of(SigV4QueryAuth, "/?Action=DescribeSubnets", b"", "ec2")
    signed = signatures.read(request)
    assert signed.expires_s == 3600
    signatures.verify(request, "test", signed_at(request) + 3599)
    late = signed_at(request) + 3601
    assert refusal(lambda: signatures.verify(request, "test", late)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=x",
        "AWS4-HMAC-SHA256 Credential=a/b//d/aws4_request, SignedHeaders=host, Signature=x",
        "AWS4-HMAC-SHA512 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=x",
    ],
)
def test_half_an_authorization_is_incomplete(header: str) -> None:
    request = HttpRequest("POST", "/", {"authorization": header}, b"", ACCEPTED)
    assert refusal(lambda: signatures.read(request)) == "IncompleteSignature"


def test_nobody_signed() -> None:
    request = HttpRequest("POST", "/", {}, b"", ACCEPTED)
    assert refusal(lambda: signatures.read(request)) == "MissingAuthenticationToken"


def test_keys_may_have_slashes_in_them() -> None:
    credential = signatures.parse_credential("a/b/20260101/us-west-2/dynamodb/aws4_request")
    assert credential == ("a/b", "20260101", "us-west-2", "dynamodb")
