"""A follower gets every acknowledged entry, once, in order: through cuts, kills and returns."""

from copy import deepcopy

import pytest

from antipodes.replication.changelog import ChangeLog, Entry
from antipodes.replication.follower import Behind, Follower
from antipodes.replication.logserver import LogServer, Refused
from antipodes.runtime.contract import (
    Address,
    Gone,
    PlainReceiver,
    ReceiverFactory,
    Runtime,
    Stream,
)
from tests.replication.worlds import Source, Stage, play
from tests.runtime.worlds import BODIES


@pytest.mark.parametrize("body", BODIES)
def test_entries_are_pushed_and_positions_acknowledged(body: str) -> None:
    async def scenario(near: Runtime, far: Runtime) -> tuple[list[int], int, int, object]:
        source = Source(near)
        await source.server.start()
        source.server.serve("double", lambda number: number * 2)
        for number in range(300):
            source.changes.append("t/n", number)
        store = far.open_store("main")
        got: list[int] = []
        done = far.future()

        def apply(entries: list[Entry]) -> None:
            got.extend(entry.payload for entry in entries)
            if len(got) == 301:
                store.on_commit(lambda: done.set_result(None))

        follower = Follower(far, store, source="a", name="x", kinds=("t/",), apply=apply)
        task = far.spawn(follower.run(), "follow")
        while not follower.connected:
            await far.sleep(0.01)
        source.changes.append("other", "not for us")
        source.changes.append("t/n", 300)
        await done
        answer = await follower.query("double", 21)
        while source.changes.followers["b/x"].position < 302:
            await near.sleep(0.01)
        task.cancel()
        source.store.close()
        store.close()
        return got, follower.position, source.changes.followers["b/x"].position, answer

    got, position, acknowledged, answer = BODIES[body](scenario)
    assert got == list(range(301))
    assert position == acknowledged == 302
    assert answer == 42


def test_entries_for_others_are_no_silence() -> None:
    """A log that is written to all the time, and never for this follower, still beats."""

    async def scenario(stage: Stage) -> None:
        source = await stage.source()
        copy = stage.copy()
        await source.append("t/n", 0)
        await stage.wait_until(lambda: copy.applied == ["0"])
        for number in range(200):
            await source.append("others", number)
            await stage.outside.sleep(0.3)
        assert copy.follower.connected
        assert "replication.silence" not in stage.simulation.journal.markers()
        await source.append("t/n", 1)
        await stage.wait_until(lambda: copy.applied == ["0", "1"], within_s=1)

    play(scenario)


def test_a_follower_with_nothing_new_to_say_is_not_taken_for_silent() -> None:
    async def scenario(stage: Stage) -> None:
        source = await stage.source()
        copy = stage.copy()
        await source.append("t/n", 0)
        await stage.wait_until(lambda: copy.applied == ["0"])
        await stage.outside.sleep(60)
        assert copy.follower.connected
        assert "replication.silent-follower-dropped" not in stage.simulation.journal.markers()

    play(scenario)


def test_what_is_written_during_a_cut_arrives_after_it() -> None:
    async def scenario(stage: Stage) -> None:
        source = await stage.source()
        copy = stage.copy()
        await source.append("t/n", 0)
        await stage.wait_until(lambda: copy.applied == ["0"])
        stage.cut()
        for number in range(1, 601):
            await source.append("t/n", number)
            await stage.outside.sleep(0.1)
        assert copy.applied == ["0"]
        assert not copy.follower.connected
        assert copy.follower.lag_s > 55
        stage.heal()
        await stage.wait_until(lambda: len(copy.applied) == 601, within_s=5)
        assert copy.applied == [str(n) for n in range(601)]
        assert copy.most_times == 1
        await stage.wait_until(lambda: copy.follower.lag_s == 0, within_s=2)

    play(scenario)


@pytest.mark.parametrize("seed", range(6))
def test_kills_of_either_side_lose_nothing_and_repeat_nothing(seed: int) -> None:
    async def scenario(stage: Stage) -> None:
        chance = stage.outside.chance("kills")
        source, copy = await stage.source(), stage.copy()
        acknowledged: dict[int, str] = {}
        for number in range(400):
            sequence = await source.append("t/n", number)
            acknowledged[sequence] = str(number)
            await stage.outside.sleep(chance.uniform(0, 0.02))
            dice = chance.random()
            if dice < 0.02:
                stage.simulation.kill("a")
                await stage.outside.sleep(chance.uniform(0, 3))
                source = await stage.source()
            elif dice < 0.04:
                stage.simulation.kill("b")
                await stage.outside.sleep(chance.uniform(0, 3))
                copy = stage.copy()
            elif dice < 0.05:
                stage.cut()
                await stage.outside.sleep(chance.uniform(0, 12))
                stage.heal()
        await stage.wait_until(lambda: len(copy.applied) == 400)
        assert copy.applied == list(acknowledged.values())
        assert copy.most_times == 1
        assert copy.follower.position == source.changes.head

    play(scenario, seed)


