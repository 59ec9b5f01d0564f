"""What statements do to tables of several regions, and to streams."""

from typing import Any

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.replicas import E, Planet, Region, W, play
from tests.regional.dynamodb.streamreaders import everything, streaming
from tests.regional.dynamodb.streamreaders import told as shown
from tests.regional.dynamodb.strongplaces import ask, strongly
from tests.regional.dynamodb.tablehost import TableHost, with_tables


async def execute(region: Region, statement: str, **more: Any) -> Any:
    """Execute a statement; its items, or the code of its error."""
    found = await ask(region, "ExecuteStatement", Statement=statement, **more)
    return found.code if isinstance(found, ServiceError) else found["Items"]


def test_a_strong_read_sees_what_a_statement_wrote_elsewhere() -> None:
    async def scenario(_: Planet, a: Region, b: Region, c: Region) -> None:
        insert = "INSERT INTO Items VALUE {'k': 'x', 'n': 1}"
        assert await execute(a, insert) == []
        assert await execute(b, insert) == "DuplicateItemException"
        count = "UPDATE Items SET n = n + 1 WHERE k = 'x' RETURNING MODIFIED NEW *"
        counts = [await execute(region, count) for region in (a, b, c)]
        assert counts == [[{"n": {"N": str(n)}}] for n in (2, 3, 4)]
        for where in ("k = 'x'", "k IN ['x', 'y']", "n = 4"):
            select = f"SELECT n FROM Items WHERE {where}"
            for region in (a, b, c):
                assert await execute(region, select, ConsistentRead=True) == [{"n": {"N": "4"}}]
        assert await execute(c, "DELETE FROM Items WHERE k = 'x' AND n = 3") == (
            "ConditionalCheckFailedException"
        )
        parts = [{"Statement": "UPDATE Items SET n = 9 WHERE k = 'x'"}]
        refused = await ask(a, "ExecuteTransaction", TransactStatements=parts)
        assert "not supported for global tables" in refused.message

    strongly(scenario)


def test_what_statements_write_is_replicated() -> None:
    async def scenario(planet: Planet, west: Region, east: Region) -> None:
        await planet.global_table(W, E)
        await execute(west, "INSERT INTO Items VALUE {'k': 'x', 'v': 'west'}")
        await execute(east, "INSERT INTO Items VALUE {'k': 'y', 'v': 'east'}")
        await planet.wait_until(planet.agree, within_s=10)
        assert west.items() == east.items() == {"x": "west", "y": "east"}
        parts = [
            {"Statement": "UPDATE Items SET v = 'done' WHERE k = 'x'"},
            {"Statement": "DELETE FROM Items WHERE k = 'y'"},
        ]
        await east.do("ExecuteTransaction", TransactStatements=parts)
        await planet.wait_until(planet.agree, within_s=10)
        assert west.items() == {"x": "done"}

    play(scenario)


def test_what_statements_write_is_in_the_stream() -> None:
    async def scenario(host: TableHost) -> None:
        arn = await streaming(host)
        for statement in (
            "INSERT INTO Things VALUE {'p': 'a', 'v': '1'}",
            "INSERT INTO Things VALUE {'p': 'a', 'v': '9'}",
            "UPDATE Things SET v = '2' WHERE p = 'a'",
            "UPDATE Things SET v = '2' WHERE p = 'a'",
            "DELETE FROM Things WHERE p = 'a' AND v = '1'",
            "DELETE FROM Things WHERE p = 'a' AND v = '2'",
        ):
            await host.ask("ExecuteStatement", Statement=statement)
        assert [shown(record) for record in await everything(host, arn)] == [
            ("INSERT", "a", None, "1"),
            ("MODIFY", "a", "1", "2"),
            ("REMOVE", "a", "2", None),
        ]

    with_tables(scenario)
