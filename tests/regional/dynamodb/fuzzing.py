"""Requests made of the service's own model and then broken, posted to a region in virtual time.

A request begins as the model has it, with names and values that fit the tables that are there, so
that it gets far; then some of it is replaced, taken away or doubled, and sometimes its bytes are
cut. Whatever comes of it, the answer is never a fault of ours (5xx other than 501, which names what
is not offered), and a request that is refused leaves nothing behind.

`python -m tests.regional.dynamodb.fuzzing 1000000 [SEED]` runs a million (`make fuzz`).
"""

import json
import re
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from antipodes.regional.dynamodb.api import DynamoDB
from antipodes.regional.dynamodb.streamsapi import DynamoDBStreams
from antipodes.runtime.contract import Accepted, Address, Chance
from antipodes.runtime.virtual import Simulation
from antipodes.service.contract import Settings
from antipodes.service.http import HttpRequest, HttpResponse
from antipodes.wire import models
from antipodes.wire.models import Member, Operation, Shape
from antipodes.wire.particular import ITEM_OPERATIONS
from tests.regional.dynamodb.tablehost import REGION, TableHost, create
from tests.runtime.worlds import FakeLinks
from tests.service.damage import cut, places_in

WORLD_REQUESTS = 10_000  # after which a new region begins
TABLES = {"Things": "", "Pairs": "S", "Counted": "N"}
SERVICES = {"dynamodb": "DynamoDB_20120810", "dynamodbstreams": "DynamoDBStreams_20120810"}
OFFERED = {"dynamodb": DynamoDB.operations, "dynamodbstreams": DynamoDBStreams.operations}
OK, REFUSED, NOT_OFFERED = 200, (400, 413), 501

LEGACY = (
    *("AttributesToGet", "AttributeUpdates", "ConditionalOperator", "Expected", "KeyConditions"),
    *("QueryFilter", "ScanFilter"),
)
_ONE_OF = ("WriteRequest", "TransactWriteItem")  # exactly one of their members is given
_PLACEHOLDER = re.compile("[#:][a-z]+")
_NAMES = ("p", "s", "a", "b", "c", "status", "", "é", "x" * 300, "a.b", "Things")
_TOKENS = (
    *("a", "b", "p", "s", "m.x", "l[0]", "#a", "#b", ":v", ":w", ":n", "=", "<>", "<", "<=", ">"),
    *("AND", "OR", "NOT", "BETWEEN", "IN", "(", ")", ",", "+", "-", "SET", "REMOVE", "ADD"),
    *("DELETE", "size", "contains", "begins_with", "attribute_exists", "attribute_type", "[", "]"),
    *("if_not_exists", "list_append", ".", "status", "1", "é", "'", "#", ":", "_x", "\x00"),
)
_CONDITIONS = (
    "a = :v",
    "attribute_not_exists(p)",
    "size(a) > :n AND NOT contains(#a, :v)",
    "a BETWEEN :v AND :w OR b IN (:v, :w)",
    "begins_with(a, :v)",
    "attribute_type(a, :v)",
)
_TEXTS = {
    "ConditionExpression": _CONDITIONS,
    "FilterExpression": _CONDITIONS,
    "KeyConditionExpression": ("p = :v", "p = :v AND s > :w", "p = :v AND begins_with(s, :w)"),
    "ProjectionExpression": ("a", "p, #a", "a.b[0], c"),
    "UpdateExpression": (
        "SET a = :v",
        "SET a = if_not_exists(a, :n) + :n REMOVE b",
        "ADD a :n DELETE b :v",
        "SET l[3] = list_append(l, :v), m.x = a",
    ),
    "Statement": (
        "SELECT * FROM Things WHERE p = 'k'",
        "INSERT INTO Things VALUE {'p': ?, 'a': 1}",
        "UPDATE Things SET a = ? WHERE p = 'k'",
        "DELETE FROM \"Pairs\" WHERE p = 'k' AND s = ?",
        "EXISTS(SELECT * FROM Things WHERE p = ?)",
    ),
}
_WORDS = ("SELECT", "FROM", "WHERE", "*", "'", '"Things"', "{", "}", "<<", ">>", "?", "1e999", "--")
_NUMBERS = (
    "0",
    "1",
    "-1.50",
    "1E125",
    "1E-130",
    "1E126",
    "9" * 39,
    "abc",
    "",
    " 1",
    "NaN",
    "1e9999",
)
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**70, 1e300, "", "x", "\x00", "é𝄞", [], {}),
    *([[]], [None], {"": None}, {"S": 1}, {"S": "x", "N": "1"}, {"L": [{}]}, {"NULL": False}),
)


