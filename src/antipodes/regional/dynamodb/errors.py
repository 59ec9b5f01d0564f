"""DynamoDB's errors, with the wording that clients know."""

from typing import Any

from antipodes.service.contract import ServiceError


class Refused(ServiceError):
    """A mistake that fails a request as a whole, even where one action has an error of its own."""


def empty_key(name: str, kind: str) -> Refused:
    """The error for a key attribute without a value."""
    what = "string" if kind == "S" else "binary"
    return Refused(
        "ValidationException",
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
        f"contain an empty {what} value. Key: {name}",
    )


def validation(message: str) -> ServiceError:
    """The error for a request that makes no sense."""
    return ServiceError("ValidationException", message)


def not_given(*paths: str) -> ServiceError:
    """The error for members that must be there; paths as the framework writes them."""
    told = "; ".join(
        f"Value null at '{path}' failed to satisfy constraint: Member must not be null"
        for path in paths
    )
    noun = "error" if len(paths) == 1 else "errors"
    return validation(f"{len(paths)} validation {noun} detected: {told}")


def invalid_value(message: str) -> ServiceError:
    """The error for a value that cannot be."""
    return validation(f"One or more parameter values were invalid: {message}")


def not_found(message: str = "Requested resource not found") -> ServiceError:
    """The error for a table that is not there."""
    return ServiceError("ResourceNotFoundException", message)


def condition_failed(item: dict[str, Any] | None) -> ServiceError:
    """The error for a condition that does not hold; with the item where it was asked for."""
    members: dict[str, Any] = {} if item is None else {"Item": item}
    return ServiceError(
        "ConditionalCheckFailedException", "The conditional request failed", **members
    )


def in_use(detail: str = "") -> ServiceError:
    """The error for what has to wait for something else to end; a global table's has no detail."""
    message = "The resource which you are attempting to change is in use."
    if detail:
        message = f"Attempt to change a resource which is still in use: {detail}"
    return ServiceError("ResourceInUseException", message)


def limit_exceeded(detail: str) -> ServiceError:
    """The error for one more than there may be."""
    return ServiceError("LimitExceededException", f"Subscriber limit exceeded: {detail}")


def invalid_request(detail: str) -> ServiceError:
    """The error for a request about backups that makes no sense."""
    return validation(f"Invalid Request: {detail}")
