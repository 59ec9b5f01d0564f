"""Statements do what the classic operations do that they stand for, whatever is asked.

The same condition is written twice, as PartiQL and as an expression with placeholders; what a
SELECT finds is what a filtered Scan finds, and writes leave equal tables behind.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.tablehost import TableHost, create, with_tables

Value = dict[str, Any]
Tree = tuple[Any, ...]

P, S = st.sampled_from("ab"), st.sampled_from(["", "1", "12", "2", "é"])
TEXTS = st.sampled_from(["a", "b", "1", "12", "2", "é", "it's", ""])
NUMBERS = st.sampled_from(["0", "1", "-1", "1.5", "1E2", "12345678901234567890"])
VALUES = st.one_of(
    TEXTS.map(lambda text: {"S": text}),
    NUMBERS.map(lambda text: {"N": text}),
    st.just({"BOOL": True}),
    st.just({"NULL": True}),
)
ORDERED = st.one_of(TEXTS.map(lambda text: {"S": text}), NUMBERS.map(lambda text: {"N": text}))
PATHS = st.sampled_from([("p",), ("s",), ("n",), ("t",), ("m", "k"), ("l", 0), ("l", 1)])
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "n": NUMBERS.map(lambda text: {"N": text}),
        "t": VALUES,
        "m": st.one_of(VALUES, VALUES.map(lambda value: {"M": {"k": value}})),
        "l": st.lists(VALUES, max_size=3).map(lambda values: {"L": values}),
        "ss": st.lists(st.sampled_from("abc"), min_size=1, unique=True).map(lambda m: {"SS": m}),
    },
)
KEYED = st.one_of(
    st.tuples(st.just("compare"), st.just(("p",)), st.just("="), P.map(lambda t: {"S": t})),
    st.tuples(
        st.just("compare"),
        st.just(("s",)),
        st.sampled_from(["=", "<", "<=", ">", ">="]),
        S.filter(bool).map(lambda t: {"S": t}),
    ),
    st.tuples(
        st.just("in"),
        st.sampled_from([("p",), ("s",)]),
        st.lists(st.sampled_from("ab12"), min_size=1, max_size=3).map(
            lambda texts: [{"S": text} for text in texts]
        ),
    ),
    st.tuples(
        st.just("begins_with"), st.just(("s",)), st.sampled_from("12é").map(lambda t: {"S": t})
    ),
)
LEAVES = st.one_of(
    KEYED,
    st.tuples(
        st.just("compare"), PATHS, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), ORDERED
    ),
    st.tuples(st.just("compare"), PATHS, st.sampled_from(["=", "<>"]), VALUES),
    st.tuples(st.just("in"), PATHS, st.lists(VALUES, min_size=1, max_size=3)),
    st.tuples(st.just("begins_with"), PATHS, TEXTS.map(lambda text: {"S": text})),
    st.tuples(st.just("contains"), PATHS, VALUES),
    st.tuples(st.just("missing"), PATHS),
    st.tuples(st.just("null"), PATHS),
    st.tuples(st.just("between"), PATHS, st.just({"N": "0"}), st.just({"N": "1.5"})),
    st.tuples(st.just("size"), PATHS, st.sampled_from(["=", "<", ">"]), st.just({"N": "1"})),
)


def _joined(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.tuples(st.sampled_from(["AND", "OR", "AND"]), inner, inner),
        st.tuples(st.just("NOT"), inner),
    )


CONDITIONS = st.recursive(LEAVES, _joined, max_leaves=6)


class Writer:
    """Writes a condition in one of the two languages."""

    def __init__(self, *, partiql: bool) -> None:
        self._partiql = partiql
        self.names: dict[str, str] = {}
        self.values: list[Value] = []

    def path(self, steps: Tree) -> str:
        text = ""
        for step in steps:
            if isinstance(step, int):
                text += f"[{step}]"
                continue
            name = f'"{step}"' if self._partiql else f"#{step}"
            self.names[f"#{step}"] = step
            text += f".{name}" if text else name
        return text

    def value(self, value: Value) -> str:
        """A literal, a parameter, or a placeholder."""
        ((kind, content),) = value.items()
        if self._partiql and kind == "N":
            return str(content)
        if self._partiql and kind == "S" and content != "b":
            return "'" + str(content).replace("'", "''") + "'"
        if self._partiql and kind in {"BOOL", "NULL"}:
            return {"BOOL": "true", "NULL": "null"}[kind]
        self.values.append(value)
        return "?" if self._partiql else f":{len(self.values) - 1}"

    def condition(self, tree: Tree) -> str:
        kind, *rest = tree
        if kind in {"AND", "OR"}:
            # A parenthesis where the classic grammar would have one too many is left out.
            left, right = (self.part(part, kind) for part in rest)
            return f"{left} {kind} {right}"
        if kind == "NOT":
            return f"NOT {self.part(rest[0], kind)}"
        return self.leaf(kind, self.path(rest[0]), rest[1:])

    def leaf(self, kind: str, path: str, rest: list[Any]) -> str:
        match kind:
            case "compare":
                text = f"{path} {rest[0]} {self.value(rest[1])}"
            case "in":
                text = f"{path} IN ({', '.join(self.value(value) for value in rest[0])})"
            case "between":
                low, high = (self.value(value) for value in rest)
                text = f"{path} BETWEEN {low} AND {high}"
            case "size":
                text = f"size({path}) {rest[0]} {self.value(rest[1])}"
            case "missing":
                text = f"{path} IS MISSING" if self._partiql else f"attribute_not_exists({path})"
            case "null" if self._partiql:
                text = f"{path} IS NULL"
            case "null":
                text = f"attribute_type({path}, {self.value({'S': 'NULL'})})"
            case _:
                text = f"{kind}({path}, {self.value(rest[0])})"
        return text

    def part(self, tree: Tree, around: str) -> str:
        text = self.condition(tree)
        wrapped = tree[0] in {"AND", "OR"} and tree[0] != around
        return f"({text})" if wrapped else text

    def members(self) -> dict[str, Any]:
        """The parameters or placeholders that were used."""
        if self._partiql:
            return {"Parameters": self.values} if self.values else {}
        found: dict[str, Any] = {"ExpressionAttributeNames": self.names}
        if self.values:
            numbered = enumerate(self.values)
            found["ExpressionAttributeValues"] = {f":{n}": value for n, value in numbered}
        return found


def _order(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: (item["p"]["S"], item["s"]["S"]))


async def _pages(host: TableHost, limit: int, **request: Any) -> Any:
    """All items that a statement finds, page by page; or the error."""
    items: list[Any] = []
    more: dict[str, Any] = {"Limit": limit} if limit else {}
    while True:
        found = await host.ask("ExecuteStatement", **request, **more)
        if isinstance(found, ServiceError):
            return found
        items += found["Items"]
        if "NextToken" not in found:
            return items
        more["NextToken"] = found["NextToken"]


# What only PartiQL refuses: reads that would find an item twice, and keys of a wrong type.
ITS_OWN = ("Overlapping conditions", "Key attribute's data type")


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.tuples(P, S.filter(bool)), ITEMS, max_size=8),
    st.lists(CONDITIONS, min_size=1, max_size=5),
    st.integers(0, 3),
)
def test_a_select_finds_what_a_filtered_scan_finds(
    things: dict[tuple[str, str], Any], conditions: list[Tree], limit: int
) -> None:
    async def scenario(host: TableHost) -> None:
        await create(host, sort="S")
        for (p, s), rest in things.items():
            whole = {"p": {"S": p}, "s": {"S": s}, **rest}
            await host.ask("PutItem", TableName="Things", Item=whole)
        for tree in conditions:
            ours, theirs = Writer(partiql=True), Writer(partiql=False)
            statement = f"SELECT * FROM Things WHERE {ours.condition(tree)}"
            expression = theirs.condition(tree)
            found = await _pages(host, limit, Statement=statement, **ours.members())
            wanted = await host.ask(
                "Scan", TableName="Things", FilterExpression=expression, **theirs.members()
            )
            if isinstance(found, ServiceError) and found.message.startswith(ITS_OWN):
                continue
            if isinstance(wanted, ServiceError):
                assert isinstance(found, ServiceError), (statement, wanted)
                assert found.code == wanted.code
            else:
                assert not isinstance(found, ServiceError), (statement, found)
                assert _order(found) == _order(wanted["Items"]), statement

    with_tables(scenario)


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("SET"), st.sampled_from([("n",), ("t",), ("m", "k"), ("l", 1)]), VALUES),
        st.tuples(st.just("+"), st.just(("n",)), NUMBERS.map(lambda text: {"N": text})),
        st.tuples(st.just("REMOVE"), st.sampled_from([("n",), ("t",), ("m", "k"), ("l", 0)])),
        st.tuples(st.just("set_add"), st.just(("ss",)), st.just({"SS": ["a", "z"]})),
        st.tuples(st.just("set_delete"), st.just(("ss",)), st.just({"SS": ["a", "b"]})),
    ),
    min_size=1,
    max_size=3,
)
_SECTIONS = {"set_add": "ADD", "set_delete": "DELETE", "+": "SET"}


def _statement(changes: list[Tree], writer: Writer) -> str:
    """The changes as PartiQL has them."""
    texts = []
    for kind, steps, *value in changes:
        path = writer.path(steps)
        if kind == "REMOVE":
            texts.append(f"REMOVE {path}")
        elif kind == "SET":
            texts.append(f"SET {path} = {writer.value(value[0])}")
        elif kind == "+":
            texts.append(f"SET {path} = {path} + {writer.value(value[0])}")
        else:
            texts.append(f"SET {path} = {kind}({path}, {writer.value(value[0])})")
    return " ".join(texts)


def _expression(changes: list[Tree], writer: Writer) -> str:
    """The changes as an update expression has them."""
    sections: dict[str, list[str]] = {}
    kind: str
    for kind, steps, *value in changes:
        path = writer.path(steps)
        shown = writer.value(value[0]) if value else ""
        text = {"SET": f"{path} = {shown}", "+": f"{path} = {path} + {shown}", "REMOVE": path}
        texts = sections.setdefault(_SECTIONS.get(kind, kind), [])
        texts.append(text.get(kind, f"{path} {shown}"))
    return " ".join(f"{name} {', '.join(texts)}" for name, texts in sections.items())


RETURNING = {"ALL OLD": "ALL_OLD", "ALL NEW": "ALL_NEW", "MODIFIED NEW": "UPDATED_NEW"}


@settings(max_examples=60, deadline=None)
@given(
    ITEMS,
    st.lists(st.tuples(CHANGES, LEAVES, st.sampled_from(sorted(RETURNING))), max_size=5),
    st.booleans(),
)
def test_an_update_leaves_what_the_classic_update_leaves(
    rest: Any, updates: list[Any], there: bool
) -> None:
    async def scenario(host: TableHost) -> None:
        names = ("Things", "Others")
        key = {"p": {"S": "a"}, "s": {"S": "1"}}
        for name in names:
            await create(host, name, sort="S")
            if there:
                await host.ask("PutItem", TableName=name, Item={**key, **rest})
        for changes, tree, returning in updates:
            ours, theirs = Writer(partiql=True), Writer(partiql=False)
            change = _statement(changes, ours)
            where = ours.part(tree, "AND")
            found = await host.ask(
                "ExecuteStatement",
                Statement=f"UPDATE Things {change} WHERE p = 'a' AND s = '1' AND ({where}) "
                f"RETURNING {returning} *",
                ReturnConsumedCapacity="TOTAL",
                **ours.members(),
            )
            condition = f"attribute_exists(#p) AND ({theirs.condition(tree)})"
            theirs.names["#p"] = "p"
            wanted = await host.ask(
                "UpdateItem",
                TableName="Others",
                Key=key,
                UpdateExpression=_expression(changes, theirs),
                ConditionExpression=condition,
                ReturnValues=RETURNING[returning],
                ReturnConsumedCapacity="TOTAL",
                **theirs.members(),
            )
            _agree(found, wanted)
            left = [await host.ask("GetItem", TableName=name, Key=key) for name in names]
            assert left[0] == left[1]

    with_tables(scenario)


def _agree(found: Any, wanted: Any) -> None:
    """A statement was answered as the classic operation was."""
    if isinstance(found, ServiceError) and found.message.startswith("Multiple conditions"):
        return
    if isinstance(wanted, ServiceError):
        assert isinstance(found, ServiceError), wanted
        assert found.code == wanted.code
        return
    assert not isinstance(found, ServiceError), found
    attributes = wanted.get("Attributes")
    assert found["Items"] == ([attributes] if attributes else [])
    units = found["ConsumedCapacity"]["CapacityUnits"]
    assert units == wanted["ConsumedCapacity"]["CapacityUnits"]


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["Put", "Update", "Delete", "ConditionCheck"]), P, st.integers(0, 2)),
    min_size=1,
    max_size=3,
)
_STATEMENTS = {
    "Put": "INSERT INTO Things VALUE {{'p': '{p}', 's': '1', 'n': {n}}}",
    "Update": "UPDATE Things SET n = n + 1 WHERE p = '{p}' AND s = '1' AND n <> {n}",
    "Delete": "DELETE FROM Things WHERE p = '{p}' AND s = '1' AND n < {n}",
    "ConditionCheck": "EXISTS(SELECT * FROM Things WHERE p = '{p}' AND s = '1' AND n = {n})",
}


def _classic(kind: str, p: str, n: int) -> dict[str, Any]:
    """What a statement stands for, by hand."""
    key = {"p": {"S": p}, "s": {"S": "1"}}
    value = {":n": {"N": str(n)}}
    part: dict[str, Any] = {"TableName": "Others", "Key": key, "ExpressionAttributeValues": value}
    if kind == "Put":
        del part["Key"], part["ExpressionAttributeValues"]
        part |= {"Item": {**key, "n": {"N": str(n)}}}
        part |= {"ConditionExpression": "attribute_not_exists(p)"}
    elif kind == "Update":
        value[":one"] = {"N": "1"}
        part |= {"UpdateExpression": "SET n = n + :one"}
        part |= {"ConditionExpression": "attribute_exists(p) AND n <> :n"}
    elif kind == "Delete":
        part |= {"ConditionExpression": "attribute_not_exists(p) OR n < :n"}
    else:
        part |= {"ConditionExpression": "n = :n"}
    return {kind: part}


def _outcome(found: Any) -> Any:
    """How a transaction ended: whatever was wrong with it, by name."""
    if not isinstance(found, ServiceError):
        return "done"
    reasons = found.members.get("CancellationReasons")
    if reasons is None:
        return found.code, found.message
    renamed = {"DuplicateItem": "ConditionalCheckFailed"}
    return [renamed.get(reason["Code"], reason["Code"]) for reason in reasons]


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTIONS, max_size=6))
def test_a_transaction_ends_as_the_classic_transaction_ends(transactions: list[Any]) -> None:
    async def scenario(host: TableHost) -> None:
        for name in ("Things", "Others"):
            await create(host, name, sort="S")
        for actions in transactions:
            statements = [_STATEMENTS[kind].format(p=p, n=n) for kind, p, n in actions]
            found = await host.ask(
                "ExecuteTransaction", TransactStatements=[{"Statement": s} for s in statements]
            )
            wanted = await host.ask(
                "TransactWriteItems", TransactItems=[_classic(*action) for action in actions]
            )
            assert _outcome(found) == _outcome(wanted), statements
            left = [await host.ask("Scan", TableName=name) for name in ("Things", "Others")]
            assert left[0] == left[1]

    with_tables(scenario)
