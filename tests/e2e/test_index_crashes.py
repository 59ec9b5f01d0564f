"""A region's store, really killed with `kill -9`: counts and indexes agree with the rows."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from antipodes.regional.dynamodb import rows
from antipodes.regional.dynamodb.model import Index, Table
from antipodes.runtime.disks import DiskState
from antipodes.runtime.lmdbstore import LmdbStore
from tests.regional.dynamodb.indexchecks import check_agreement

KILLS = 4
ACKNOWLEDGED = 40  # lines read before the kill
TABLE = Table(
    account="000000000000",
    region="us-west-2",
    name="Things",
    identity=b"table-id",
    created=0.0,
    active_at=0.0,
    key_names=("p", "s"),
    key_types=("S", "N"),
    indexes=(
        Index("Local", "LSI", b"local-id", ("p", "v"), ("S", "S"), "KEYS_ONLY"),
        Index("ByValue", "GSI", b"globalid", ("v", "s"), ("S", "N")),
    ),
)

WRITE = """
import asyncio, itertools, random, sys, time
from pathlib import Path
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.replication.changelog import ChangeLog
from antipodes.replication.versions import HybridClock
from antipodes.runtime.disks import DiskState
from antipodes.runtime.lmdbstore import LmdbStore
from tests.e2e.test_index_crashes import TABLE

async def main():
    first = int(sys.argv[2])
    store = LmdbStore(Path(sys.argv[1]), asyncio.get_running_loop(), state=DiskState())
    clock = HybridClock(time.time, "us-west-2", sometimes=lambda name: None)
    items = TableStore(store, ChangeLog(store), clock)
    chance = random.Random(first)
    for number in itertools.count(first):
        for _ in range(20):
            key = {"p": {"S": chance.choice("abc")}, "s": {"N": str(chance.randrange(50))}}
            row_key = items.row_key(TABLE, key)
            if chance.random() < 0.3:
                items.delete(TABLE, row_key, key)
            else:
                items.put(TABLE, row_key, {**key, "v": {"S": chance.choice("xyz")}})
        mark = {"p": {"S": "mark"}, "s": {"N": str(number)}}
        items.put(TABLE, items.row_key(TABLE, mark), mark)
        await store.committed()
        print(number, flush=True)

asyncio.run(main())
"""


def _check(directory: Path, acknowledged: int) -> int:
    """Check what is there; return how many marks there are."""

    async def check() -> int:
        store = LmdbStore(directory, asyncio.get_running_loop(), state=DiskState())
        check_agreement(store, TABLE)
        marks = rows.partition_prefix(TABLE.identity, b"mark")
        there = len(store.scan(marks, rows.after(marks)))
        store.close()
        return there

    there = asyncio.run(check())
    assert there >= acknowledged
    return there


@pytest.mark.slow
def test_counts_and_indexes_outlive_kills(tmp_path: Path) -> None:
    """Slow, for it starts processes in order to kill them."""
    done = 0
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE, str(tmp_path), str(done)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        for _ in range(ACKNOWLEDGED):
            done = int(writer.stdout.readline()) + 1
        writer.kill()
        writer.wait()
        writer.stdout.close()
        done = _check(tmp_path, done)
    assert done >= KILLS * ACKNOWLEDGED
