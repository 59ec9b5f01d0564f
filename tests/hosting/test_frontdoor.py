"""Which region's process the front door hands a connection to, by how its first request is signed.

The requests are signed by botocore, as customers' are.
"""

import tempfile
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from antipodes.hosting.configuration import Configuration
from antipodes.hosting.frontdoor import FrontDoor
from antipodes.hosting.supervisor import Supervisor
from antipodes.runtime.contract import Accepted, PlainReceiver
from antipodes.runtime.main import run_main
from antipodes.service.http import HttpRequest, HttpResponse

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


def region_of(head: bytes) -> str:
    """The region that a front door finds in a request's head."""

    async def main(directory: Path) -> str:
        configuration = Configuration(
            place="supervisor",
            regions=(W, E),
            run_directory=str(directory),
            state_directory=str(directory / "state"),
        )
        supervisor = await Supervisor.open(configuration, directory, directory / "state")
        door = FrontDoor(supervisor, 0, answer, nobody)
        try:
            return door._region(head)
        finally:
            door.close()
            await supervisor.runtime.close()

    with tempfile.TemporaryDirectory(prefix="ap-") as directory:
        found: str = run_main(main(Path(directory)))
    return found


def answer(_: HttpRequest) -> HttpResponse:
    return HttpResponse(200)


def nobody(_: Accepted) -> PlainReceiver:
    return PlainReceiver()


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


def test_an_unsigned_request_goes_to_the_first_region() -> None:
    assert region_of(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:4566\r\n\r\n") == W
