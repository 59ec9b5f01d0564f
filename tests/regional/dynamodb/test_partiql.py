"""PartiQL statements as the Developer Guide shows them, one by one."""

from typing import Any

import pytest

from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.tablehost import TableHost, create, with_tables

KEY = "p='dt' AND s='1'"


async def run(host: TableHost, statement: str, *parameters: Any, **more: Any) -> Any:
    """Execute a statement; the answer, or the error as a value."""
    if parameters:
        more["Parameters"] = list(parameters)
    return await host.ask("ExecuteStatement", Statement=statement, **more)


def told(found: Any) -> str:
    """The message of an error."""
    assert isinstance(found, ServiceError), found
    return found.message


async def item(host: TableHost, p: str = "dt", s: str = "1") -> Any:
    """An item as it is."""
    key = {"p": {"S": p}, "s": {"S": s}}
    found = await host.ask("GetItem", TableName="Things", Key=key)
    return found.get("Item")


async def fill(host: TableHost, *names: str) -> None:
    """Put items `p/s` with a few attributes into a new table."""
    await create(host, sort="S")
    for number, name in enumerate(names):
        p, s = name.split("/")
        put = {"p": {"S": p}, "s": {"S": s}, "n": {"N": str(number)}, "name": {"S": name}}
        await host.ask("PutItem", TableName="Things", Item=put)


async def keys(host: TableHost, where: str, *parameters: Any, **more: Any) -> list[str]:
    """The items `p/s` that a SELECT finds."""
    found = await run(host, f'SELECT p, s FROM "Things" WHERE {where}', *parameters, **more)
    assert not isinstance(found, ServiceError), found
    return [f"{i['p']['S']}/{i['s']['S']}" for i in found["Items"]]


def test_every_type_can_be_inserted_changed_and_taken_away() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host, sort="S")
        made = await run(
            host,
            "INSERT INTO Things value {'p':'dt', 's':'1', 'NumberType':1,"
            " 'MapType' : {'entryname1': 'value', 'entryname2': 4}, 'ListType': [1,'stringval'],"
            " 'NumberSetType':<<1,34,32,4.5>>, 'StringSetType':<<'stringval','stringval2'>>,"
            " 'yes': true, 'nothing': NULL, 'quoted': 'it''s here', 'big': 1E3, 'small': -1.5e-3}",
        )
        assert made == {"Items": []}
        assert await item(host) == {
            "p": {"S": "dt"},
            "s": {"S": "1"},
            "NumberType": {"N": "1"},
            "MapType": {"M": {"entryname1": {"S": "value"}, "entryname2": {"N": "4"}}},
            "ListType": {"L": [{"N": "1"}, {"S": "stringval"}]},
            "NumberSetType": {"NS": ["1", "34", "32", "4.5"]},
            "StringSetType": {"SS": ["stringval", "stringval2"]},
            "yes": {"BOOL": True},
            "nothing": {"NULL": True},
            "quoted": {"S": "it's here"},
            "big": {"N": "1000"},
            "small": {"N": "-0.0015"},
        }
        await run(
            host,
            "UPDATE Things SET NumberType=NumberType + 100"
            " SET MapType.NewMapEntry=[2020, 'stringvalue', 2.4]"
            " SET ListType = LIST_APPEND(ListType, [4, <<'string1', 'string2'>>])"
            " SET NumberSetType= SET_ADD(NumberSetType, <<345, 48.4>>),"
            " Fresh = set_add(Fresh, <<1>>)"
            f" SET StringSetType = SET_ADD(StringSetType, <<'added'>>) WHERE {KEY}",
        )
        found = await item(host)
        assert found["NumberType"] == {"N": "101"}
        assert found["MapType"]["M"]["NewMapEntry"]["L"][2] == {"N": "2.4"}
        assert found["ListType"]["L"][2:] == [{"N": "4"}, {"SS": ["string1", "string2"]}]
        assert set(found["NumberSetType"]["NS"]) == {"1", "34", "32", "4.5", "345", "48.4"}
        assert set(found["StringSetType"]["SS"]) == {"stringval", "stringval2", "added"}
        assert found["Fresh"] == {"NS": ["1"]}
        await run(
            host,
            "UPDATE Things SET NumberType=NumberType - 1 REMOVE ListType[1]"
            " REMOVE MapType.NewMapEntry, yes"
            " SET NumberSetType = SET_DELETE( NumberSetType, <<345>>)"
            f" WHERE {KEY}",
        )
        found = await item(host)
        assert found["NumberType"] == {"N": "100"}
        assert found["ListType"]["L"][:2] == [{"N": "1"}, {"N": "4"}]
        assert "NewMapEntry" not in found["MapType"]["M"]
        assert "yes" not in found
        assert set(found["NumberSetType"]["NS"]) == {"1", "34", "32", "4.5", "48.4"}
        gone = await run(host, f"DELETE FROM Things WHERE {KEY} RETURNING ALL OLD *")
        assert gone["Items"] == [found]
        assert await item(host) is None

    with_tables(scenario)


