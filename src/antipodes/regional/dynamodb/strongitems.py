"""Requests about items of strongly consistent tables.

Such a request is answered by the same handler as any other, but of a *view*: a table store in which
items are as the protocol knows them, and in which nothing is written, only noted. So everything
that a handler can do holds for these tables as well. First the handler is tried on what is here,
which tells what items the request is about; then on what is newest everywhere.

Eventually consistent reads are answered from here, without a word to anybody. Transactions are
refused, as AWS refuses them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from antipodes.regional.dynamodb.attributes import Item
from antipodes.regional.dynamodb.errors import not_found, validation
from antipodes.regional.dynamodb.keyconditions import KeyCondition
from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.pages import Page, Source
from antipodes.regional.dynamodb.service import DynamoDB, operations
from antipodes.regional.dynamodb.strong import Decision, Judge
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.service.contract import Call, ServiceError

Handler = Callable[[Any, Call, dict[str, Any]], dict[str, Any]]
TRIES_MAX = 5
_TRANSACTIONS = frozenset({"TransactWriteItems", "TransactGetItems", "ExecuteTransaction"})
_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})


class Touched(NamedTuple):
    """An item of a table."""

    table: Table
    key: Item


class Noted(NamedTuple):
    """What would be written."""

    table: Table
    row_key: bytes
    key: Item
    item: Item | None


class Range(NamedTuple):
    """What a page was read from, in row keys."""

    table: Table
    low: bytes
    high: bytes


class View(TableStore):
    """A table store of which some items are as given, and in which writes are noted only."""

    def __init__(self, items: TableStore, known: dict[bytes, bytes | None]) -> None:
        self.__dict__.update(items.__dict__)
        self._known = dict(known)
        self._named: dict[bytes, Touched] = {}
        self.read: dict[bytes, Touched] = {}
        self.ranges: list[Range] = []
        self.written: list[Noted] = []

    def row_key(self, table: Table, key: Item) -> bytes:
        found = super().row_key(table, key)
        named = {name: key[name] for name in table.key_names}
        self._named.setdefault(found, Touched(table, named))
        return found

    def get_json(self, row_key: bytes) -> bytes | None:
        if row_key in self._named:
            self.read[row_key] = self._named[row_key]
        return self._known[row_key] if row_key in self._known else super().get_json(row_key)

    def put(
        self, table: Table, row_key: bytes, item: Item, *, size: int | None = None, by: str = ""
    ) -> None:
        key = {name: item[name] for name in table.key_names}
        self._note(Noted(table, row_key, key, item))

    def delete(self, table: Table, row_key: bytes, key: Item, *, by: str = "") -> None:
        self._note(Noted(table, row_key, key, None))

    def _note(self, noted: Noted) -> None:
        self.written.append(noted)
        self._known[noted.row_key] = None if noted.item is None else orjson.dumps(noted.item)

    def query_page(
        self,
        source: Source,
        condition: KeyCondition,
        *,
        limit: int = 0,
        forward: bool = True,
        start: Item | None = None,
    ) -> Page:
        page = super().query_page(source, condition, limit=limit, forward=forward, start=start)
        ends = (start, page.last(source)) if forward else (page.last(source), start)
        self._cover(source, source.partition(condition), ends)
        return page

    def scan_page(
        self,
        source: Source,
        *,
        limit: int = 0,
        segment: tuple[int, int] = (0, 1),
        start: Item | None = None,
    ) -> Page:
        page = super().scan_page(source, limit=limit, segment=segment, start=start)
        self._cover(source, source.segment(*segment), (start, page.last(source)))
        return page

    def _cover(
        self, source: Source, whole: tuple[bytes, bytes], ends: tuple[Item | None, Item | None]
    ) -> None:
        if source.index is not None:
            return  # never read strongly
        (low, high), (first, last) = whole, ends
        if first is not None:
            low = max(low, source.row_key(first))
        if last is not None:
            high = min(high, source.row_key(last) + b"\x00")
        self.ranges.append(Range(source.table, low, max(low, high)))


class _Behind:
    """The service, with a view for its items."""

    def __init__(self, service: DynamoDB, items: View) -> None:
        self._service = service
        self.items = items

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)


def item_operation(name: str) -> Callable[[Handler], Handler]:
    """Register a handler of requests about items, for strongly consistent tables as well."""

    def register(handler: Handler) -> Handler:
        def handle(service: DynamoDB, call: Call, request: dict[str, Any]) -> Any:
            if service.meter is not None:
                return service.meter.answer(
                    name, call, request, lambda request: plainly(service, call, request)
                )
            return plainly(service, call, request)

        def plainly(service: DynamoDB, call: Call, request: dict[str, Any]) -> Any:
            if not service.strongtables.any or not _concerned(service, call, request):
                return handler(service, call, request)
            return _Request(service, call, request, handler, name).answer()

        operations(name)(handle)
        return handler

    return register


def _concerned(service: DynamoDB, call: Call, request: dict[str, Any]) -> bool:
    """Whether a request may be about a strongly consistent table."""
    if "TableName" in request:
        return service.strongtables.holds(call.account, request["TableName"])
    if "RequestItems" in request:
        return any(service.strongtables.holds(call.account, n) for n in request["RequestItems"])
    return True


class _Request:
    """One request, from the first trial to the answer."""

    def __init__(
        self,
        service: DynamoDB,
        call: Call,
        request: dict[str, Any],
        handler: Handler,
        name: str,
    ) -> None:
        self._service = service
        self._strong = service.strongtables.strong
        self._call = call
        self._request = request
        self._handler = handler
        self._name = name

    def _try(self, known: dict[bytes, bytes | None]) -> tuple[Any, ServiceError | None, View]:
        view = View(self._service.items, known)
        try:
            answer = self._handler(_Behind(self._service, view), self._call, self._request)
        except ServiceError as error:
            return None, error, view
        return answer, None, view

    async def answer(self) -> dict[str, Any]:
        """Answer it."""
        answer, error, view = self._try({})
        tables = [touched.table for touched in view.read.values()]
        tables += [noted.table for noted in view.written]
        tables += [covered.table for covered in view.ranges]
        strong = [table for table in tables if table.strong]
        if not strong:
            return self._handler(self._service, self._call, self._request)
        self._check(strong)
        if self._name == "BatchWriteItem":
            if error is not None:
                raise error
            return await self._write_all(answer, view)
        if self._name in _READS:
            return await self._read(answer, error, view)
        return await self._write(view)

    def _check(self, tables: list[Table]) -> None:
        here = self._service.host.place
        if self._name in _TRANSACTIONS:
            raise validation(
                "Transactions are not supported for global tables with multi-Region strong "
                "consistency"
            )
        if any(table.strong_keeper not in {"", here} for table in tables):
            raise not_found()  # it is being deleted

    # Writes.

    async def _write(self, view: View) -> dict[str, Any]:
        assert len(view.read) == 1, "a write of one item reads that item"
        ((row_key, (table, key)),) = view.read.items()
        answer: dict[str, Any] = await self._strong.write(table, key, self._judge(row_key))
        return answer

    def _judge(self, row_key: bytes) -> Judge:
        def judge(body: bytes | None) -> Decision:
            answer, error, view = self._try({row_key: body})
            if error is not None:
                raise error
            if not view.written:
                return Decision(changes=False, body=None, answer=answer)
            item = view.written[-1].item
            body = None if item is None else orjson.dumps(item)
            return Decision(changes=True, body=body, answer=answer)

        return judge

    async def _write_all(self, answer: Any, view: View) -> dict[str, Any]:
        """Write several items, each for itself; those that could not be are left to the caller."""
        failed: dict[bytes, ServiceError] = {}

        async def write(noted: Noted) -> None:
            body = None if noted.item is None else orjson.dumps(noted.item)
            decision = Decision(changes=True, body=body, answer=None)
            try:
                await self._strong.write(noted.table, noted.key, lambda _: decision)
            except ServiceError as error:
                failed[noted.row_key] = error

        async with self._service.host.runtime.nursery() as nursery:
            for noted in view.written:
                if noted.table.strong:
                    nursery.spawn(write(noted), "write one of a batch")
                elif noted.item is None:
                    self._service.items.delete(noted.table, noted.row_key, noted.key)
                else:
                    self._service.items.put(noted.table, noted.row_key, noted.item)
        if failed and len(failed) == len(view.written):
            raise next(iter(failed.values()))
        return self._left(answer, view, failed)

    def _left(
        self, answer: dict[str, Any], view: View, failed: dict[bytes, ServiceError]
    ) -> dict[str, Any]:
        left: dict[str, list[Any]] = {}
        noted = iter(view.written)
        for name, parts in self._request.get("RequestItems", {}).items():
            kept = [
                part for part, write in zip(parts, noted, strict=False) if write.row_key in failed
            ]
            if kept:
                left[name] = kept
        return {**answer, "UnprocessedItems": left} if left else answer

    # Reads.

    async def _read(self, answer: Any, error: ServiceError | None, view: View) -> dict[str, Any]:
        known: dict[bytes, bytes | None] = {}
        for _ in range(TRIES_MAX):
            covered = [r for r in view.ranges if r.table.strong and self._consistent(r.table)]
            await self._read_all(view, known)
            for table, low, high in covered:
                await self._service.strongtables.care.refresh(table, low, high)
            answer, error, view = self._try(known)
            if all(any(_within(r, other) for other in covered) for r in self._ranges(view)):
                break
        if error is not None:
            raise error
        return dict(answer)

    def _ranges(self, view: View) -> list[Range]:
        return [r for r in view.ranges if r.table.strong and self._consistent(r.table)]

    async def _read_all(self, view: View, known: dict[bytes, bytes | None]) -> None:
        failed: list[ServiceError] = []

        async def read(row_key: bytes, touched: Touched) -> None:
            try:
                known[row_key] = await self._strong.read(touched.table, touched.key)
            except ServiceError as error:
                failed.append(error)

        async with self._service.host.runtime.nursery() as nursery:
            for row_key, touched in view.read.items():
                if touched.table.strong and self._consistent(touched.table):
                    nursery.spawn(read(row_key, touched), "read an item")
        if failed:
            raise failed[0]

    def _consistent(self, table: Table) -> bool:
        """Whether a strongly consistent read was asked for."""
        parts = self._request.get("RequestItems")
        if parts is None:
            return bool(self._request.get("ConsistentRead"))
        return any(
            bool(part.get("ConsistentRead"))
            for name, part in parts.items()
            if name in {table.name, table.arn}
        )


def _within(one: Range, other: Range) -> bool:
    same = one.table.identity == other.table.identity
    return same and other.low <= one.low and one.high <= other.high
