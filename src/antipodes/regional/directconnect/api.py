"""Direct Connect as a host runs it: the service with all of its operations."""

from antipodes.regional.directconnect import (
    associationapi,
    connectionapi,
    gatewayapi,
    interfaceapi,
    tagapi,
)
from antipodes.regional.directconnect.service import DirectConnect

__all__ = [
    "DirectConnect",
    "associationapi",
    "connectionapi",
    "gatewayapi",
    "interfaceapi",
    "tagapi",
]
