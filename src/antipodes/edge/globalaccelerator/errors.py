"""What the API refuses, with AWS's own error codes. Messages are ours."""

from antipodes.service.contract import ServiceError


def invalid(message: str) -> ServiceError:
    """The error for an argument that cannot be."""
    return ServiceError("InvalidArgumentException", message)


def bad_ports(message: str) -> ServiceError:
    """The error for ports that are no ports, or not free."""
    return ServiceError("InvalidPortRangeException", message)


def limited(message: str) -> ServiceError:
    """The error for one too many."""
    return ServiceError("LimitExceededException", message)


def denied(message: str) -> ServiceError:
    """The error for what belongs to somebody else."""
    return ServiceError("AccessDeniedException", message)


def conflicting(message: str) -> ServiceError:
    """The error for two things that exclude each other."""
    return ServiceError("ConflictException", message)


def in_progress(arn: str) -> ServiceError:
    """The error for a change while another one is being made."""
    return ServiceError(
        "TransactionInProgressException", f"Another change of {arn} is being made; try again"
    )


def broken(message: str) -> ServiceError:
    """The error for what the service itself could not find out."""
    return ServiceError("InternalServiceErrorException", message, 500)


def bad_state(message: str) -> ServiceError:
    """The error for an address range that is not in the right state."""
    return ServiceError("IncorrectCidrStateException", message)


def not_offered(what: str) -> ServiceError:
    """The error for what is not modelled, by name."""
    return ServiceError(
        "NotImplemented", f"Antipodes does not offer {what} of globalaccelerator", 501
    )


def missing(kind: str, name: str) -> ServiceError:
    """The error for something that is not there."""
    return ServiceError(f"{kind}NotFoundException", f"{kind} not found: {name}")
