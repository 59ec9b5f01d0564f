"""Running a customer's deployment script: what it finds around it, and what it says at its end."""

import json
import os
from collections.abc import Sequence
from typing import Any, Protocol


class DeploymentFailed(Exception):
    """A deployment script failed; the message has what it printed."""


class Pointed(Protocol):
    """A world with an endpoint."""

    @property
    def endpoint_url(self) -> str: ...

    @property
    def regions(self) -> Sequence[str]: ...


def environment(world: Pointed) -> dict[str, str]:
    """What points AWS's tools at a world, and keeps the machine's own settings out."""
    return {
        "AWS_ENDPOINT_URL": world.endpoint_url,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # no data-127.0.0.1
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": world.regions[0],
        "AWS_REGIONS": ",".join(world.regions),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def last_object(output: str) -> dict[str, Any]:
    """The JSON object on the last line of what a script printed; empty where it has none."""
    lines = output.strip().splitlines()
    try:
        said: Any = json.loads(lines[-1] if lines else "")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
