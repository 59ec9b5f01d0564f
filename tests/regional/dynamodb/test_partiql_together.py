"""Statements in batches, in transactions, and on indexes."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.tablehost import TableHost, with_tables
from tests.regional.dynamodb.test_indexes import create_indexed
from tests.regional.dynamodb.test_partiql import fill, item, run, told
from tests.regional.dynamodb.test_tables import provisioned
from tests.regional.dynamodb.test_throttles import with_throttling


def put(p: str, s: str, value: str = "'x'") -> str:
    """An INSERT."""
    return f"INSERT INTO Things VALUE {{'p': '{p}', 's': '{s}', 'v': {value}}}"


async def batch(host: TableHost, *statements: str, **more: Any) -> Any:
    """Execute a batch."""
    parts = [{"Statement": statement} for statement in statements]
    return await host.ask("BatchExecuteStatement", Statements=parts, **more)


async def transact(host: TableHost, *statements: str, **more: Any) -> Any:
    """Execute a transaction."""
    parts = [{"Statement": statement} for statement in statements]
    return await host.ask("ExecuteTransaction", TransactStatements=parts, **more)


def codes(found: Any) -> list[str]:
    """Why a transaction was cancelled."""
    assert isinstance(found, ServiceError), found
    assert found.code == "TransactionCanceledException", found
    return [reason["Code"] for reason in found.members["CancellationReasons"]]


def test_each_statement_of_a_batch_fails_alone() -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1")
        found = await batch(
            host,
            put("b", "1"),
            put("a", "1"),
            "UPDATE Things SET v = 2 WHERE p = 'a' AND s = '1' RETURNING MODIFIED NEW *",
            "UPDATE Things SET v = 2 WHERE p = 'a' AND s = '1' AND n = 9",
            "DELETE FROM Things WHERE p = 'a'",
            "INSERT INTO Nowhere VALUE {'p': 'a'}",
            "DELETE FROM Things WHERE",
            ReturnConsumedCapacity="TOTAL",
        )
        answers = found["Responses"]
        assert [answer.get("Error", {}).get("Code") for answer in answers] == [
            None,
            "DuplicateItem",
            None,
            "ConditionalCheckFailed",
            "ValidationError",
            "ResourceNotFound",
            "ValidationError",
        ]
        assert answers[0] == {"TableName": "Things"}
        assert answers[2] == {"TableName": "Things", "Item": {"v": {"N": "2"}}}
        assert [answer.get("TableName") for answer in answers] == ["Things"] * 4 + [None] * 3
        assert answers[6]["Error"]["Message"].endswith("Unexpected term")
        assert [part["CapacityUnits"] for part in found["ConsumedCapacity"]] == [1.0, 1.0]
        assert (await item(host, "a"))["v"] == {"N": "2"}
        assert (await item(host, "b"))["v"] == {"S": "x"}

    with_tables(scenario)


def test_statements_are_short_of_capacity_as_the_operations_are() -> None:
    async def scenario(host: TableHost) -> None:
        await host.ask("CreateTable", TableName="Things", **provisioned(5, 1))
        insert = "INSERT INTO Things VALUE {{'p': '{}'}}"
        found = await batch(host, insert.format("a"), insert.format("b"))
        codes = [answer.get("Error", {}).get("Code") for answer in found["Responses"]]
        assert codes == [None, "ProvisionedThroughputExceeded"]
        short = await run(host, insert.format("b"))
        assert short.code == "ProvisionedThroughputExceededException"
        assert "ThrottlingReasons" in short.members
        await host.runtime.sleep(1)
        assert await run(host, insert.format("b")) == {"Items": []}

    with_throttling(scenario)


def test_a_batch_reads_items_by_their_keys() -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1", "a/2")
        select = "SELECT name FROM Things WHERE"
        found = await batch(
            host,
            f"{select} p = 'a' AND s = '2'",
            f"{select} p = 'a' AND s IN ['3']",
            f"{select} p = 'a'",
            f"{select} p = 'a' AND s = '1' AND n = 0",
            f"{select} p IN ['a', 'a'] AND s = '1'",
        )
        answers = found["Responses"]
        assert answers[:2] == [
            {"TableName": "Things", "Item": {"name": {"S": "a/2"}}},
            {"TableName": "Things"},
        ]
        needed = (
            "Select statements within BatchExecuteStatement must specify the primary key in the "
            "where clause."
        )
        assert [answer["Error"]["Message"] for answer in answers[2:4]] == [needed, needed]
        assert answers[4]["Error"]["Message"].startswith("Overlapping conditions")
        mixed = await batch(host, f"{select} p = 'a' AND s = '2'", put("c", "1"))
        assert "does not support both read and write operations" in told(mixed)
        assert await item(host, "c") is None
        many = await batch(host, *[f"{select} p = 'a' AND s = '2'"] * 26)
        assert "less than or equal to 25" in told(many)

    with_tables(scenario)


def test_a_transaction_writes_all_or_nothing() -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1", "a/2")
        update = "UPDATE Things SET v = 1 WHERE p = 'a' AND s = '1'"
        exists = "EXISTS(SELECT * FROM Things WHERE p = 'a' AND s = '2' AND {})"
        failed = await transact(
            host,
            put("b", "1"),
            put("a", "1"),
            exists.format("nope IS NOT MISSING"),
            "DELETE FROM Things WHERE p = 'z' AND s = '1' AND v = 1",
        )
        assert codes(failed) == ["None", "DuplicateItem", "ConditionalCheckFailed", "None"]
        assert "[None, DuplicateItem, ConditionalCheckFailed, None]" in told(failed)
        assert await item(host, "b") is None
        done = await transact(host, put("b", "1"), update, exists.format("nope IS MISSING"))
        assert done == {"Responses": []}
        assert (await item(host, "b"))["v"] == {"S": "x"}
        assert (await item(host, "a"))["v"] == {"N": "1"}
        missing = await transact(host, "UPDATE Things SET v = 1 WHERE p = 'y' AND s = '1'")
        assert codes(missing) == ["ConditionalCheckFailed"]
        twice = await transact(host, update, update)
        assert told(twice).startswith("Transaction request cannot include multiple operations")

    with_tables(scenario)


def test_a_transaction_reads_items_as_they_are_at_once() -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1", "a/2")
        select = "FROM Things WHERE p = 'a' AND s ="
        found = await transact(
            host, f"SELECT n {select} '1'", f"SELECT nope {select} '2'", f"SELECT * {select} '9'"
        )
        assert found["Responses"] == [{"Item": {"n": {"N": "0"}}}, {"Item": {}}, {}]
        twice = await transact(host, f"SELECT n {select} '1'", f"SELECT * {select} '1'")
        assert told(twice).startswith("Transaction request cannot include multiple operations")

    with_tables(scenario)


KEYED = "SELECT * FROM Things WHERE p = 'a' AND s = '1'"


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (
            (KEYED, put("c", "1")),
            (
                "ExecuteTransaction API does not support both read and write operations in the "
                "same request."
            ),
        ),
        (
            (put("c", "1"), "SELECT * FROM Things WHERE"),
            (
                "Validation failed in TransactStatements[1]: Statement wasn't well formed, can't "
                "be processed: Unexpected term"
            ),
        ),
        (
            (KEYED, f"{KEYED} AND n = 0"),
            (
                "Validation failed in TransactStatements[1]: Select statements within "
                "ExecuteTransaction must specify the primary key in the where clause."
            ),
        ),
        (
            ('SELECT * FROM "Things"."i" WHERE p = \'a\'',),
            (
                "Validation failed in TransactStatements[0]: Reads on indices are not supported "
                "within transactions."
            ),
        ),
        (
            ("UPDATE Things SET v = 1 WHERE p = 'a' AND s = '1' RETURNING ALL NEW *",),
            (
                "Validation failed in TransactStatements[0]: RETURNING clause is not supported in "
                "ExecuteTransaction."
            ),
        ),
        (
            (f"EXISTS({KEYED})", put("c", "1")),
            (
                "Validation failed in TransactStatements[0]: EXISTS() must contain a single item "
                "read with additional condition"
            ),
        ),
        (
            ("UPDATE Things SET n = n + [1] WHERE p = 'a' AND s = '1'",),
            (
                "Validation failed in TransactStatements[0]: Incorrect operand type for operator "
                "or function; operator or function: +, operand type: L"
            ),
        ),
    ],
)
def test_what_transactions_refuse(statements: tuple[str, ...], message: str) -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1")
        found = await transact(host, *statements)
        assert told(found) == message
        assert found.code == "ValidationException"
        assert await item(host, "c") is None

    with_tables(scenario)


def test_what_cancels_a_transaction_before_it_begins() -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1")
        update = "UPDATE Things SET v = 1 WHERE"
        found = await transact(
            host,
            f"{update} p = 'a'",
            f"{update} p = 'a' AND s = 1",
            f"{update} p = 'a' AND s = '1'",
            "UPDATE Nowhere SET v = 1 WHERE p = 'a'",
        )
        assert codes(found) == ["ValidationError", "ValidationError", "None", "ResourceNotFound"]
        reason = found.members["CancellationReasons"][0]
        assert reason["Message"] == "The provided key element does not match the schema"
        assert "v" not in await item(host, "a")
        reads = await transact(host, KEYED, "SELECT * FROM Things WHERE p = 1 AND s = '1'")
        assert codes(reads) == ["None", "ValidationError"]

    with_tables(scenario)


def test_a_token_makes_a_transaction_happen_once() -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1")
        count = "UPDATE Things SET n = n + 1 WHERE p = 'a' AND s = '1'"
        for _ in range(3):
            done = await transact(host, count, ClientRequestToken="once")
            assert isinstance(done, dict)
        assert (await item(host, "a"))["n"] == {"N": "1"}
        other = await transact(host, put("b", "1"), ClientRequestToken="once")
        assert other.code == "IdempotentParameterMismatchException"

    with_tables(scenario)


async def indexed(host: TableHost) -> None:
    """A table with indexes and three items."""
    await create_indexed(host)
    for number in range(3):
        await run(
            host,
            "INSERT INTO Things VALUE"
            " {'p': 'a', 's': ?, 'n': ?, 'g': 'g', 'b': ?, 'x': 'x', 'y': ?}",
            {"S": f"s{number}"},
            {"N": str(9 - number)},
            {"B": bytes([number])},
            {"N": str(number)},
        )


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT s FROM {}.\"Local\" WHERE p = 'a'", ["s2", "s1", "s0"]),
        ("SELECT s FROM {}.\"Local\" WHERE p = 'a' AND n > 7 ORDER BY n DESC", ["s0", "s1"]),
        ("SELECT s, y FROM {}.\"Local\" WHERE p = 'a' AND n = 8", ["s1"]),
        ("SELECT s FROM {}.\"Some\" WHERE g = 'g' ORDER BY b DESC", ["s2", "s1", "s0"]),
        ("SELECT s FROM {}.\"Some\" WHERE g = 'g' AND x = 'x' AND s = 's1'", ["s1"]),
        ("SELECT s FROM {}.\"All\" WHERE s IN ['s2', 's0'] AND y < 2", ["s0"]),
        ("SELECT s FROM {}.\"Keys\" WHERE p = 'a' AND s = 's1'", ["s1"]),
        ('SELECT s FROM {}."Keys" WHERE y = 1', []),
        ('SELECT s FROM {}."Local" WHERE y = 1', []),
        ("SELECT s FROM {}.\"Keys\" WHERE (g = 'g' AND y = 1) OR g = 'h'", []),
        ("SELECT s FROM {}.\"Local\" WHERE NOT y = 1 AND s <> 's0'", ["s2", "s1"]),
        ("SELECT s, y FROM {}.\"Local\" WHERE y = 1 OR s = 's2'", ["s2"]),
        ("SELECT s, y FROM {}.\"Local\" WHERE p = 'a' AND n = 8 AND y = 1 OR p = 'b'", []),
    ],
)
def test_selects_read_indexes(statement: str, expected: list[str]) -> None:
    async def scenario(host: TableHost) -> None:
        await indexed(host)
        found = await run(host, statement.format('"Things"'))
        assert [one["s"]["S"] for one in found["Items"]] == expected

    with_tables(scenario)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "SELECT y, z FROM {}.\"Some\" WHERE g = 'g'",
            (
                "One or more parameter values were invalid: Global secondary index Some does not "
                "project [y, z]"
            ),
        ),
        (
            "SELECT p FROM {}.\"Some\" WHERE g = 'g' AND y = 1",
            (
                "One or more parameter values were invalid: Secondary index Some does not project "
                "one or more filter attributes: [y]"
            ),
        ),
        (
            "SELECT p FROM {}.\"Local\" WHERE p = 'a' AND y = 1",
            (
                "One or more parameter values were invalid: Secondary index Local does not project "
                "one or more filter attributes: [y]"
            ),
        ),
    ],
)
def test_indexes_do_not_tell_what_they_have_not(statement: str, message: str) -> None:
    async def scenario(host: TableHost) -> None:
        await indexed(host)
        assert told(await run(host, statement.format('"Things"'))) == message

    with_tables(scenario)


def test_global_indexes_are_not_read_consistently() -> None:
    async def scenario(host: TableHost) -> None:
        await indexed(host)
        select = "SELECT * FROM Things.\"Keys\" WHERE g = 'g'"
        strong = await run(host, select, ConsistentRead=True)
        assert (
            told(strong) == "Strongly consistent read is not supported on Global Secondary Indexes"
        )
        spent = await run(host, select, ReturnConsumedCapacity="INDEXES")
        assert spent["ConsumedCapacity"]["GlobalSecondaryIndexes"] == {
            "Keys": {"CapacityUnits": 0.5}
        }
        first = await run(host, select, Limit=2)
        rest = await run(host, select, NextToken=first["NextToken"])
        assert (len(first["Items"]), len(rest["Items"])) == (2, 1)

    with_tables(scenario)
