"""DynamoDB as a host runs it: the service with all of its operations."""

from antipodes.regional.dynamodb import (
    backupapi,
    globaltableapi,
    itemapi,
    policyapi,
    statementapi,
    tableapi,
    tagapi,
    ttlapi,
)
from antipodes.regional.dynamodb.service import DynamoDB

__all__ = [
    "DynamoDB",
    "backupapi",
    "globaltableapi",
    "itemapi",
    "policyapi",
    "statementapi",
    "tableapi",
    "tagapi",
    "ttlapi",
]
