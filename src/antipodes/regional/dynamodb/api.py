"""DynamoDB as a host runs it: the service with all of its operations."""

from antipodes.regional.dynamodb import itemapi, policyapi, tableapi, tagapi
from antipodes.regional.dynamodb.service import DynamoDB

__all__ = ["DynamoDB", "itemapi", "policyapi", "tableapi", "tagapi"]
