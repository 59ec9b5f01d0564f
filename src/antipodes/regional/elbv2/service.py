"""Elastic Load Balancing v2 in one region: the service, and the table of its operations."""

from antipodes.regional.elbv2.control import Balancing
from antipodes.service.contract import Operations

operations = Operations()


class ElbV2(Balancing):
    """Elastic Load Balancing v2 in one region."""

    name = "elbv2"
    operations = operations