def test_an_insert_does_not_replace() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host, sort="S")
        insert = "INSERT INTO \"Things\" VALUE {'p': ?, 's': '1', 'v': ?}"
        await run(host, insert, {"S": "dt"}, {"N": "1"})
        again = await run(host, insert, {"S": "dt"}, {"N": "2"})
        assert again.code == "DuplicateItemException"
        assert told(again) == "Duplicate primary key exists in table"
        assert (await item(host))["v"] == {"N": "1"}

    with_tables(scenario)


def test_updates_and_deletes_judge_what_else_is_asked() -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "dt/1")
        update = "UPDATE Things SET n = 9 WHERE"
        for wrong in (
            f"{KEY} AND name = 'other'",
            "p='dt' AND s='2'",
            f"{KEY} AND nope IS NOT MISSING",
        ):
            failed = await run(host, f"{update} {wrong}")
            assert failed.code == "ConditionalCheckFailedException"
        failed = await run(
            host,
            f"DELETE FROM Things WHERE {KEY} AND name = 'other'",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        assert failed.members["Item"] == await item(host)
        assert (await item(host))["n"] == {"N": "0"}
        assert await run(host, f"{update} (s='1' AND 'dt'=p) AND (name='dt/1' OR n > 5)") == {
            "Items": []
        }
        assert (await item(host))["n"] == {"N": "9"}
        missing = await run(
            host, "DELETE FROM Things WHERE p='x' AND s='1' AND name='other' RETURNING ALL OLD *"
        )
        assert missing == {"Items": []}
        assert await run(host, f"DELETE FROM Things WHERE {KEY} AND name = 'dt/1'") == {"Items": []}
        assert await item(host) is None

    with_tables(scenario)


@pytest.mark.parametrize(
    ("change", "returning", "shown"),
    [
        ("SET n = 5", "ALL OLD", {"n": {"N": "0"}, "whole": True}),
        ("SET n = 5", "ALL NEW", {"n": {"N": "5"}, "whole": True}),
        ("SET n = 5", "MODIFIED OLD", {"n": {"N": "0"}}),
        ("SET n = 5", "MODIFIED NEW", {"n": {"N": "5"}}),
        ("SET fresh = 5", "MODIFIED OLD", None),
        ("REMOVE n", "MODIFIED NEW", None),
        ("SET d.a = 'x'", "MODIFIED NEW", {"d": {"M": {"a": {"S": "x"}}}}),
        ("SET l[2] = 'y', l[0] = 'x'", "MODIFIED NEW", {"l": {"L": [{"S": "x"}, {"S": "y"}]}}),
        ("SET l[5] = 'z'", "MODIFIED NEW", None),
        ("REMOVE l[1]", "MODIFIED OLD", {"l": {"L": [{"S": "b"}]}}),
        ("REMOVE l[1]", "MODIFIED NEW", {"l": {"L": [{"S": "c"}]}}),
    ],
)
def test_updates_return_what_is_asked(change: str, returning: str, shown: Any) -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "dt/1")
        values = {"L": [{"S": "a"}, {"S": "b"}, {"S": "c"}]}
        document = {"M": {"a": {"S": "b"}, "c": {"S": "d"}}}
        await run(host, f"UPDATE Things SET l = ?, d = ? WHERE {KEY}", values, document)
        found = await run(host, f"UPDATE Things {change} WHERE {KEY} RETURNING {returning} *")
        if shown is None:
            assert found["Items"] == []
        elif "whole" in shown:
            assert found["Items"][0]["n"] == shown["n"]
            assert found["Items"][0]["name"] == {"S": "dt/1"}
        else:
            assert found["Items"] == [shown]

    with_tables(scenario)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("p = 'a' AND s = '2'", ["a/2"]),
        ("p = 'a'", ["a/1", "a/2", "a/3"]),
        ("'a' = p AND '2' <= s", ["a/2", "a/3"]),
        ("p = 'a' AND s BETWEEN '2' AND '3'", ["a/2", "a/3"]),
        ("p = 'a' AND begins_with(s, '3')", ["a/3"]),
        ("p = 'a' AND s > '0' AND s <> '1'", ["a/2", "a/3"]),
        ("p = 'a' AND NOT s = '1'", ["a/2", "a/3"]),
        ("p = 'a' AND s IN ['1', '3', '9']", ["a/1", "a/3"]),
        ("p = 'a' AND (s < '2' OR s > '2')", ["a/1", "a/3"]),
        ("p = 'a' AND (n = 0 OR n = 2)", ["a/1", "a/3"]),
        ("p = 'a' OR p = 'b'", ["a/1", "a/2", "a/3", "b/1"]),
        ("p IN ['b', 'a'] AND s = '1'", ["b/1", "a/1"]),
        ("(p = 'a' AND n > 1) OR (p = 'b' AND n > 99)", ["a/3"]),
        ("p = 'a' AND p = 'b'", []),
        ("p = 'a' AND NOT s = '1' OR p = 'a' AND s = '2'", ["a/2", "a/3"]),
        ("p = 'a' OR p = 'a' AND s <> '1' OR p = 'b'", ["a/1", "a/2", "a/3", "b/1"]),
        ("p = 'a' AND s = '1' AND s > '2'", []),
        ("p = 'a' AND s = '1' AND name = 'a/1'", ["a/1"]),
        ("p = 'a' AND s = '1' AND name = 'x'", []),
        ("p = 'a' ORDER BY s DESC", ["a/3", "a/2", "a/1"]),
        ("p = 'a' ORDER BY s", ["a/1", "a/2", "a/3"]),
        ("p = 'a' ORDER BY p ASC", ["a/3", "a/2", "a/1"]),
        ("p IN ['a', 'b'] ORDER BY p DESC, s ASC", ["b/1", "a/1", "a/2", "a/3"]),
        ("p = 'a' AND s IN ['1', '3'] ORDER BY s DESC", ["a/3", "a/1"]),
    ],
)
def test_selects_by_key_read_in_order(where: str, expected: list[str]) -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1", "a/2", "a/3", "b/1", "c/1")
        assert await keys(host, where) == expected

    with_tables(scenario)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("n > 2", ["b/1", "c/1"]),
        ("p > 'a'", ["b/1", "c/1"]),
        ("p = 'b' OR s = '3'", ["a/3", "b/1"]),
        ("contains(name, '/2') = true OR n != 0 AND n IN (4, 5)", ["a/2", "c/1"]),
        (
            "attribute_type(name, 'S') AND size(name) = 3 AND NOT begins_with(name, 'a')",
            ["b/1", "c/1"],
        ),
        ("name IS STRING AND nope IS MISSING AND name IS NOT NULL AND s = '3'", ["a/3"]),
        ("-1 < n and n not between 1 and 3 AND name is not missing", ["a/1", "c/1"]),
    ],
)
def test_selects_without_the_partition_key_scan(where: str, expected: list[str]) -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1", "a/2", "a/3", "b/1", "c/1")
        assert sorted(await keys(host, where)) == expected

    with_tables(scenario)


