"""A disk that is full, slow or damaged: nothing is half written, and who waits is told."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from antipodes.runtime.contract import DiskDamaged, DiskFull, Runtime, Store
from antipodes.runtime.disks import DiskState
from antipodes.runtime.lmdbstore import LmdbStore
from antipodes.runtime.main import run_main
from antipodes.runtime.real import RealRuntime
from antipodes.runtime.virtual import Simulation, VirtualRuntime
from tests.runtime.worlds import BODIES, FakeLinks


@pytest.fixture(params=list(BODIES))
def run(request: pytest.FixtureRequest) -> Any:
    return BODIES[request.param]


def set_disk(runtime: Runtime, **well: Any) -> None:
    """What a fault does, in the terms of either body."""
    if isinstance(runtime, VirtualRuntime):
        runtime._simulation.set_disk(runtime.place, **well)
    else:
        assert isinstance(runtime, RealRuntime)
        runtime.set_disk(**well)


def contents(store: Store) -> dict[bytes, bytes]:
    return dict(store.scan(b"k", b"l"))


def test_a_full_disk_takes_nothing_and_goes_on_being_read(run: Any) -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        store = near.open_store("main")
        store.put(b"k1", b"before")
        store.append(b"entry")
        await store.committed()
        set_disk(near, full=True)
        writes: list[Callable[[], object]] = [
            lambda: store.put(b"k2", b"x"),
            lambda: store.put(b"k1", b"x"),
            lambda: store.delete(b"k1"),
            lambda: store.append(b"x"),
            lambda: store.trim_log(1),
        ]
        for write in writes:
            with pytest.raises(DiskFull):
                write()
            assert not store.dirty
            await store.committed()
        assert contents(store) == {b"k1": b"before"}
        assert store.read_log(0, limit=9) == [(1, b"entry")]
        assert (store.head, store.failures) == (1, 0)
        set_disk(near, full=False)
        store.put(b"k2", b"after")
        assert store.append(b"next") == 2
        await store.committed()
        store.close()
        again = near.open_store("main")
        assert contents(again) == {b"k1": b"before", b"k2": b"after"}
        assert again.read_log(0, limit=9) == [(1, b"entry"), (2, b"next")]
        again.close()

    run(scenario)


def test_a_group_that_cannot_be_kept_is_rolled_back_whole_and_all_who_wait_are_told(
    run: Any,
) -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        store = near.open_store("main")
        store.put(b"k1", b"before")
        store.put(b"k2", b"before")
        store.append(b"entry")
        await store.committed()
        heads: list[int] = []
        told: list[str] = []
        store.on_append(heads.append)
        unsubscribe = store.on_rollback(lambda: told.append("rolled back"))
        store.put(b"k1", b"changed")
        store.put(b"k3", b"new")
        store.delete(b"k2")
        assert store.append(b"never") == 2
        store.trim_log(1)
        store.on_commit(lambda: told.append("durable"), lambda: told.append("failed"))
        store.on_commit(lambda: told.append("durable"))
        set_disk(near, full=True)
        with pytest.raises(DiskFull):
            await store.committed()
        assert told == ["rolled back", "failed"]
        assert heads == []
        assert store.failures == 1
        assert not store.dirty
        assert contents(store) == {b"k1": b"before", b"k2": b"before"}
        assert (store.head, store.read_log(0, limit=9)) == (1, [(1, b"entry")])
        set_disk(near, full=False)
        unsubscribe()
        assert store.append(b"second") == 2, "a number was lost"
        await store.committed()
        assert heads == [2]
        assert told == ["rolled back", "failed"]
        store.close()

    run(scenario)


def test_what_is_written_at_the_end_of_a_group_shares_its_fate(run: Any) -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        store = near.open_store("main")
        told: list[str] = []

        def write() -> None:
            told.append("ended")
            store.put(b"k2", b"last of %b" % b"".join(contents(store)))

        store.put(b"k1", b"x")
        store.before_commit(write)
        store.put(b"k3", b"x")
        await store.committed()
        await store.committed()
        assert told == ["ended"]
        store.before_commit(write)  # opens a group
        await store.committed()
        assert told == ["ended"] * 2
        kept = {b"k1": b"x", b"k2": b"last of k1k2k3", b"k3": b"x"}
        assert contents(store) == kept
        store.put(b"k1", b"never")
        store.before_commit(write)
        set_disk(near, full=True)
        with pytest.raises(DiskFull):
            await store.committed()
        set_disk(near, full=False)
        store.put(b"k3", b"y")
        store.close()
        again = near.open_store("main")
        assert contents(again) == {**kept, b"k3": b"y"}
        assert told == ["ended"] * 2
        again.close()

    run(scenario)


def test_a_slow_disk_is_waited_for(run: Any) -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        store = near.open_store("main")
        set_disk(near, slow_s=0.15)
        started = near.now()
        store.put(b"k1", b"x")
        await near.sleep(0.05)
        assert store.dirty
        assert store.get(b"k1") == b"x"
        store.put(b"k2", b"x")  # takes the same commit
        await store.committed()
        assert near.now() - started >= 0.149
        assert near.now() - started < 0.29
        set_disk(near, slow_s=0)
        store.close()

    run(scenario)


def test_a_close_on_a_full_disk_loses_the_open_group_and_nothing_else(run: Any) -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        store = near.open_store("main")
        store.put(b"k1", b"before")
        await store.committed()
        store.put(b"k2", b"never")
        set_disk(near, full=True)
        store.close()
        again = near.open_store("main")
        assert contents(again) == {b"k1": b"before"}
        again.close()

    run(scenario)


def test_what_is_no_slowness_is_refused(run: Any) -> None:
    async def scenario(near: Runtime, _: Runtime) -> None:
        await near.sleep(0)
        for slow_s in (-1.0, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="slow_s"):
                set_disk(near, slow_s=slow_s)

    run(scenario)


# The real body's own.


def in_directory(scenario: Callable[[Path], Any]) -> None:
    with tempfile.TemporaryDirectory(prefix="ap-") as directory:
        run_main(scenario(Path(directory)))


def test_a_full_map_rolls_the_group_back_and_space_can_be_made_again() -> None:
    async def scenario(directory: Path) -> None:
        loop = asyncio.get_running_loop()
        store = LmdbStore(directory, loop, state=DiskState(), map_bytes=256 << 10)
        written = 0
        failed: list[int] = []

        async def write() -> None:
            nonlocal written
            while True:
                store.put(b"k%06d" % written, b"x" * 1000)
                store.append(b"y" * 1000)
                store.on_commit(lambda: None, lambda: failed.append(1))
                await store.committed()
                written += 1

        def write_at_once() -> None:
            for number in range(1000):
                store.put(b"l%06d" % number, b"x" * 1000)

        with pytest.raises(DiskFull):
            await write()
        assert written > 10
        assert not store.dirty
        assert store.failures == 1
        assert len(contents(store)) == written == store.head
        with pytest.raises(DiskFull):
            store.put(b"k", b"x" * 200_000)
        assert len(contents(store)) == written
        # The whole turn goes, whoever wrote in it.
        store.delete(b"k%06d" % (written - 1))
        store.on_commit(lambda: None, lambda: failed.append(2))
        with pytest.raises(DiskFull):
            write_at_once()
        assert failed[-1] == 2
        assert len(contents(store)) == written
        for number in range(written // 2):
            store.delete(b"k%06d" % number)
            await store.committed()
        store.put(b"k", b"x" * 1000)
        await store.committed()
        store.close()

    in_directory(scenario)


FILL = """
import asyncio, sys
from pathlib import Path
from antipodes.runtime.contract import DiskFull
from antipodes.runtime.disks import DiskState
from antipodes.runtime.lmdbstore import LmdbStore

