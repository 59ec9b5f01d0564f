"""Cloud Map as a host runs it: the service with all of its operations."""

from antipodes.regional.servicediscovery import (
    discoveryapi,
    dnsapi,
    instanceapi,
    namespaceapi,
    otherapi,
    serviceapi,
)
from antipodes.regional.servicediscovery.service import ServiceDiscovery

__all__ = [
    "ServiceDiscovery",
    "discoveryapi",
    "dnsapi",
    "instanceapi",
    "namespaceapi",
    "otherapi",
    "serviceapi",
]
