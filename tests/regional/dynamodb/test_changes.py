"""The change point: who watches a table's items hears of every change of them, and of no other."""

from typing import Any

import msgspec
import orjson

from antipodes.regional.dynamodb.tables import Change
from antipodes.replication.versions import Version
from tests.regional.dynamodb.tablehost import ACCOUNT, TableHost, create, with_tables


def _shown(change: Change) -> tuple[Any, Any, str]:
    old, new = ((None if body is None else orjson.loads(body)) for body in change[3:5])
    return old, new, change.by


def test_changes_are_told_once_and_in_order() -> None:
    async def scenario(host: TableHost) -> list[tuple[Any, Any, str]]:
        await create(host)
        await create(host, "Others")
        table = host.dynamodb.usable(ACCOUNT, "Things")
        host.dynamodb.put_record(msgspec.structs.replace(table, stream="NEW_AND_OLD_IMAGES"))
        heard: list[Change] = []
        items = host.dynamodb.items
        items.watchers.append(heard.append)
        one = {"p": {"S": "1"}, "a": {"N": "1"}, "b": {"SS": ["x", "y"]}}
        await host.ask("PutItem", TableName="Things", Item=one)
        await host.ask("PutItem", TableName="Others", Item=one)
        same = {"b": {"SS": ["y", "x"]}, "a": {"N": "1.0"}, "p": {"S": "1"}}
        await host.ask("PutItem", TableName="Things", Item=same)
        host.post("PutItem", b'{"TableName":"Things","Item":{"p":{"S":"1"}}}', fast=True)
        await host.ask("DeleteItem", TableName="Things", Key={"p": {"S": "1"}})
        await host.ask("DeleteItem", TableName="Things", Key={"p": {"S": "1"}})
        table = host.dynamodb.usable(ACCOUNT, "Things")
        key = {"p": {"S": "2"}}
        items.put(table, items.row_key(table, key), key)
        items.delete(table, items.row_key(table, key), key, by="ttl")
        elsewhere = Version(1 << 62, "eu-central-1")
        items.apply_replicated(table, orjson.dumps(key), elsewhere, orjson.dumps(key))
        items.apply_replicated(table, orjson.dumps(key), elsewhere, orjson.dumps(key))
        return [_shown(change) for change in heard]

    one = {"p": {"S": "1"}, "a": {"N": "1"}, "b": {"SS": ["x", "y"]}}
    two = {"p": {"S": "2"}}
    assert with_tables(scenario) == [
        (None, one, ""),
        ({"b": {"SS": ["y", "x"]}, "a": {"N": "1"}, "p": {"S": "1"}}, {"p": {"S": "1"}}, ""),
        ({"p": {"S": "1"}}, None, ""),
        (None, two, ""),
        (two, None, "ttl"),
        (None, two, "eu-central-1"),
    ]