def test_a_restarted_source_remembers_its_followers_and_its_identity() -> None:
    async def scenario(stage: Stage) -> None:
        source, copy = await stage.source(), stage.copy()
        await source.append("t/n", 0)
        await stage.wait_until(lambda: copy.follower.position == 1)
        identity, position = source.changes.identity(), copy.follower.position
        stage.simulation.kill("a")
        await stage.outside.sleep(1)
        source = await stage.source()
        assert source.changes.followers["b/copy"].position in {0, 1}
        assert source.changes.identity() != identity
        assert source.changes.goes_on(identity, position)
        assert not source.changes.goes_on(identity, position + 1)
        assert not source.changes.goes_on("another", 0)
        await source.append("t/n", 1)
        await stage.wait_until(lambda: copy.applied == ["0", "1"])

    play(scenario)


def test_silence_is_noticed_and_the_lag_grows_with_it() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.source()
        copy = stage.copy()
        await stage.wait_until(lambda: copy.follower.connected)
        await stage.outside.sleep(30)
        assert copy.follower.connected, "beats were not heard"
        stage.cut()
        await stage.outside.sleep(4)
        assert copy.follower.connected
        assert copy.follower.lag_s > 3
        await stage.outside.sleep(2)
        assert not copy.follower.connected

    play(scenario)


def test_entries_of_other_kinds_move_the_position_and_nothing_else() -> None:
    async def scenario(stage: Stage) -> None:
        source, copy = await stage.source(), stage.copy()
        await stage.wait_until(lambda: copy.follower.connected)
        for number in range(1000):
            source.changes.append("other/n", number)
        await stage.wait_until(lambda: copy.follower.position == 1000, within_s=3)
        assert copy.applied == []

    play(scenario)


def test_a_large_backlog_crosses_in_parts_of_a_bounded_size() -> None:
    async def scenario(stage: Stage) -> None:
        source = await stage.source()
        for _ in range(120):
            await source.append("t/n", "x" * 400_000)
        copy = stage.copy()
        await stage.wait_until(lambda: len(copy.applied) == 120, within_s=20)
        assert copy.most_times == 1

    play(scenario)


def test_a_follower_that_is_behind_is_told_so_and_goes_on_from_the_head() -> None:
    async def scenario(stage: Stage) -> None:
        source = await stage.source()
        for number in range(10):
            await source.append("t/n", number)
        source.store.trim_log(7)
        await source.store.committed()
        told: list[Behind] = []
        copy = stage.copy(behind=told.append)
        await stage.wait_until(lambda: copy.follower.connected)
        assert told == [Behind("a", 0, 8, 10)]
        await source.append("t/n", 10)
        await stage.wait_until(lambda: copy.applied == ["10"])

    play(scenario)


def test_what_is_trimmed_while_a_follower_takes_no_more_is_not_passed_over_in_silence() -> None:
    async def scenario(stage: Stage) -> None:
        source = await stage.source()
        told: list[Behind] = []
        copy = stage.copy(behind=told.append)
        await stage.wait_until(lambda: copy.follower.connected)
        stage.simulation.pause("b")
        for _ in range(60):  # more than what fits into a connection
            await source.append("t/n", "x" * 400_000)
        source.store.trim_log(59)
        await source.store.committed()
        stage.simulation.resume("b")
        await stage.wait_until(lambda: bool(told))
        [behind] = told
        assert (behind.source, len(copy.applied)) == ("a", behind.position)

    play(scenario)


def test_without_a_handler_it_goes_on_with_what_is_left() -> None:
    async def scenario(stage: Stage) -> None:
        source = await stage.source()
        for number in range(10):
            await source.append("t/n", number)
        source.store.trim_log(7)
        await source.store.committed()
        copy = stage.copy()
        await stage.wait_until(lambda: copy.follower.position == 10)
        assert copy.applied == ["7", "8", "9"]

    play(scenario)


def test_a_source_whose_disk_was_emptied_is_not_taken_for_the_old_one() -> None:
    async def scenario(stage: Stage) -> None:
        source = await stage.source()
        told: list[Behind] = []
        copy = stage.copy(behind=told.append)
        for number in range(3):
            await source.append("t/n", number)
        await stage.wait_until(lambda: copy.follower.position == 3)
        stage.simulation.kill("a")
        stage.simulation.disk("a/main").wipe()
        source = await stage.source()
        for number in range(5):
            await source.append("t/n", f"new {number}")
        await stage.wait_until(lambda: bool(told))
        await source.append("t/n", "later")
        await stage.wait_until(lambda: copy.applied[-1] == "later")
        assert told == [Behind("a", 3, 1, told[0].head)]

    play(scenario)


