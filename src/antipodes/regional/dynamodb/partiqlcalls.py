"""How PartiQL's operations run the operations that statements stand for.

A statement's steps are a generator that asks for answers; most operations answer at once, and then
so does the statement. Where one has to wait (a table that is strongly consistent over regions), the
rest of the steps waits with it.
"""

from collections.abc import Awaitable, Generator
from inspect import isawaitable
from typing import Any, TypeVar

from antipodes.regional.dynamodb.service import DynamoDB, operations
from antipodes.service.contract import Call, Response, ServiceError

R = TypeVar("R")
Steps = Generator[Awaitable[Response], Response, R]


def ask(service: DynamoDB, call: Call, operation: str, request: dict[str, Any]) -> Steps[Response]:
    """Run another operation of the same caller."""
    handler = operations.get(operation)
    assert handler is not None, f"{operation} is always there"
    answer = handler(service, call, request)
    if isawaitable(answer):
        waited: Response = yield answer
        return waited
    return dict(answer)


def settle(steps: Steps[R]) -> R | Awaitable[R]:
    """Take steps, at once if none of them waits."""
    try:
        waiting = next(steps)
    except StopIteration as done:
        found: R = done.value
        return found
    return _wait(steps, waiting)


async def _wait(steps: Steps[R], waiting: Awaitable[Response]) -> R:
    while True:
        try:
            try:
                answer = await waiting
            except ServiceError as error:
                waiting = steps.throw(error)
            else:
                waiting = steps.send(answer)
        except StopIteration as done:
            found: R = done.value
            return found
