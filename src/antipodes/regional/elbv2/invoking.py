"""Invoking a function for a request or a probe, with patience that ends.

The invocation goes on when nobody waits for it any more, as it does in AWS: only the waiting ends.
"""

from antipodes.runtime.contract import RuntimeFailure, TimedOut
from antipodes.service.contract import Host, ServiceError


class Failed(Exception):
    """The function gave no answer; `reason` is the code that AWS's access logs have for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_REASONS = {
    "AccessDeniedException": "LambdaAccessDenied",
    "RequestTooLargeException": "LambdaRequestTooLarge",
    "ResourceNotFoundException": "LambdaResourceNotFound",
    "TooManyRequestsException": "LambdaThrottling",
}


async def invoke(  # noqa: PLR0913 - who invokes what, for whom, with what patience
    host: Host, function: str, payload: bytes, *, account: str, trace: str, seconds: float
) -> bytes:
    """Return what a function answered. Raises Failed, and TimedOut after `seconds` of waiting."""
    runtime = host.runtime
    request = {"FunctionName": function, "Payload": payload}
    async with runtime.timeout(seconds):
        try:
            outcome = await host.call("lambda", "Invoke", request, account=account, trace=trace)
        except ServiceError as error:
            raise Failed(_REASONS.get(error.code, "LambdaServiceException")) from None
        except TimedOut:
            raise Failed("LambdaConnectionTimeout") from None
        except RuntimeFailure:
            raise Failed("LambdaConnectionError") from None
    if outcome.get("FunctionError"):
        raise Failed("LambdaUnhandled")
    body = outcome.get("Payload") or b""
    return body.encode() if isinstance(body, str) else bytes(body)