def test_columns_go_by_their_last_names() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host, sort="S")
        put = "INSERT INTO Things VALUE {'p': 'dt', 's': '1', 'm': {'k': ['c', {'x': 1}]}, 'B': ?}"
        await run(host, put, {"B": b"\x00\x01"})
        found = await run(
            host,
            f'SELECT m.k[0], "m"."k"[1].x, nope, B FROM Things WHERE {KEY} AND B = ?',
            {"B": b"\x00\x01"},
        )
        assert found["Items"] == [{"k[0]": {"S": "c"}, "x": {"N": "1"}, "B": {"B": b"\x00\x01"}}]
        nothing = await run(host, f"SELECT nope FROM Things WHERE {KEY}")
        assert nothing["Items"] == [{}]

    with_tables(scenario)


def test_pages_go_on_where_they_ended() -> None:
    async def scenario(host: TableHost) -> None:
        names = [f"{p}/{n:02}" for p in "ab" for n in range(8)]
        await fill(host, *names)
        for where, limit, pages in (
            ("p = 'a'", 3, [3, 3, 2]),
            ("p = 'a' AND n > 2 AND s <> '07'", 3, [0, 3, 1]),
            ("p IN ['a', 'b']", None, [10, 6]),
            ("p IN ['a', 'b'] ORDER BY p, s", 5, [5, 5, 5, 1]),
            ("n >= 0", 7, [7, 7, 2]),
        ):
            statement = f"SELECT p, s FROM Things WHERE {where}"
            more: dict[str, Any] = {} if limit is None else {"Limit": limit}
            seen: list[str] = []
            for number, count in enumerate(pages):
                found = await run(host, statement, **more)
                assert len(found["Items"]) == count, (where, number)
                seen += [f"{i['p']['S']}/{i['s']['S']}" for i in found["Items"]]
                assert ("NextToken" in found) == (number + 1 < len(pages)), (where, number)
                more["NextToken"] = found.get("NextToken")
            assert len(dict.fromkeys(seen)) == len(seen) == sum(pages)

    with_tables(scenario)


