"""What can be wrong with a request before any service has seen it.

::

    WireError               a caller's mistake, with AWS's code for it
    ├── UnknownOperation    the request names no operation of the model
    ├── Malformed           the bytes are not what the protocol says they are
    └── Invalid             well formed, and against the model's constraints

The dispatcher turns each into the protocol's own error answer; nothing has changed by then.
"""


class WireError(Exception):
    """A request that AWS would refuse by its shape alone."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class UnknownOperation(WireError):
    """The request names no operation of the service's model."""

    def __init__(self, message: str = "", *, code: str = "", status: int = 0) -> None:
        super().__init__(code or "UnknownOperationException", message, status or 400)


class Malformed(WireError):
    """The bytes cannot be read as the protocol says."""

    def __init__(self, message: str = "", *, code: str = "SerializationException") -> None:
        super().__init__(code, message)


class Invalid(WireError):
    """A member is missing, too long, out of range or not one of the values allowed."""
