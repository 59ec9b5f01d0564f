"""Expressions against a slow, obvious evaluator; the old parameters against expressions."""

import base64
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from antipodes.regional.dynamodb import grammar, syntax
from antipodes.regional.dynamodb.attributes import normal, normal_item, number_text
from antipodes.regional.dynamodb.conditions import condition
from antipodes.regional.dynamodb.legacy import AttributeUpdates, expected
from antipodes.regional.dynamodb.projections import project, projection
from antipodes.regional.dynamodb.scope import Scope
from antipodes.regional.dynamodb.updates import Update
from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.evaluator import (
    Tree,
    Writer,
    Wrong,
    find,
    holds,
    plain,
    plain_item,
    updated,
)

TEXTS = st.text(st.sampled_from("abé𝄞"), max_size=3)
BYTES = st.binary(max_size=3).map(lambda content: base64.b64encode(content).decode())
DIGITS = st.one_of(
    st.integers(-3, 3).map(str),
    st.sampled_from(["1.5", "-0.25", "9" * 38, "1" + "0" * 125, "0." + "0" * 129 + "1", "1E10"]),
).map(lambda text: number_text(Decimal(text)))
SCALARS = st.one_of(
    TEXTS.map(lambda text: {"S": text}),
    DIGITS.map(lambda text: {"N": text}),
    BYTES.map(lambda text: {"B": text}),
    st.booleans().map(lambda truth: {"BOOL": truth}),
    st.just({"NULL": True}),
)
SETS = st.one_of(
    st.lists(TEXTS, min_size=1, max_size=3, unique=True).map(lambda found: {"SS": found}),
    st.lists(DIGITS, min_size=1, max_size=3, unique=True).map(lambda found: {"NS": found}),
    st.lists(BYTES, min_size=1, max_size=3, unique=True).map(lambda found: {"BS": found}),
)
NAMES = st.sampled_from(["aa", "bb", "cc"])
VALUES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    SCALARS | SETS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda found: {"L": found}),
        st.dictionaries(NAMES, inner, max_size=3).map(lambda found: {"M": found}),
    ),
    max_leaves=5,
)
ITEMS = st.dictionaries(NAMES, VALUES, max_size=3)
STEPS = st.one_of(NAMES, st.integers(0, 3))
PATHS = st.tuples(NAMES, st.lists(STEPS, max_size=2)).map(lambda pair: (pair[0], *pair[1]))
PATH_OPERANDS = PATHS.map(lambda path: ("path", path))
ORDERABLE = st.one_of(
    TEXTS.map(lambda text: {"S": text}),
    DIGITS.map(lambda text: {"N": text}),
    BYTES.map(lambda text: {"B": text}),
)
READ = st.one_of(PATH_OPERANDS, PATHS.map(lambda path: ("size", path)))
COMPARED = st.sampled_from(["<", "<=", ">", ">="])


def value_of(values: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Tree]:
    return values.map(lambda value: ("value", value))


def bounds(pair: tuple[dict[str, Any], dict[str, Any]]) -> bool:
    one, other = plain(pair[0]), plain(pair[1])
    if one[0] != other[0]:
        return False
    low, high = (v.encode() if isinstance(v, str) else v for v in (one[1], other[1]))
    return bool(low <= high)


