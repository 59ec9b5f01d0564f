"""Throttling: what tables and global indexes may consume, as buckets of tokens. Off by default.

A bucket fills with a table's units every second and holds 300 seconds' worth of what was not used,
as AWS keeps it for bursts; a new one holds one second's. A request is admitted while there is
anything left, and may leave a debt: its cost is known when it is done. Tables on demand have their
owner's maxima, or else what they are warmed up to, with one second's worth to burst.

Batches are admitted item by item, by what each will cost at least; what is not comes back
unprocessed. A failed condition costs as if it had held, a cancelled transaction too. Writes from
other regions cost nothing here, and their capacity is never short.

Decided: a write is refused while any global index of its table has nothing left, whether it would
change that index or not. There is no account-wide limit, and no limit of a partition.

Sources: "Burst and adaptive capacity", "Throughput capacity" and "Error handling" (Developer
Guide).
"""

from collections.abc import Awaitable, Callable, Iterable
from inspect import isawaitable
from typing import Any, NamedTuple

from antipodes.regional.dynamodb.attributes import item_size, normal_item
from antipodes.regional.dynamodb.capacity import write_units
from antipodes.regional.dynamodb.capacitymetrics import CapacityMetrics, Whose
from antipodes.regional.dynamodb.model import Table, table_name
from antipodes.regional.dynamodb.throughput import Capacity, warm
from antipodes.service.contract import Call, Host, ServiceError

BURST_S = 300.0
READ, WRITE = "Read", "Write"
READS = frozenset({"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"})
Run = Callable[[dict[str, Any]], Any]
Find = Callable[[str], "Table | None"]


class Limit(NamedTuple):
    """What a bucket is filled with a second, how many seconds' worth it holds, and who said so."""

    rate: float
    burst_s: float
    kind: str  # the end of the reason's name


class Bucket:
    """The tokens of a table or an index, for reads or for writes."""

    __slots__ = ("at", "tokens")

    def __init__(self, limit: Limit, now: float) -> None:
        self.tokens = limit.rate
        self.at = now

    def fill(self, limit: Limit, now: float) -> None:
        """Take in what the time since brought."""
        self.tokens = min(self.tokens + (now - self.at) * limit.rate, limit.rate * limit.burst_s)
        self.at = now


