"""Invoking a function for a request or a probe, with patience that ends.

The invocation goes on when nobody waits for it any more, as it does in AWS: only the waiting ends.
"""

from antipodes.runtime.contract import RuntimeFailure, TimedOut
from antipodes.service.contract import Host, Response, ServiceError


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
    answered = runtime.future()

    async def run() -> None:
        outcome: Response | Exception
        request = {"FunctionName": function, "Payload": payload}
        try:
            outcome = await host.call("lambda", "Invoke", request, account=account, trace=trace)
        except (ServiceError, RuntimeFailure) as error:
            outcome = error
        if not answered.done():
            answered.set_result(outcome)

    runtime.spawn(run(), "invocation by a load balancer")
    async with runtime.timeout(seconds):
        outcome = await answered
    if isinstance(outcome, ServiceError):
        raise Failed(_REASONS.get(outcome.code, "LambdaServiceException"))
    if isinstance(outcome, TimedOut):
        raise Failed("LambdaConnectionTimeout")
    if isinstance(outcome, Exception):
        raise Failed("LambdaConnectionError")
    if outcome.get("FunctionError"):
        raise Failed("LambdaUnhandled")
    body = outcome.get("Payload") or b""
    return body.encode() if isinstance(body, str) else bytes(body)