LEAVES: st.SearchStrategy[Tree] = st.one_of(
    st.tuples(st.just("compare"), st.sampled_from(["=", "<>"]), READ, value_of(VALUES) | READ),
    st.tuples(st.just("compare"), COMPARED, READ, value_of(ORDERABLE) | READ),
    st.tuples(st.just("compare"), COMPARED, value_of(ORDERABLE), READ),
    st.tuples(ORDERABLE, ORDERABLE)
    .filter(bounds)
    .flatmap(
        lambda pair: READ.map(
            lambda read: ("between", read, ("value", pair[0]), ("value", pair[1]))
        )
    ),
    st.tuples(st.just("in"), READ, st.lists(value_of(VALUES), min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["attribute_exists", "attribute_not_exists"]), PATH_OPERANDS),
    st.tuples(
        st.just("attribute_type"),
        PATH_OPERANDS,
        st.sampled_from(["S", "N", "B", "SS", "NS", "BS", "L", "M", "BOOL", "NULL"]).map(
            lambda kind: ("value", {"S": kind})
        ),
    ),
    st.tuples(
        st.just("begins_with"),
        PATH_OPERANDS,
        value_of(TEXTS.map(lambda text: {"S": text}) | BYTES.map(lambda text: {"B": text}))
        | PATH_OPERANDS,
    ),
    st.tuples(st.just("contains"), PATH_OPERANDS, value_of(VALUES) | PATH_OPERANDS),
)
CONDITIONS: st.SearchStrategy[Tree] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda tree: ("not", tree)),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)


def same_operands(tree: Tree) -> bool:
    """Whether a condition compares a path with itself, which is refused."""
    if tree[0] in {"and", "or"}:
        return any(same_operands(part) for part in tree[1])
    if tree[0] == "not":
        return same_operands(tree[1])
    operands = [part for part in tree[1:] if isinstance(part, tuple) and part[0] == "path"]
    return len(operands) > 1 and operands[0] == operands[1]


@settings(max_examples=200)
@given(CONDITIONS, ITEMS)
def test_conditions_hold_as_the_slow_evaluator_says(tree: Tree, item: dict[str, Any]) -> None:
    assume(not same_operands(tree))
    writer = Writer()
    text = writer.condition(tree)
    scope = Scope(writer.names or None, writer.values or None)
    test = condition(text, scope)
    scope.check_used()
    assert test(normal_item(item)) == holds(tree, plain_item(item)), text


APPENDED = st.one_of(PATH_OPERANDS, st.lists(VALUES, max_size=2).map(lambda m: ("value", {"L": m})))
ADDENDS = st.one_of(PATH_OPERANDS, DIGITS.map(lambda text: ("value", {"N": text})))
ASSIGNED: st.SearchStrategy[Tree] = st.one_of(
    value_of(VALUES),
    PATH_OPERANDS,
    st.tuples(st.just("sum"), st.sampled_from("+-"), ADDENDS, ADDENDS),
    st.tuples(st.just("list_append"), APPENDED, APPENDED),
    st.tuples(st.just("if_not_exists"), PATHS, value_of(VALUES)),
)
ACTIONS: st.SearchStrategy[Tree] = st.one_of(
    st.tuples(st.just("SET"), PATHS, ASSIGNED),
    st.tuples(st.just("REMOVE"), PATHS),
    st.tuples(st.just("ADD"), PATHS, value_of(SETS | DIGITS.map(lambda text: {"N": text}))),
    st.tuples(st.just("DELETE"), PATHS, value_of(SETS)),
)


def apart(paths: list[tuple[Any, ...]]) -> bool:
    """Whether no two paths overlap, or take one thing for a list and a map."""
    for number, one in enumerate(paths):
        for other in paths[number + 1 :]:
            pairs = list(zip(one, other, strict=False))
            split = next((at for at, (a, b) in enumerate(pairs) if a != b), None)
            if split is None or type(pairs[split][0]) is not type(pairs[split][1]):
                return False
    return True


@settings(max_examples=200)
@given(st.lists(ACTIONS, min_size=1, max_size=4), ITEMS)
def test_updates_do_what_the_slow_evaluator_says(actions: list[Tree], item: dict[str, Any]) -> None:
    writer = Writer()
    text = writer.update(actions)
    scope = Scope(writer.names or None, writer.values or None)
    before = normal_item(item)
    if not apart([action[1] for action in actions]):
        with pytest.raises(ServiceError, match="Two document paths"):
            Update(text, scope)
        return
    update = Update(text, scope)
    scope.check_used()
    try:
        wanted = updated(actions, plain_item(item))
    except Wrong:
        with pytest.raises(ServiceError) as refused:
            update.apply(before)
        assert refused.value.code == "ValidationException"
    else:
        assert plain_item(update.apply(before)) == wanted, text
    assert before == normal_item(item), "the item that was given changed"