class Meter:
    """The buckets of one region's tables. They live in memory: a restart fills them anew."""

    def __init__(self, host: Host, find: Callable[[str, str], Table | None]) -> None:
        """`find` looks for a table by its account and name."""
        self._runtime = host.runtime
        self.metrics = CapacityMetrics(host)
        self._find = find
        self._buckets: dict[tuple[bytes, str, str], Bucket] = {}

    def answer(self, name: str, call: Call, request: dict[str, Any], run: Run) -> Any:
        """Let a request of an operation run, if there is capacity for it."""
        kind = READ if name in READS else WRITE

        def find(text: str) -> Table | None:
            return self._find(call.account, table_name(text, call.account, call.region))

        request, held = self._admitted(name, find, request, kind)
        wanted = request.get("ReturnConsumedCapacity") or "NONE"

        def finish(answer: dict[str, Any]) -> dict[str, Any]:
            self._spend_told(find, answer, kind)
            return _with_held(_told(answer, wanted), held, kind)

        try:
            answer = run({**request, "ReturnConsumedCapacity": "INDEXES"})
        except ServiceError as error:
            self._spend_failed(find, request, kind, error)
            raise
        if isawaitable(answer):
            return self._finish_later(answer, finish)
        return finish(answer)

    def _admitted(
        self, name: str, find: Find, request: dict[str, Any], kind: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What of a request there is capacity for, and what is left of it, if it is a batch."""
        if name in {"BatchGetItem", "BatchWriteItem"}:
            return self._part_batch(name, find, request, kind)
        if "TransactItems" in request:
            self._check_transaction(name, find, request, kind)
            return request, {}
        table = find(request["TableName"])
        if table is not None:
            self._check(name, table, kind, request.get("IndexName"))
        return request, {}

    @staticmethod
    async def _finish_later(
        answer: Awaitable[dict[str, Any]], finish: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        return finish(await answer)

    # Buckets.

    def bucket(self, table: Table, index: str, kind: str) -> tuple[Bucket, Limit]:
        """A bucket as it is now, and its limit."""
        limit = limit_of(table, index, kind)
        now = self._runtime.now() / self._runtime.interval(1.0)
        bucket = self._buckets.get((table.identity, index, kind))
        if bucket is None:
            bucket = self._buckets[table.identity, index, kind] = Bucket(limit, now)
        bucket.fill(limit, now)
        return bucket, limit

    def _spend(self, table: Table, index: str, kind: str, units: float) -> None:
        self.bucket(table, index, kind)[0].tokens -= units
        metric = f"Consumed{kind}CapacityUnits"
        self.metrics.note(Whose(table.account, table.name, metric, index_name=index), units)

    def note_refused(self, name: str, table: Table, index: str, kind: str, count: int = 1) -> None:
        """Count a request, and so many events, for which there was nothing left."""
        metric = f"{kind}ThrottleEvents"
        self.metrics.note(Whose(table.account, table.name, metric, index_name=index), count)
        whole = Whose(table.account, table.name, "ThrottledRequests", operation=name)
        self.metrics.note(whole, 1)

    def _check(self, name: str, table: Table, kind: str, asked: str | None) -> None:
        """Refuse a request for which there is nothing left."""
        for index in _concerned(table, kind, asked):
            bucket, limit = self.bucket(table, index, kind)
            if bucket.tokens <= 0:
                self.note_refused(name, table, index, kind)
                raise throttled(table, index, kind, limit)

    # Several items.

    def _check_transaction(self, name: str, find: Find, request: dict[str, Any], kind: str) -> None:
        reasons: list[dict[str, Any]] = []
        for action in request["TransactItems"]:
            (part,) = [part for part in action.values() if part is not None][:1] or [{}]
            table = find(part["TableName"]) if part else None
            try:
                if table is not None:
                    self._check(name, table, kind, None)
                reasons.append({"Code": "None"})
            except ServiceError as error:
                provisioned = error.code.startswith("Provisioned")
                code = "ProvisionedThroughputExceeded" if provisioned else "ThrottlingError"
                reasons.append({"Code": code, "Message": error.message})
        if any(reason["Code"] != "None" for reason in reasons):
            codes = ", ".join(reason["Code"] for reason in reasons)
            raise ServiceError(
                "TransactionCanceledException",
                "Transaction cancelled, please refer cancellation reasons for specific reasons "
                f"[{codes}]",
                CancellationReasons=reasons,
            )

    def _part_batch(
        self, operation: str, find: Find, request: dict[str, Any], kind: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The part of a batch that there is capacity for, and what is left of it by table."""
        admitted: dict[str, Any] = {}
        held: dict[str, Any] = {}
        refused: ServiceError | None = None
        for name, part in request["RequestItems"].items():
            table = find(name)
            entries = (part or {}).get("Keys") or [] if kind == READ else part or []
            taken: list[Any] = []
            left: list[Any] = []
            spare = _Spare(self, table, kind)
            for entry in entries:
                cost = _least(entry, kind, strong=kind == READ and part.get("ConsistentRead"))
                (taken if spare.take(cost) else left).append(entry)
            if left and table is not None:
                refused = spare.refusal
                self.note_refused(operation, table, spare.short, kind, len(left))
                held[name] = {**part, "Keys": left} if kind == READ else left
            if not left:
                admitted[name] = part
            elif taken:
                admitted[name] = {**part, "Keys": taken} if kind == READ else taken
        if refused is not None and not admitted:
            raise refused
        return {**request, "RequestItems": admitted}, held

    # What was consumed.

    def _spend_told(self, find: Find, answer: dict[str, Any], kind: str) -> None:
        told = answer.get("ConsumedCapacity") or []
        for consumed in told if isinstance(told, list) else [told]:
            table = find(consumed["TableName"])
            if table is None:
                continue
            over_all = consumed.get("GlobalSecondaryIndexes") or {}
            shares = {name: share["CapacityUnits"] for name, share in over_all.items()}
            self._spend(table, "", kind, consumed["CapacityUnits"] - sum(shares.values()))
            for name, units in shares.items():
                self._spend(table, name, kind, units)

    def _spend_failed(
        self, find: Find, request: dict[str, Any], kind: str, error: ServiceError
    ) -> None:
        if error.code == "ConditionalCheckFailedException":
            table = find(request["TableName"])
            if table is not None:
                self._spend(table, "", kind, _least({"Put": request}, kind))
        elif error.code == "TransactionCanceledException":
            for action in request["TransactItems"]:
                for part in action.values():
                    table = find(part["TableName"])
                    if table is not None:
                        self._spend(table, "", kind, 2 * _least({"Put": part}, kind))


class _Spare:
    """What a batch may still take of a table."""

    def __init__(self, meter: Meter, table: Table | None, kind: str) -> None:
        self._left: dict[str, float] = {}
        self.refusal: ServiceError | None = None
        self.short = ""
        for index in _concerned(table, kind, None) if table is not None else ():
            assert table is not None
            bucket, limit = meter.bucket(table, index, kind)
            self._left[index] = bucket.tokens
            if self.refusal is None or bucket.tokens <= 0:
                self.refusal, self.short = throttled(table, index, kind, limit), index

    def take(self, units: float) -> bool:
        """Take some, if there is anything."""
        if any(left <= 0 for left in self._left.values()):
            return False
        for index in self._left:
            self._left[index] -= units
        return True


def _concerned(table: Table, kind: str, asked: str | None) -> Iterable[str]:
    """The buckets that a request takes from: "" for the table, or global indexes by name."""
    over_all = [i.name for i in table.indexes if i.kind == "GSI" and i.status != "DELETING"]
    if kind == READ:
        return (asked,) if asked in over_all and asked is not None else ("",)
    return ("", *over_all)


def limit_of(table: Table, index: str, kind: str) -> Limit:
    """The limit of a table or of an index of it."""
    of: Any = table
    for known in table.indexes:
        of = known if known.name == index else of
    if table.billing == "PROVISIONED":
        units = of.read_units if kind == READ else of.write_units
        return Limit(float(units), BURST_S, "ProvisionedThroughputExceeded")
    history = of.throughput
    most = history.max_reads if kind == READ else history.max_writes
    if most:
        return Limit(float(most), 1.0, "MaxOnDemandThroughputExceeded")
    reads, writes = warm(Capacity(table.billing, 0, 0), history)
    return Limit(float(reads if kind == READ else writes), 1.0, "KeyRangeThroughputExceeded")


def throttled(table: Table, index: str, kind: str, limit: Limit) -> ServiceError:
    """The error for a request for which there is nothing left."""
    what = "Index" if index else "Table"
    resource = f"{table.arn}/index/{index}" if index else table.arn
    reasons = [{"reason": f"{what}{kind}{limit.kind}", "resource": resource}]
    if table.billing != "PROVISIONED":
        message = (
            "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
            if limit.kind.startswith("Max")
            else "Throughput exceeds the current capacity of your table or index. DynamoDB is "
            "automatically scaling your table or index so please try again shortly."
        )
        return ServiceError("ThrottlingException", message, throttlingReasons=reasons)
    message = (
        "The level of configured provisioned throughput for one or more global secondary indexes "
        "of the table was exceeded. Consider increasing your provisioning level for the "
        "under-provisioned global secondary indexes with the UpdateTable API"
        if index
        else "The level of configured provisioned throughput for the table was exceeded. Consider "
        "increasing your provisioning level with the UpdateTable API."
    )
    return ServiceError(
        "ProvisionedThroughputExceededException", message, ThrottlingReasons=reasons
    )


def _least(entry: dict[str, Any], kind: str, *, strong: bool = False) -> float:
    """What an item of a batch or of a failed write costs at least."""
    if kind == READ:
        return 1.0 if strong else 0.5
    for part in entry.values():
        if part and "Item" in part:
            try:
                return write_units(item_size(normal_item(part["Item"])))
            except ServiceError:
                return 1.0  # its own error is told by whoever writes it
    return 1.0


def _told(answer: dict[str, Any], wanted: str) -> dict[str, Any]:
    """An answer with the consumed capacity as it was asked for."""
    if wanted == "INDEXES" or "ConsumedCapacity" not in answer:
        return answer
    found = dict(answer)
    consumed = found.pop("ConsumedCapacity")
    if wanted == "TOTAL":
        several = isinstance(consumed, list)
        totals = [_total(one) for one in (consumed if several else [consumed])]
        found["ConsumedCapacity"] = totals if several else totals[0]
    return found


def _total(consumed: dict[str, Any]) -> dict[str, Any]:
    parts = ("Table", "LocalSecondaryIndexes", "GlobalSecondaryIndexes")
    return {name: value for name, value in consumed.items() if name not in parts}


def _with_held(answer: dict[str, Any], held: dict[str, Any], kind: str) -> dict[str, Any]:
    """An answer to a batch with what there was no capacity for."""
    if not held:
        return answer
    name = "UnprocessedKeys" if kind == READ else "UnprocessedItems"
    left = dict(answer.get(name) or {})
    for table, part in held.items():
        if table not in left:
            left[table] = part
        elif kind == READ:
            left[table] = {**part, "Keys": [*left[table]["Keys"], *part["Keys"]]}
        else:
            left[table] = [*left[table], *part]
    return {**answer, name: left}
