"""boto3 sessions of a world of processes: ordinary ones that know where the world is."""

from typing import Any

import boto3


class WorldSession(boto3.Session):  # type: ignore[misc] # boto3 is untyped
    """An ordinary session whose clients call one world, unless told otherwise."""

    def __init__(self, endpoint_url: str, **options: Any) -> None:
        super().__init__(**options)
        self._world_url = endpoint_url

    def client(self, *arguments: Any, **options: Any) -> Any:
        """An ordinary client."""
        options.setdefault("endpoint_url", self._world_url)
        return super().client(*arguments, **options)

    def resource(self, *arguments: Any, **options: Any) -> Any:
        """An ordinary resource."""
        options.setdefault("endpoint_url", self._world_url)
        return super().resource(*arguments, **options)