def _arn(name: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:000000000000:table/{name}"


@dataclass
class Found:
    """What came of the requests: answers by status, and what must not be."""

    answers: dict[int, int] = field(default_factory=dict)
    faults: dict[str, bytes] = field(default_factory=dict)

    def note(self, status: int) -> None:
        self.answers[status] = self.answers.get(status, 0) + 1


class Maker:
    """Makes requests, whole and broken."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._at = "Things"  # the table that most of a request is about
        self._operations = [
            (service, models.service(service).operation(name))
            for service, offered in OFFERED.items()
            for name in models.service(service).operation_names
            for _ in range(12 if name in ITEM_OPERATIONS else 5 if name in offered else 1)
        ]

    def request(self) -> tuple[str, str, bytes]:
        """Make a request: service, operation, and body."""
        service, operation = self._chance.choice(self._operations)
        assert operation is not None
        self._at = self._chance.choice(tuple(TABLES))
        body = self._structure(operation.input, operation)
        for _ in range(self._chance.choice((0, 0, 0, 0, 1, 1, 2, 4))):
            body = self._broken(body)
        return service, operation.name, self._written(body)

    def _structure(self, member: Member | None, operation: Operation) -> Any:
        return {} if member is None else self._value(member.shape, operation.name, 0)

    def _maybe(self, part: float) -> bool:
        return self._chance.random() < part

    def _value(self, shape: Shape, name: str, depth: int) -> Any:
        if shape.kind == "structure":
            return self._members(shape, depth)
        if shape.name == "KeyList" and self._maybe(0.8):
            return [self._keyed({}) for _ in range(self._count(depth))]
        if shape.kind == "list":
            count = self._count(depth)
            return [self._value(shape.member.shape, name, depth + 1) for _ in range(count)]
        if shape.kind == "map":
            return {
                self._key(shape, name): self._value(shape.value.shape, name, depth + 1)
                for _ in range(self._count(depth))
            }
        return self._scalar(shape, name)

    def _count(self, depth: int) -> int:
        if depth > 6:
            return 0
        few = self._chance.choice((0, 1, 1, 1, 2, 2, 3))
        return self._chance.choice((26, 101)) if depth < 2 and self._maybe(0.004) else few

    def _members(self, shape: Shape, depth: int) -> dict[str, Any]:
        if shape.name == "AttributeValue":
            return self._attribute_value(depth)
        found = {}
        members = dict(shape.members)
        if shape.name in _ONE_OF and self._maybe(0.95):
            name = self._chance.choice(tuple(members))
            return {name: self._value(members[name].shape, name, depth + 1)}
        for name, member in members.items():
            wanted = name in shape.required or self._maybe(0.2 if depth else 0.15)
            if wanted and depth < 8:
                keyed = name in {"Key", "Item", "ExclusiveStartKey"} and self._maybe(0.75)
                found[name] = self._value(member.shape, name, depth + 1)
                if keyed and isinstance(found[name], dict):
                    found[name] = self._keyed(found[name] if name == "Item" else {})
        if "KeyConditionExpression" in members and self._maybe(0.8):
            found["KeyConditionExpression"] = self._text("KeyConditionExpression")
        if "ExpressionAttributeNames" in shape.members and self._maybe(0.8):
            self._make_sense(shape, found)
        return found

    def _keyed(self, item: dict[str, Any]) -> dict[str, Any]:
        """A key of the table at hand, and what else there is of an item."""
        item["p"] = {"S": self._chance.choice("abk")}
        if TABLES[self._at]:
            item["s"] = {TABLES[self._at]: self._chance.choice(("1", "2", "10"))}
        return item

    def _make_sense(self, shape: Shape, found: dict[str, Any]) -> None:
        """Give the expressions that are there the placeholders that they use, and no others."""
        texts = [text for name, text in found.items() if name.endswith("Expression")]
        used = dict.fromkeys(_PLACEHOLDER.findall(" ".join(texts)))
        for name in (*LEGACY, "ExpressionAttributeNames", "ExpressionAttributeValues"):
            if texts or name.startswith("Expression"):
                found.pop(name, None)
        names = {key: self._chance.choice(("a", "b", "status")) for key in used if key[0] == "#"}
        if names:
            found["ExpressionAttributeNames"] = names
        values = {key: self._attribute_value(4) for key in used if key[0] == ":"}
        for key in values:
            if key == ":n":
                values[key] = {"N": "1"}
            elif "KeyConditionExpression" in found:
                values[key] = {"S": self._chance.choice("abk")}
        if values:
            found["ExpressionAttributeValues"] = values

    def _attribute_value(self, depth: int) -> dict[str, Any]:
        kinds = (
            "SSSNNB" if depth > 5 else ("S", "S", "S", "N", "N", "B", "L", "M", "SS", "NS", "BS")
        )
        kind = self._chance.choice(kinds)
        if self._maybe(0.08):
            return {"BOOL": True} if self._maybe(0.5) else {"NULL": True}
        if kind in {"L", "M"}:
            inner = [self._attribute_value(depth + 1) for _ in range(self._count(depth))]
            pairs = {self._chance.choice(_NAMES): value for value in inner}
            return {kind: inner if kind == "L" else pairs}
        if len(kind) > 1:
            return {kind: [self._content(kind[0]) for _ in range(self._count(depth))]}
        return {kind: self._content(kind)}

    def _content(self, kind: str) -> str:
        if kind == "N":
            return self._chance.choice(_NUMBERS[:3] if self._maybe(0.8) else _NUMBERS)
        if kind == "B":
            return self._chance.choice(("", "YQ==", "AP8=", "YR==", "a", "é"))
        return self._chance.choice(("k", "k", "a", "b", "", "é𝄞", "x" * 1100))

    def _key(self, shape: Shape, name: str) -> str:
        if name.endswith("Names"):
            return self._chance.choice(("#a", "#a", "#b", "#", "a"))
        if name.endswith("AttributeValues"):
            return self._chance.choice((":v", ":v", ":w", ":n", ":", "v"))
        if name == "RequestItems":
            return self._table()
        return self._chance.choice(_NAMES[:4] if self._maybe(0.9) else _NAMES)

    def _table(self) -> str:
        name = self._at
        if self._maybe(0.15):
            name = self._chance.choice((*TABLES, "Nowhere", "a", "a;b", "x" * 256))
        return _arn(name) if self._maybe(0.1) else name

    def _scalar(self, shape: Shape, name: str) -> Any:
        if shape.kind in {"integer", "long"}:
            return self._chance.choice((0, 1, 1, 2, 10, 100, -1, 2**31 - 1))
        if shape.kind == "boolean":
            return self._maybe(0.5)
        if shape.kind in {"timestamp", "double", "float"}:
            return self._chance.choice((0, 1.5, 1_800_000_000, -1, 1e300))
        if shape.kind == "blob":
            return self._content("B")
        if shape.enum:
            return self._chance.choice(shape.enum) if self._maybe(0.95) else "WRONG"
        return self._text(name)

    def _text(self, name: str) -> str:
        if name in _TEXTS:
            if self._maybe(0.6):
                return self._chance.choice(_TEXTS[name])
            words = _TOKENS + (_WORDS if name == "Statement" else ())
            count = self._chance.randrange(1, 12)
            return " ".join(self._chance.choice(words) for _ in range(count))
        if "TableName" in name or name in {"SourceTableName", "GlobalTableName"}:
            return self._table()
        if name.endswith("Arn"):
            return _arn(self._table()) + self._chance.choice(("", "", "/stream/x", "/index/i"))
        if name in {"RegionName", "Region"}:
            return self._chance.choice((REGION, "us-east-1", "nowhere"))
        return self._chance.choice((*_NAMES, "index", "1", "k"))

    # Breaking.

    def _broken(self, body: Any) -> Any:
        """Change one place of a tree."""
        spots = places_in(body)
        if not spots:
            return self._odd()
        holder, at = self._chance.choice(spots)
        if isinstance(holder, dict) and self._maybe(0.25):
            if self._maybe(0.5):
                del holder[at]
            else:
                holder[self._chance.choice((*_NAMES, "TableName", "Expected"))] = self._odd()
        else:
            holder[at] = self._odd()
        return body

    def _odd(self) -> Any:
        if self._maybe(0.02):
            return "x" * self._chance.choice((1_025, 70_000, 420_000))
        if self._maybe(0.03):
            deep: Any = {"S": "x"}
            for _ in range(self._chance.choice((32, 40, 300, 1_200))):
                deep = {"L": [deep]} if self._maybe(0.5) else {"M": {"a": deep}}
            return deep
        return deepcopy(self._chance.choice(_ODD))

    def _written(self, body: Any) -> bytes:
        try:
            written = json.dumps(body).encode()
        except RecursionError:
            written = b"[" * 5_000
        return cut(written, self._chance) if self._maybe(0.03) else written


async def _post(host: TableHost, service: str, operation: str, body: bytes) -> tuple[int, bytes]:
    scope = f"Credential=test/20260101/{REGION}/dynamodb/aws4_request"
    headers = {
        "x-amz-target": f"{SERVICES[service]}.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
    }
    accepted = Accepted("laptop", "127.0.0.1", Address(REGION, "api"), "")
    answer = host.dispatcher.handle(HttpRequest("POST", "/", headers, body, accepted))
    if not isinstance(answer, HttpResponse):
        answer = await answer
    return answer.status, answer.body


def _fault(operation: str, status: int, body: bytes, *, left: bool) -> str:
    """What is wrong with an answer, if anything is."""
    if status == OK:
        return ""
    told = json.loads(body)
    code = str(told.get("__type", "")).rpartition("#")[2]
    message = told.get("message") or told.get("Message") or ""
    if status == NOT_OFFERED:
        return "" if operation in message or "does not offer" in message else "501 without a name"
    if status not in REFUSED:
        return f"status {status}: {message}"
    if not code:
        return f"an error without a code: {body[:100]!r}"
    return f"refused with {code} and yet something was written" if left else ""


async def _play(host: TableHost, maker: Maker, count: int, found: Found) -> None:
    host.dispatcher.fast = dict(host.dynamodb.fast)
    for number in range(count):
        if number % 200 == 0:
            await _tidy(host)
        service, operation, body = maker.request()
        status, answer = await _post(host, service, operation, body)
        found.note(status)
        fault = _fault(operation, status, answer, left=host.store.dirty)
        if fault:
            found.faults.setdefault(f"{operation}: {fault}", body[:2_000])
        if host.store.dirty:
            await host.store.committed()


async def _tidy(host: TableHost) -> None:
    """Let what goes on behind the requests go on, and make the tables anew that were deleted."""
    await host.runtime.sleep(1.0)
    known = (await host.ask("ListTables"))["TableNames"]
    for name, sort in TABLES.items():
        if name not in known:
            await create(host, name, sort)
    await host.store.committed()


def fuzz(
    count: int,
    seed: int = 0,
    tell: Callable[[int, Found], None] | None = None,
    settings: Settings | None = None,
) -> Found:
    """Post so many requests; return what came of them."""
    found = Found()
    done = 0
    while done < count and len(found.faults) < 20:
        share = min(WORLD_REQUESTS, count - done)
        _world(share, seed * 1_000_003 + done, found, settings)
        done += share
        if tell is not None:
            tell(done, found)
    return found


def _world(count: int, seed: int, found: Found, settings: Settings | None) -> None:
    simulation = Simulation(FakeLinks(0.0), seed=seed)
    runtime = simulation.boot(REGION)

    async def play() -> None:
        maker = Maker(runtime.chance("fuzz"))
        await _play(TableHost(runtime, settings), maker, count, found)

    async def main() -> None:
        await runtime.spawn(play(), "fuzz")

    try:
        simulation.run(main())
    finally:
        simulation.close()


def main() -> int:
    """Run from the command line; the exit status says whether anything was found."""
    count, seed = (int(text) for text in (*sys.argv[1:], "100000", "0")[:2])

    def tell(done: int, found: Found) -> None:
        sys.stdout.write(f"{done:>9} requests, answers {dict(sorted(found.answers.items()))}\n")
        sys.stdout.flush()

    found = fuzz(count, seed, tell)
    sys.stdout.writelines(f"{fault}: {body!r}\n" for fault, body in found.faults.items())
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
