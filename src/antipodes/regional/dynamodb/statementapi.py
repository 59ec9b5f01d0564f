"""PartiQL's operations: single statements, batches and transactions of them."""

from collections.abc import Awaitable
from typing import Any

from antipodes.regional.dynamodb.partiqlcalls import settle
from antipodes.regional.dynamodb.partiqlstatements import batch, single, transaction
from antipodes.regional.dynamodb.service import DynamoDB, operations
from antipodes.service.contract import Call, Response


@operations("ExecuteStatement")
def execute_statement(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> Response | Awaitable[Response]:
    return settle(single(service, call, request))


@operations("BatchExecuteStatement")
def batch_execute_statement(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> Response | Awaitable[Response]:
    return settle(batch(service, call, request))


@operations("ExecuteTransaction")
def execute_transaction(
    service: DynamoDB, call: Call, request: dict[str, Any]
) -> Response | Awaitable[Response]:
    return settle(transaction(service, call, request))