async def main():
    store = LmdbStore(Path(sys.argv[1]) / "main", asyncio.get_running_loop(), state=DiskState())
    written = 0
    try:
        while True:
            store.put(b"k%06d" % written, b"x" * 1000)
            store.append(b"y")
            await store.committed()
            written += 1
    except DiskFull:
        assert written > 10
    assert len(store.scan(b"k", b"l")) == store.head == written
    for number in range(written):
        store.delete(b"k%06d" % number)
        await store.committed()
    store.put(b"k", b"x" * 1000)
    await store.committed()
    store.close()
    again = LmdbStore(Path(sys.argv[1]) / "main", asyncio.get_running_loop(), state=DiskState())
    assert [key for key, _ in again.scan(b"k", b"l")] == [b"k"]
    again.close()
    print("done")

asyncio.run(main())
"""


def test_a_file_system_that_is_really_full_is_told_from_a_broken_one(tmp_path: Path) -> None:
    mounted = f"mount -t tmpfs -o size=600k tmpfs {tmp_path}"
    namespace = ["unshare", "-rm", "sh", "-c"]
    try:
        subprocess.run([*namespace, mounted], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine lets nobody mount a small file system")
    ended = subprocess.run(
        [*namespace, f'{mounted} && exec "{sys.executable}" -c "$1" "{tmp_path}"', "-", FILL],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout == "done\n", ended.stderr


def test_a_store_of_rubbish_refuses_to_open_and_says_what_to_do() -> None:
    async def scenario(directory: Path) -> None:
        loop = asyncio.get_running_loop()
        store = LmdbStore(directory, loop, state=DiskState())
        store.put(b"k", b"x")
        await store.committed()
        store.close()
        path = directory / "data.mdb"
        path.write_bytes(b"\x55" * path.stat().st_size)
        with pytest.raises(DiskDamaged, match="antipodes reset"):
            LmdbStore(directory, loop, state=DiskState())

    in_directory(scenario)


def test_a_real_disk_stays_full_through_a_restart() -> None:
    async def scenario(directory: Path) -> None:
        async def start() -> RealRuntime:
            return await RealRuntime.start(
                host="a",
                links=FakeLinks(),
                run_directory=directory,
                state_directory=directory / "state",
            )

        first = await start()
        first.set_disk(full=True)
        await first.close()
        second = await start()
        store = second.open_store("main")
        with pytest.raises(DiskFull):
            store.put(b"k", b"x")
        second.set_disk(full=False)
        await second.close()
        store.close()
        third = await start()
        store = third.open_store("main")
        store.put(b"k", b"x")
        await store.committed()
        store.close()
        await third.close()

    in_directory(scenario)


# The virtual body's own.


def test_a_torn_disk_refuses_to_open_until_it_is_replaced() -> None:
    simulation = Simulation(FakeLinks(), seed=3)
    simulation.set_disk("a", torn=True)
    store = simulation.boot("a").open_store("main")

    async def write() -> None:
        for number in range(50):
            store.put(b"k%d" % number, b"x")
            await store.committed()

    async def main() -> None:
        await simulation.hosts["a"].crew.spawn(write(), "write")

    simulation.run(main())
    simulation.cut_power("a")
    host = simulation.boot("a")
    with pytest.raises(DiskDamaged, match="torn"):
        host.open_store("main")
    simulation.disk("a/main").wipe()
    assert contents(host.open_store("main")) == {}
    simulation.close()
