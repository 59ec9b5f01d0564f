"""Hosts that a service needs in regions where no customer has anything, and that may not run yet.

Whoever runs the world is asked to start them, at a door that stands outside of it. One that was
killed stays dead.
"""

from urllib.parse import quote

from antipodes.runtime.contract import Address, Gone, Runtime, TimedOut
from antipodes.service.http import HttpClient

FAULT_DOOR = Address("supervisor", "faults")
START_S_MAX = 40.0
_OK = 200


async def ensure_host(runtime: Runtime, client: HttpClient, region: str) -> bool:
    """See to it that there is somebody in a region, as far as possible; whether there is."""
    try:
        async with runtime.timeout(START_S_MAX):
            answer = await client.request(FAULT_DOOR, "POST", f"/hosts/{quote(region)}/start")
    except (Gone, TimedOut):
        return False
    return answer.status == _OK
