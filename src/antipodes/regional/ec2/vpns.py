"""What VPN connections, and the gateways at their ends, may be."""

from antipodes.service.contract import Request, ServiceError

TYPE = "ipsec.1"


def check_type(request: Request) -> None:
    """Refuse a type that there is not."""
    if request.get("Type") != TYPE:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({request.get('Type')}) for parameter type is invalid. It must be {TYPE}.",
        )
