"""What PartiQL refuses, and how: the wording that the real service was seen to use."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.regional.dynamodb.partiqlparser import parse
from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.tablehost import TableHost, create, with_tables
from tests.regional.dynamodb.test_partiql import fill, item, run, told

MALFORMED = "Statement wasn't well formed, can't be processed: "
LEFTOVER = f"{MALFORMED}Unexpected token after expression"
OVERFLOW = (
    "Number overflow. Attempting to store a number with magnitude larger than supported range"
)
NO_KEY = "Where clause does not contain a mandatory equality on all key attributes"
OVERLAPPING = "Overlapping conditions with range keys are not supported in where clause"
MANY = ",".join(f"'v{n}'" for n in range(101))
SOME = ",".join(f"'v{n}'" for n in range(51))
INCORRECT = "Incorrect operand type for operator or function; operator or function: "

REFUSED = [
    # What cannot be read.
    ("", f"{MALFORMED}Expected data manipulation"),
    ("SELECTT * FROMM T", f"{MALFORMED}Expected data manipulation"),
    ("UPDATE Payment-Things SET a = 1", f"{MALFORMED}Expected data manipulation"),
    ("SELECT * FROM Things WHERE p = '1' foo", LEFTOVER),
    ("SELECT * FROM Things WHERE p = '1')", LEFTOVER),
    ("SELECT * FROM Things ORDER BY p WHERE p = '1'", LEFTOVER),
    ("SELECT * FROM Things; SELECT * FROM Things", LEFTOVER),
    ("INSERT INTO Things VALUE {'p': '1'} foo", LEFTOVER),
    ("INSERT INTO Things t VALUE {'p': '1'}", LEFTOVER),
    ("DELETE FROM Things WHERE p = '1' ORDER BY p", LEFTOVER),
    ("SELECT * FROM Things WHERE p = 1e2147483648", MALFORMED),
    ("SELECT * FROM Things WHERE p = 1.5e-2147483647", MALFORMED),
    ("SELECT * FROM Things WHERE p = 1 # note", MALFORMED),
    ("SELECT * FROM Things WHERE p = '1' /* note", MALFORMED),
    ('SELECT * FROM "T', MALFORMED),
    ("SELECT * FROM Things WHERE", f"{MALFORMED}Unexpected term"),
    ("SELECT * FROM Things WHERE;", f"{MALFORMED}Unexpected term"),
    ("SELECT * FROM Things WHERE NOT", f"{MALFORMED}Unexpected term"),
    ("SELECT * FROM Things WHERE (", f"{MALFORMED}Unexpected term"),
    ("SELECT * FROM", f"{MALFORMED}Unexpected term"),
    ("UPDATE Things SET a = 1 WHERE", f"{MALFORMED}Unexpected term"),
    ("SELECT * FROM Things WHERE n > -?", f"{MALFORMED}Unexpected term"),
    (
        "SELECT * FROM Things WHERE p = '1' AND",
        f"{MALFORMED}Missing right-hand side expression of infix operator",
    ),
    ("SELECT * FROM Things WHERE ORDER BY p", f"{MALFORMED}Unexpected keyword"),
    ("SELECT * FROM Things WHERE IS NULL", f"{MALFORMED}Unexpected operator"),
    ("SELECT * FROM Things WHERE p = LIKE", f"{MALFORMED}Unexpected operator"),
    ("SELECT * FROM Things WHERE user = 'x'", f"{MALFORMED}Unexpected keyword"),
    ("SELECT pk, date FROM Things", f"{MALFORMED}Unexpected keyword"),
    ("SELECT * FROM Things WHERE x IS FOO", f"{MALFORMED}Expected type name"),
    ("DELETE FROM WHERE p = '1'", f"{MALFORMED}Expected identifier for simple path"),
    ("SELECT m.inner FROM Things", f"{MALFORMED}Invalid path dot component"),
    ("SELECT " + "(" * 4000, f"{MALFORMED}Expression nested too deep"),
    # What can be read and is not offered.
    ("SELECT * FROM Things t WHERE p = '1'", "Aliasing is not supported"),
    ("SELECT * FROM Things AS t", "Aliasing is not supported"),
    ("UPDATE Things t SET a = 3", "Aliasing is not supported"),
    (
        "INSERT INTO Things.\"i\" VALUE {'p': '1'}",
        "FROM clause may only contain a single table name in data manipulation statements",
    ),
    ("SELECT * FROM Things LIMIT 5", "Unsupported clause: LIMIT at 1:28:1"),
    ("SELECT COUNT(*) FROM Things", "Unexpected path component at 1:8:5"),
    (
        "SELECT *, a FROM Things",
        "Other attributes should not be present in the projection when '*' is used.",
    ),
    ("SELECT a.b, c.b FROM Things", "Duplicate identifiers in select clause: b"),
    ("SELECT * FROM Things, U", "Only select from a single table or index is supported."),
    ('SELECT * FROM Things."i"."x"', "A path may contain at most 2 components in the FROM clause"),
    ("SELECT * FROM \"\" WHERE p = 'p'", "Path component cannot be an empty string"),
    (
        "SELECT l[-1] FROM Things",
        "List index is not within the allowable range; index: [-1] at 1:11:1",
    ),
    (
        "SELECT l[2147483648] FROM Things",
        "List index is not within the allowable range; index: [2147483648] at 1:10:10",
    ),
    (
        "INSERT INTO Things VALUE {'p': '1'} RETURNING ALL OLD *",
        "RETURNING is not supported in INSERT",
    ),
    (
        "DELETE FROM Things WHERE p = 'x' RETURNING MODIFIED OLD *",
        (
            "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is "
            "allowed in DELETE statements."
        ),
    ),
    (
        "INSERT INTO Things << {'p': '1'} >>",
        (
            "Unsupported operation: Inserting multiple items in a single statement is not "
            'supported, use "INSERT INTO tableName VALUE item" instead'
        ),
    ),
    (
        "EXISTS(SELECT * FROM Things WHERE p = '1')",
        "EXISTS can only be used in ExecuteTransaction write requests.",
    ),
    # Values.
    ("SELECT * FROM Things WHERE a = 1e126", f"{OVERFLOW} under root"),
    (
        "INSERT INTO Things VALUE {'p': '1', 'm': {'x': [1, 1e9999999]}}",
        f"{OVERFLOW} under root.x[1]",
    ),
    ("INSERT INTO Things VALUE {'p': '1', 's': <<>>}", "Empty bags are not supported"),
    (
        "INSERT INTO Things VALUE {'p': '1', 's': <<1, 'a'>>}",
        "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags",
    ),
    (
        "INSERT INTO Things VALUE {'p': '1', 's': <<'a', 'a'>>}",
        "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
    ),
    (
        "INSERT INTO Things VALUE {'p': '1', 's': <<2, 2.0>>}",
        (
            "One or more parameter values were invalid: Input collection [2, 2.0] contains "
            "duplicates! under root"
        ),
    ),
    (
        "INSERT INTO Things VALUE {'p': '1', 'd': " + "[" * 32 + "1" + "]" * 32 + "}",
        "Nesting Levels have exceeded supported limits under root" + "[0]" * 31,
    ),
    (
        "INSERT INTO Things VALUE {'p': '1', 's': set_add(<<'a'>>, <<'b'>>)}",
        "Unsupported data type: set_add under key root at 1:42:7",
    ),
    # Conditions.
    (
        "SELECT * FROM Things WHERE flag",
        "WHERE clause must contain an expression that resolves to a boolean",
    ),
    ("SELECT * FROM Things WHERE a = MISSING", "MISSING must be compared using IS operator"),
    (
        "SELECT * FROM Things WHERE attribute_exists('a')",
        "Operator or function requires a document path; operator or function: attribute_exists",
    ),
    (
        "SELECT * FROM Things WHERE attribute_exists(a, b)",
        (
            "Incorrect number of operands for operator or function; operator or function: "
            "attribute_exists, number of operands: 2"
        ),
    ),
    ("SELECT * FROM Things WHERE EXISTS(a)", "Unrecognized function: exists at 1:28:6"),
    ("SELECT * FROM Things WHERE a > true", f"{INCORRECT}>, operand type: BOOL"),
    ("SELECT * FROM Things WHERE attribute_exists(a) > false", f"{INCORRECT}>, operand type: BOOL"),
    (
        "SELECT * FROM Things WHERE p = '1' AND attribute_type(l, 1)",
        f"{INCORRECT}attribute_type, operand type: N",
    ),
    (
        f"SELECT * FROM Things WHERE a IN [{MANY}]",
        "The IN operator is provided with too many operands; number of operands: 101",
    ),
    (
        f"SELECT * FROM Things WHERE p IN [{SOME}]",
        "Too many decomposed read operations for a given query.",
    ),
    ("SELECT * FROM Things WHERE p IN ['1', '1']", OVERLAPPING),
    ("SELECT * FROM Things WHERE p = '1' AND (s > '0' OR s < '5')", OVERLAPPING),
    ("SELECT * FROM Things WHERE p = '1' AND x <> 1 OR p = '1' AND s = '2'", OVERLAPPING),
    ("SELECT * FROM Things WHERE (p = '1' AND a = 1) OR (p = '1' AND a = 2)", OVERLAPPING),
    (
        "SELECT * FROM Things WHERE p = 1 OR p = '1'",
        "Key attribute's data type should match its data type in table's schema: Key p",
    ),
    (
        "SELECT * FROM Things WHERE p = '1' AND s IN ['1', 2]",
        "Key attribute's data type should match its data type in table's schema: Key s",
    ),
    ("SELECT * FROM Things.\"no\" WHERE p = '1'", "The table does not have the specified index"),
    (
        "SELECT * FROM Things ORDER BY p",
        "Must have WHERE clause in the statement when using ORDER BY clause.",
    ),
    (
        "SELECT * FROM Things WHERE p = '1' ORDER BY a DESC",
        "Attribute a in ORDER BY clause must be part of the primary key",
    ),
    (
        "SELECT * FROM Things WHERE p > '1' ORDER BY p",
        (
            "Must have at least one non-optional hash key condition in WHERE clause when using "
            "ORDER BY clause."
        ),
    ),
    (
        "SELECT * FROM Things WHERE p IN ['1', '2'] ORDER BY s",
        (
            "Must have hash key in ORDER BY clause when more than one hash key condition specified "
            "in WHERE clause."
        ),
    ),
    # Writes.
    ("UPDATE Things SET a = 1", NO_KEY),
    ("UPDATE Things SET a = 1 WHERE p = '1'", NO_KEY),
    ("FROM Things WHERE a = 1 SET c = 1", NO_KEY),
    ("DELETE FROM Things WHERE p = '1' OR s = '1'", NO_KEY),
    (
        "UPDATE Things SET a = 1 WHERE p = '1' AND s = '1' AND p = '2'",
        "Multiple conditions on same key p. Only single item Update/Insert/Delete are supported",
    ),
    (
        "DELETE FROM Things WHERE p = '1' AND s = 1",
        "Key attribute's data type should match its data type in table's schema: Key s",
    ),
    (
        "DELETE FROM Things.\"i\" WHERE p = '1' AND s = '1'",
        "This operation is not supported on an index",
    ),
    (
        "UPDATE Things SET t = set_add(ss, <<'x'>>) WHERE p = '1' AND s = '1'",
        "The first argument to SET_ADD must equal the assignment value at 1:23:7",
    ),
    (
        "UPDATE Things SET ss = set_delete(ss, 'x') WHERE p = '1' AND s = '1'",
        "The second argument to SET_DELETE must be a value with type SET at 1:35:2",
    ),
    (
        "UPDATE Things SET ss = set_add(ss) WHERE p = '1' AND s = '1'",
        "SET_ADD must have exactly two arguments at 1:24:7",
    ),
    (
        "UPDATE Things SET a = 'a' + 1 WHERE p = '1' AND s = '1' AND nope = 'x'",
        f"{INCORRECT}+, operand type: S",
    ),
    (
        "UPDATE Things SET l[0] = 'x' WHERE p = 'a' AND s = '1'",
        "The document path provided in the update expression is invalid for update",
    ),
    (
        "SELECT * FROM Things WHERE p = ?",
        "Number of parameters in request and statement don't match.",
    ),
]


# Statements that are long or deep, and are refused whatever they say.
ENDLESS = [
    " OR ".join(["a=1"] * 900),
    " AND ".join(["p='a'"] * 700),
    "NOT " * 1900 + "a=1",
    "(" * 3000 + "a=1" + ")" * 3000,
    "a = 1" + " + 1" * 1500,
    "a = " + "[" * 3000,
    "a = " + "{'a':" * 1500,
    "a IN [" + ",".join("1" * 3500) + "]",
    "a" + "[0]" * 2500 + " = 1",
    "size(" * 1500,
]


@pytest.mark.parametrize("where", ENDLESS)
def test_endless_statements_are_refused(where: str) -> None:
    async def scenario(host: TableHost) -> None:
        await create(host, sort="S")
        found = await run(host, f"SELECT * FROM Things WHERE {where}")
        assert isinstance(found, ServiceError)
        assert found.code == "ValidationException"

    with_tables(scenario)


@pytest.mark.parametrize(("statement", "message"), REFUSED)
def test_refusals_are_worded_as_the_services(statement: str, message: str) -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1")
        found = await run(host, statement or " ")
        assert told(found) == message
        assert found.code == "ValidationException"
        assert (await item(host, "a"))["name"] == {"S": "a/1"}

    with_tables(scenario)


def test_tables_that_are_not_there_are_not_found() -> None:
    async def scenario(host: TableHost) -> None:
        found = await run(host, "SELECT * FROM Nowhere WHERE p = 'x'")
        assert (found.code, told(found)) == (
            "ResourceNotFoundException",
            "Requested resource not found",
        )

    with_tables(scenario)


def test_reserved_words_are_names_in_quotation_marks() -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1")
        update = "UPDATE Things SET \"user\" = 1, year = 2, data = 3 WHERE p = 'a' AND s = '1'"
        found = await run(host, f"{update} RETURNING MODIFIED NEW *")
        assert found["Items"] == [{"user": {"N": "1"}, "year": {"N": "2"}, "data": {"N": "3"}}]

    with_tables(scenario)


def test_parameters_are_read_before_the_statement() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host, sort="S")
        found = await run(host, "UPDATE Things SET WHERE", {"SS": ["a", "a"]})
        assert told(found).endswith("Input collection [a, a] contains duplicates.")
        nested = await run(
            host, "INSERT INTO Things VALUE {'p': '1', 's': '1', 'l': [?]}", {"S": "v"}
        )
        assert told(nested) == "Unsupported data type: Parameter under key root[0] at 1:53:1"

    with_tables(scenario)


_WORDS = """
    SELECT INSERT INTO UPDATE DELETE FROM WHERE SET REMOVE VALUE RETURNING ALL OLD NEW AND OR NOT IN
    BETWEEN IS MISSING NULL TRUE ORDER BY DESC EXISTS size begins_with set_add list_append
    * ? ( ) [ ] { } << >> , . : ; = <> < > <= - + 'x' "p" p s n 1 -2.5e3 0 ' " -- /* */
"""
WORDS = st.sampled_from(_WORDS.split())


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=25).map(" ".join)))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    assert _read(text) in {text, "ValidationException"}


def _read(text: str) -> str:
    """The text of what could be read, or the code of what could not."""
    try:
        return parse(text).text
    except ServiceError as error:
        return error.code


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(WORDS, max_size=14).map(" ".join), max_size=8))
def test_whatever_is_written_is_answered_as_the_callers_fault_or_done(texts: list[str]) -> None:
    starts = ("SELECT * FROM Things WHERE ", "UPDATE Things SET ", "DELETE FROM Things WHERE ")

    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1", "a/2")
        for number, text in enumerate(texts):
            for start in (starts[number % 3], "INSERT INTO Things VALUE "):
                statement = f"{start}{text}"
                wanted = statement.count("?")
                values = [{"S": "a"}] * wanted
                found = await run(host, statement, *values)
                assert isinstance(found, dict) or found.status == 400, statement

    with_tables(scenario)