def test_a_source_that_forgot_its_newest_entries_does_not_use_their_numbers_unnoticed() -> None:
    async def scenario(stage: Stage) -> None:
        source = await stage.source()
        told: list[Behind] = []
        noticed: list[tuple[str, str]] = []
        copy = stage.copy(behind=told.append)
        for number in range(3):
            await source.append("t/n", number)
        await stage.outside.sleep(1)
        disk = stage.simulation.disk("a/main")
        earlier = deepcopy(disk.__dict__)
        for number in range(3, 8):
            await source.append("t/n", number)
        await stage.wait_until(lambda: copy.follower.position == 8)
        stage.cut()
        stage.simulation.kill("a")
        disk.__dict__.update(earlier)  # as a loss of power may leave it
        source = await stage.source()
        source.changes.on_rewound.append(lambda *who: noticed.append(who))
        for number in range(10):
            await source.append("t/n", f"again {number}")
        stage.heal()
        await stage.wait_until(lambda: bool(told))
        assert told == [Behind("a", 8, 1, 13)]
        assert noticed == [("b", "copy")]
        await source.append("t/n", "later")
        await stage.wait_until(lambda: copy.applied[-1] == "later")

    play(scenario)


def test_queries_are_refused_by_name_and_fail_when_the_source_is_gone() -> None:
    async def scenario(stage: Stage) -> None:
        source, copy = await stage.source(), stage.copy()

        def refuse(payload: object) -> object:
            raise Refused(f"not {payload}")

        source.server.serve("refuse", refuse)
        with pytest.raises(Gone):
            await copy.follower.query("refuse", 1)
        await stage.wait_until(lambda: copy.follower.connected)
        with pytest.raises(Refused, match="not 1"):
            await copy.follower.query("refuse", 1)
        with pytest.raises(Refused, match="no query nonsense"):
            await copy.follower.query("nonsense", None)
        asked = stage.outside.spawn(_outcome(copy.follower), "ask")
        stage.simulation.kill("a")
        assert isinstance(await asked, Gone)

    play(scenario)


async def _outcome(follower: Follower) -> BaseException | None:
    try:
        await follower.query("refuse", 1)
    except (Gone, Refused) as error:
        return error
    return None


def test_a_peer_that_talks_nonsense_is_hung_up_on() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.source()
        ended: list[bytes] = []

        class Watcher(PlainReceiver):
            def __init__(self, said: bytes) -> None:
                self.said = said

            def connection_made(self, stream: Stream) -> None:
                stream.write(self.said)

            def connection_lost(self, error: Exception | None) -> None:
                ended.append(self.said)

        def watching(words: bytes) -> ReceiverFactory:
            return lambda _: Watcher(words)

        said = [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\1\xc1", b"\0\0\0\2\x91\x01", b"\xff" * 64]
        for words in said:
            await stage.outside.connect(Address("a", "changes"), watching(words))
        await stage.wait_until(lambda: len(ended) == len(said))
        assert sorted(ended) == sorted(said)

    play(scenario)


def test_the_log_forgets_what_all_have_passed_and_keeps_the_newest() -> None:
    async def scenario(stage: Stage) -> None:
        source, copy = await stage.source(), stage.copy()
        for number in range(12_000):
            source.changes.append("t/n", number)
        await stage.wait_until(lambda: copy.follower.position == 12_000)
        await stage.wait_until(lambda: source.changes.first > 1)
        assert source.changes.first == 2_001
        stage.simulation.kill("b")
        for number in range(15_000):
            source.changes.append("t/n", number)
        await stage.outside.sleep(30)
        assert source.changes.first == 12_001, "not what the absent follower still needs"
        copy = stage.copy()
        await stage.wait_until(lambda: copy.follower.position == 27_000)
        assert len(copy.applied) == 27_000

    play(scenario)


def test_a_log_reads_kinds_by_prefix_and_tells_how_far_it_looked() -> None:
    async def scenario(stage: Stage) -> None:
        runtime = stage.simulation.boot("a")
        changes = ChangeLog(runtime.open_store("main"), lambda: 12.5)
        LogServer(runtime, changes, runtime.open_store("other"))
        for kind in ("x/1", "y/1", "x/2", "y/2"):
            changes.append(kind, {"kind": kind, "bytes": b"\0"})
        assert changes.read(0, 10) == ([], 0), "an entry was read before it was durable"
        assert changes.head == 0
        await stage.outside.sleep(0.1)
        assert changes.head == 4
        entries, upto = changes.read(0, 3, ("x/",))
        assert entries == [
            Entry(1, "x/1", 12.5, {"kind": "x/1", "bytes": b"\0"}),
            Entry(3, "x/2", 12.5, {"kind": "x/2", "bytes": b"\0"}),
        ]
        assert upto == 3
        assert changes.read(4, 3) == ([], 4)

    play(scenario)
