"""What goes wrong with strongly consistent tables.

AWS documents the conflict only. What a region answers that reaches no other is not written down
anywhere: here it is an unavailable service where certainly nothing happened, and an internal error
where a write may have happened. Clients try again after both.
"""

from antipodes.service.contract import ServiceError


def conflict() -> ServiceError:
    """Somebody in another region is changing the same item; nothing was changed here."""
    return ServiceError(
        "ReplicatedWriteConflictException",
        "One or more items in this request are being modified by a request in another Region.",
    )


def unavailable() -> ServiceError:
    """No other region could be asked; nothing was changed."""
    return ServiceError(
        "ServiceUnavailable",
        "The table's replicas in other Regions cannot be reached, so only eventually consistent "
        "reads can be served.",
        503,
    )


def unknown() -> ServiceError:
    """Another region was told of a write and has not answered: it may have happened."""
    return ServiceError(
        "InternalServerError",
        "The write reached no majority of the table's Regions in time. It may take effect later.",
        500,
    )
