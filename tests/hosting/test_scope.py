"""Which region a request is for, by how it is signed.

The requests are signed by botocore, as customers' are.
"""

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from antipodes.hosting.scope import region_of

W, E, HOME = "us-west-2", "eu-central-1", "us-east-1"


def signed(service: str, region: str, *, presigned: bool = False) -> bytes:
    """The head of a request as boto3 would send it to port 4566."""
    request = AWSRequest("GET", "http://127.0.0.1:4566/?Action=X", headers={"Accept": "*/*"})
    kind = SigV4QueryAuth if presigned else SigV4Auth
    kind(Credentials("test", "test"), service, region).add_auth(request)
    sent = request.prepare()
    lines = [f"GET {sent.url.removeprefix('http://127.0.0.1:4566')} HTTP/1.1"]
    lines += ["Host: 127.0.0.1:4566", *(f"{k}: {v}" for k, v in sent.headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@pytest.mark.parametrize("region", [W, E, "ap-south-1"])
@pytest.mark.parametrize("presigned", [False, True])
def test_a_signed_request_goes_to_the_region_it_is_signed_for(
    region: str, *, presigned: bool
) -> None:
    """Even to one that this world has not: the door then says so."""
    head = signed("dynamodb", region, presigned=presigned)
    assert (b"\r\nAuthorization: " in head) != presigned
    assert (b"X-Amz-Credential=" in head) == presigned
    assert region_of(head) == region


@pytest.mark.parametrize("presigned", [False, True])
def test_a_service_with_one_endpoint_for_all_regions_is_served_at_home(*, presigned: bool) -> None:
    assert region_of(signed("iam", E, presigned=presigned)) == HOME
    assert region_of(signed("sts", E, presigned=presigned)) == E


def test_an_unsigned_request_names_no_region() -> None:
    assert not region_of(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:4566\r\n\r\n")