@given(st.lists(PATHS, min_size=1, max_size=4, unique=True), ITEMS)
def test_projections_have_what_lies_at_their_paths(
    paths: list[tuple[Any, ...]], item: dict[str, Any]
) -> None:
    assume(apart(paths))
    writer = Writer()
    text = ", ".join(writer.path(path) for path in paths)
    found = project(normal_item(item), projection(text, Scope(writer.names or None, None)))
    wanted = [path for path in paths if find(plain_item(item), path) is not None]
    count = 0
    for path in wanted:
        if all(isinstance(step, str) for step in path):
            assert find(plain_item(found), path) == find(plain_item(item), path)
            count += 1
    assert bool(found) == bool(wanted)
    assert count <= len(wanted)


# The old parameters, and the expressions that say the same.

OPERATORS = {
    "EQ": "aa = :v",
    "NE": "aa <> :v",
    "LE": "aa <= :v",
    "LT": "aa < :v",
    "GE": "aa >= :v",
    "GT": "aa > :v",
    "CONTAINS": "contains(aa, :v)",
    "NOT_CONTAINS": "attribute_exists(aa) AND NOT contains(aa, :v)",
    "BEGINS_WITH": "begins_with(aa, :v)",
    "IN": "aa IN (:v)",
}


@given(st.sampled_from(list(OPERATORS)), ORDERABLE, ITEMS)
def test_expected_holds_as_the_expression_that_says_the_same(
    operator: str, value: dict[str, Any], item: dict[str, Any]
) -> None:
    assume(operator != "BEGINS_WITH" or "N" not in value)
    about = {"ComparisonOperator": operator, "AttributeValueList": [value]}
    old = expected({"Expected": {"aa": about}})
    new = condition(OPERATORS[operator], Scope(None, {":v": value}))
    assert old is not None
    assert old(normal_item(item)) == new(normal_item(item))


@given(st.lists(st.booleans(), min_size=1, max_size=3), ITEMS, st.sampled_from(["AND", "OR"]))
def test_expected_joins_its_conditions_as_it_is_told(
    exist: list[bool], item: dict[str, Any], operator: str
) -> None:
    names = ("aa", "bb", "cc")
    about = {
        name: {"ComparisonOperator": "NOT_NULL" if wanted else "NULL"}
        for name, wanted in zip(names, exist, strict=False)
    }
    test = expected({"Expected": about, "ConditionalOperator": operator})
    assert test is not None
    outcomes = [(name in item) is wanted for name, wanted in zip(names, exist, strict=False)]
    assert test(normal_item(item)) == (all if operator == "AND" else any)(outcomes)


CHANGES = st.one_of(
    VALUES.map(lambda value: ("PUT", value, "SET {0} = {1}")),
    st.just(("DELETE", None, "REMOVE {0}")),
    (SETS | DIGITS.map(lambda text: {"N": text})).map(lambda v: ("ADD", v, "ADD {0} {1}")),
    SETS.map(lambda value: ("DELETE", value, "DELETE {0} {1}")),
)


def outcome(update: Update | AttributeUpdates, item: dict[str, Any]) -> Any:
    """The updated item, or why there is none."""
    try:
        return update.apply(item)
    except ServiceError as refused:
        return refused.message


@given(NAMES, CHANGES, ITEMS)
def test_attribute_updates_do_what_the_expression_that_says_the_same_does(
    name: str, change: tuple[str, Any, str], item: dict[str, Any]
) -> None:
    action, value, text = change
    about = {"Action": action} | ({} if value is None else {"Value": value})
    before = normal_item(item)
    old = AttributeUpdates({name: about})
    new = Update(text.format(name, ":v"), Scope(None, None if value is None else {":v": value}))
    assert old.creates == new.creates
    assert old.paths == new.paths
    wanted, found = outcome(new, before), outcome(old, before)
    if "incorrect data type" in wanted:
        wanted = "Type mismatch for attribute to update"
    assert found == wanted


