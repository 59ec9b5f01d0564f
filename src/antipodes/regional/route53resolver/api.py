"""Route 53 Resolver as a host runs it: the service with all of its operations."""

from antipodes.regional.route53resolver import endpointapi, otherapi, ruleapi
from antipodes.regional.route53resolver.service import Route53Resolver

__all__ = ["Route53Resolver", "endpointapi", "otherapi", "ruleapi"]
