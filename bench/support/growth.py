"""How a region bears growth: many items in a partition, many tables, and the memory of both.

Puts and gets are of random items, queries of 100 items somewhere in the partition. Memory is that
of the region's process besides the mapped file, which is the page cache's.
"""

import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.itemrequests import PAIRS, QUERY_ITEMS, REGION, client, item, signed
from support.load import prepare, sample
from support.processes import region_pid, resident_mb

SIZE = 300
ASKED = 1000
BATCH = 25


def _key(number: int) -> dict[str, dict[str, str]]:
    return {"id": {"S": "grown"}, "place_no": {"N": str(number)}}


class Filler:
    """Puts many items over one connection; signed once, for nobody looks at signatures."""

    def __init__(self, port: int) -> None:
        (request,) = signed(port, "BatchWriteItem", iter([{}]))
        self._head = request.partition(b"\r\nContent-Length:")[0]
        self._socket = socket.create_connection(("127.0.0.1", port))

    def put(self, first: int, after: int) -> None:
        """Put the items of such numbers."""
        for number in range(first, after, BATCH):
            numbers = range(number, min(number + BATCH, after))
            puts = [{"PutRequest": {"Item": item(SIZE, **_key(n))}} for n in numbers]
            body = json.dumps({"RequestItems": {PAIRS: puts}}).encode()
            head = self._head + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
            self._socket.sendall(head + body)
            answer = self._socket.recv(65536)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"a batch failed: {answer[:500]!r}")


def partition(port: int, directory: Path, *, quick: bool) -> Iterator[tuple[str, float, str]]:
    """One partition grows; what is asked of it goes on."""
    sizes = (1_000,) if quick else (1_000, 10_000, 100_000, 1_000_000)
    filler = Filler(port)
    pid = region_pid(port, REGION)
    chance = random.Random(7)  # noqa: S311 - repeatable on purpose
    there = 0
    for size in sizes:
        filler.put(there, size)
        there = size
        for measure, requests in _asked(port, size, chance).items():
            file = prepare(directory / f"grown-{measure}", requests)
            rate = sample(port, file, 16, 1 if quick else 2).rate
            yield f"partition_{size}_{measure}", rate, "req/s"
        yield f"partition_{size}_memory", resident_mb(pid, "RssAnon"), "MB"


def _asked(port: int, size: int, chance: random.Random) -> dict[str, list[bytes]]:
    numbers = [chance.randrange(size) for _ in range(ASKED)]
    puts: Iterator[dict[str, Any]] = (
        {"TableName": PAIRS, "Item": item(SIZE, **_key(n))} for n in numbers
    )
    gets: Iterator[dict[str, Any]] = ({"TableName": PAIRS, "Key": _key(n)} for n in numbers)
    queries: Iterator[dict[str, Any]] = (
        {
            "TableName": PAIRS,
            "KeyConditionExpression": "id = :id AND place_no >= :from",
            "ExpressionAttributeValues": {
                ":id": {"S": "grown"},
                ":from": {"N": str(min(n, size - QUERY_ITEMS))},
            },
            "Limit": QUERY_ITEMS,
        }
        for n in numbers[:100]
    )
    return {
        "put": signed(port, "PutItem", puts),
        "get": signed(port, "GetItem", gets),
        "query": signed(port, "Query", queries),
    }


def tables(port: int, directory: Path, *, quick: bool) -> Iterator[tuple[str, float, str]]:
    """More and more tables; requests go to all of them."""
    asked = client(port)
    there = 0
    for count in (10,) if quick else (10, 100, 1000):
        for number in range(there, count):
            asked.create_table(
                TableName=f"Grown{number}",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
        there = count
        names = [f"Grown{number % count}" for number in range(ASKED)]
        keys = [{"id": {"S": f"item-{number}"}} for number in range(ASKED)]
        puts: Iterator[dict[str, Any]] = (
            {"TableName": name, "Item": item(SIZE, **key)}
            for name, key in zip(names, keys, strict=True)
        )
        gets: Iterator[dict[str, Any]] = (
            {"TableName": name, "Key": key} for name, key in zip(names, keys, strict=True)
        )
        for operation, wanted in (("PutItem", puts), ("GetItem", gets)):
            file = prepare(directory / f"tables-{operation}", signed(port, operation, wanted))
            rate = sample(port, file, 16, 1 if quick else 2).rate
            yield f"tables_{count}_{operation[:3].lower()}", rate, "req/s"