def test_attribute_updates_may_add_to_lists() -> None:
    update = AttributeUpdates({"aa": {"Action": "ADD", "Value": {"L": [{"S": "b"}]}}})
    assert update.apply({"aa": {"L": [{"S": "a"}]}}) == {"aa": {"L": [{"S": "a"}, {"S": "b"}]}}
    assert update.apply({}) == {"aa": {"L": [{"S": "b"}]}}


# The grammar alone.


def unparsed(node: Any) -> str:
    """Write a parsed condition as text, with parentheses wherever they may be."""
    match node:
        case syntax.Both():
            return f" {node.operator} ".join(f"({unparsed(part)})" for part in node.parts)
        case syntax.Not():
            return f"NOT ({unparsed(node.inner)})"
        case syntax.Compare():
            return f"({unparsed(node.left)}) {node.operator} {unparsed(node.right)}"
        case syntax.Between():
            operand, low, high = map(unparsed, (node.operand, node.low, node.high))
            return f"{operand} between ({low}) and {high}"
        case syntax.In():
            return f"{unparsed(node.operand)} in ({', '.join(map(unparsed, node.choices))})"
        case syntax.Function():
            return f"{node.name} ( {' , '.join(map(unparsed, node.operands))})"
        case syntax.Placeholder():
            return str(node.name)
    first, *rest = node.steps
    return str(first) + "".join(f"[ {s} ]" if isinstance(s, int) else f" . {s}" for s in rest)


@settings(max_examples=100)
@given(CONDITIONS)
def test_what_is_written_from_a_parsed_condition_parses_to_the_same(tree: Tree) -> None:
    text = Writer().condition(tree)
    parsed, used = grammar.parse_condition(text, "ConditionExpression")
    again, also = grammar.parse_condition(unparsed(parsed), "ConditionExpression")
    assert again == parsed
    assert also == used


@given(st.text(st.sampled_from('aA_#:.,[]()=<>+- 1SETANDORNOTIN\n"é'), max_size=30))
def test_any_text_is_parsed_or_refused_as_an_expression(text: str) -> None:
    for parse in (
        lambda: grammar.parse_condition(text, "ConditionExpression"),
        lambda: grammar.parse_update(text),
        lambda: grammar.parse_projection(text),
    ):
        assert refusal(parse) in {"", "ValidationException"}


def refusal(do: Callable[[], Any]) -> str:
    """The code of the error that something ends with, if it does."""
    try:
        do()
    except ServiceError as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2000 + "a = :v" + ")" * 2000,
        "NOT " * 1000 + "a = :v",
        "NOT (" * 400 + "a = :v" + ")" * 400,
        " AND ".join(["a = :v"] * 400),
        "size(" * 600 + "a" + ")" * 600 + " = :v",
        "a" + "[0]" * 1300 + " = :v",
        "(" * 4000,
        "a = :v AND " * 370,
    ],
)
def test_deep_and_long_conditions_are_refused_or_read_but_never_overflow(text: str) -> None:
    scope = Scope(None, {":v": {"S": "x"}})
    assert refusal(lambda: condition(text, scope)({})) in {"", "ValidationException"}


def test_three_hundred_operators_are_enough() -> None:
    scope = Scope(None, {":v": {"S": "x"}})
    text = " OR ".join(["a=:v"] * 150)
    assert condition(text, scope)({"a": {"S": "x"}})
    with pytest.raises(ServiceError, match="too many operators; operator count: 301"):
        condition(" OR ".join(["a=:v"] * 151), scope)
    deep = "NOT(" * 299 + "a=:v" + ")" * 299
    assert not condition(deep, scope)({"a": {"S": "x"}})


def test_a_number_has_one_normal_form_in_sets_too() -> None:
    assert normal({"NS": ["1.0", "1E1"]}) == {"NS": ["1", "10"]}
