"""DynamoDB's errors, with the wording that clients know."""

from typing import Any

from antipodes.service.contract import ServiceError


def validation(message: str) -> ServiceError:
    """The error for a request that makes no sense."""
    return ServiceError("ValidationException", message)


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
