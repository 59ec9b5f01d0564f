"""EC2 as a host runs it: the service with all of its operations."""

from antipodes.regional.ec2 import (
    aclapi,
    dhcpapi,
    gatewayapi,
    groupapi,
    hubapi,
    hubattachmentapi,
    hubrouteapi,
    hubtableapi,
    peeringapi,
    placesapi,
    ruleapi,
    subnetapi,
    tagapi,
    vpcapi,
)
from antipodes.regional.ec2.service import Ec2

__all__ = [
    "Ec2",
    "aclapi",
    "dhcpapi",
    "gatewayapi",
    "groupapi",
    "hubapi",
    "hubattachmentapi",
    "hubrouteapi",
    "hubtableapi",
    "peeringapi",
    "placesapi",
    "ruleapi",
    "subnetapi",
    "tagapi",
    "vpcapi",
]
