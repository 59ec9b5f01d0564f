"""Every record that is written in one region is read in another half a second later.

`--records` (by default a million) new items of about 300 bytes go to us-west-2 as fast as it takes
them, over 16 connections; each is read in eu-central-1 500 ms after its write was acknowledged,
over 16 others, while 4 more update and read a hundred hot items in both regions. Counted are the
reads that found the record, those that did not, and how late reads were made. `--quick`: 20,000.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from support.harness import Server, answers, free_port, parsing
from support.itemrequests import PEER, REGION, item, replicate

TABLE = "Million"
WRITERS, READERS, BUSY, HOT = 16, 16, 4, 100
AFTER_S = 0.5
SIGNATURE = "0" * 64


def request(port: int, region: str, operation: str, body: dict[str, Any]) -> bytes:
    """A request with a signature that nobody verifies."""
    data = json.dumps(body).encode()
    credential = f"Credential=test/20260101/{region}/dynamodb/aws4_request"
    head = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Amz-Target: DynamoDB_20120810.{operation}"
        "\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Date: 20260101T000000Z\r\n"
        f"Authorization: AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, "
        f"Signature={SIGNATURE}\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        self._parts = b""
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parts += data
        head, found, rest = self._parts.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(rest) >= length and self._answer is not None:
            self._parts = b""
            if head.startswith(b"HTTP/1.1 200"):
                self._answer.set_result(rest)
            else:
                self._answer.set_exception(RuntimeError(rest.decode()))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the connection was closed"))

    async def ask(self, data: bytes) -> bytes:
        """Send a request; return its answer's body."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return await self._answer


class Race:
    """The records under way, and what became of them."""

    def __init__(self, port: int, records: int) -> None:
        self.port, self.records = port, records
        self.due: deque[tuple[float, int]] = deque()
        self.next = self.written = self.found = self.busy = 0
        self.missing: list[int] = []
        self.late: list[float] = []

    async def connect(self) -> Connection:
        """A new connection."""
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Connection, "127.0.0.1", self.port))[1]

    async def write(self) -> None:
        """Write one record after another."""
        connection = await self.connect()
        while self.next < self.records:
            number, self.next = self.next, self.next + 1
            body = {"TableName": TABLE, "Item": item(300, id={"S": f"r{number:07d}"})}
            await connection.ask(request(self.port, REGION, "PutItem", body))
            self.written += 1
            self.due.append((time.monotonic() + AFTER_S, number))

    async def read(self) -> None:
        """Read each record when it is due."""
        connection = await self.connect()
        while self.found + len(self.missing) < self.records:
            if not self.due:
                if self.written == self.records:
                    return
                await asyncio.sleep(0.01)
                continue
            due, number = self.due.popleft()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.late.append(time.monotonic() - due)
            key = {"id": {"S": f"r{number:07d}"}}
            data = request(self.port, PEER, "GetItem", {"TableName": TABLE, "Key": key})
            if key["id"]["S"].encode() in await connection.ask(data):
                self.found += 1
            else:
                self.missing.append(number)

    async def work(self, region: str) -> None:
        """The load beside it."""
        connection = await self.connect()
        while self.written < self.records:
            self.busy += 1
            key = {"id": {"S": f"hot-{region}-{self.busy % HOT}"}}
            update = {
                "UpdateExpression": "ADD visits :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
            body = {"TableName": TABLE, "Key": key}
            await connection.ask(request(self.port, region, "UpdateItem", {**body, **update}))
            await connection.ask(request(self.port, region, "GetItem", body))
            await asyncio.sleep(0.02)

    async def run(self) -> None:
        """Everything at once."""
        busy = [self.work((REGION, PEER)[n % 2]) for n in range(BUSY)]
        writers = [self.write() for _ in range(WRITERS)]
        readers = [self.read() for _ in range(READERS)]
        await asyncio.gather(*writers, *readers, *busy)


def main() -> None:
    """Run it, print, and fail where a record was missing."""
    parser = parsing(__doc__ or "")
    parser.add_argument("--records", type=int, default=1_000_000)
    chosen = parser.parse_args()
    race = Race(free_port(), 20_000 if chosen.quick else chosen.records)
    with tempfile.TemporaryDirectory() as directory:
        command = [
            *(sys.executable, "-m", "antipodes", "--state", f"{directory}/state", "up"),
            *("--regions", f"{REGION},{PEER}", "--port", str(race.port)),
        ]
        server = Server("antipodes", command, race.port, answers)
        try:
            replicate(race.port, TABLE)
            started = time.monotonic()
            asyncio.run(race.run())
            seconds = time.monotonic() - started
        finally:
            server.stop()
    late = sorted(race.late)
    figures = {
        "records": race.records,
        "found": race.found,
        "missing": len(race.missing),
        "records_per_s": round(race.records / seconds),
        "read_late_p99_ms": round(late[int(len(late) * 0.99)] * 1e3, 2),
        "other_requests": 2 * race.busy,
    }
    print(json.dumps(figures, indent=2))
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(figures), encoding="utf-8")
    if race.missing:
        sys.exit(f"not found half a second later: {race.missing[:10]}")


if __name__ == "__main__":
    main()