def test_several_reads_end_a_page_at_a_megabyte() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host, sort="S")
        large = {"S": "x" * 300_000}
        for p in "abcde":
            put = {"p": {"S": p}, "s": {"S": "1"}, "large": large}
            await host.ask("PutItem", TableName="Things", Item=put)
        statement = "SELECT p FROM Things WHERE p IN ['a', 'b', 'c', 'd', 'e'] AND s = '1'"
        first = await run(host, statement)
        assert [found["p"]["S"] for found in first["Items"]] == ["a", "b", "c", "d"]
        rest = await run(host, statement, NextToken=first["NextToken"])
        assert rest["Items"] == [{"p": {"S": "e"}}]

    with_tables(scenario)


def test_a_token_is_for_its_statement_only() -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1", "a/2")
        first = await run(host, "SELECT * FROM Things WHERE p = ?", {"S": "a"}, Limit=1)
        token = first["NextToken"]
        assert first["LastEvaluatedKey"] == {"p": {"S": "a"}, "s": {"S": "1"}}
        other = await run(host, "SELECT * FROM Things WHERE p = ?", {"S": "b"}, NextToken=token)
        assert told(other) == "NextToken does not match request"
        broken = await run(host, "SELECT * FROM Things WHERE p = ?", {"S": "a"}, NextToken="zz")
        assert told(broken) == "Invalid NextToken"

    with_tables(scenario)


def test_capacity_is_the_classic_operations() -> None:
    async def scenario(host: TableHost) -> None:
        await fill(host, "a/1", "b/1")
        for statement, strong, units in (
            ("SELECT * FROM Things WHERE p = 'a' AND s = '1'", False, 0.5),
            ("SELECT * FROM Things WHERE p IN ['a', 'b']", True, 2.0),
            ("UPDATE Things SET n = 5 WHERE p = 'a' AND s = '1'", False, 1.0),
        ):
            found = await run(
                host, statement, ConsistentRead=strong, ReturnConsumedCapacity="TOTAL"
            )
            assert found["ConsumedCapacity"] == {"TableName": "Things", "CapacityUnits": units}

    with_tables(scenario)
