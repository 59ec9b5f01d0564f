"""Route 53 as a host runs it: the service with all of its operations."""

from antipodes.edge.route53 import (
    cidrapi,
    delegationapi,
    geoapi,
    healthapi,
    limitapi,
    loggingapi,
    recordapi,
    tagapi,
    trafficapi,
    vpcapi,
    zoneapi,
)
from antipodes.edge.route53.service import Route53

__all__ = [
    "Route53",
    "cidrapi",
    "delegationapi",
    "geoapi",
    "healthapi",
    "limitapi",
    "loggingapi",
    "recordapi",
    "tagapi",
    "trafficapi",
    "vpcapi",
    "zoneapi",
]
