"""What leaves a host is counted: by follower, by kind, and by the table it belongs to."""

from antipodes.replication.sent import What
from tests.regional.dynamodb.replicas import ACCOUNT, E, Planet, Region, S, W, make_table, play
from tests.replication.worlds import Stage
from tests.replication.worlds import play as play_stage


def test_entries_are_counted_by_follower_and_kind_as_they_are_sent() -> None:
    async def scenario(stage: Stage) -> None:
        source, copy = await stage.source(), stage.copy()
        await stage.wait_until(lambda: copy.follower.connected)
        for number in range(10):
            await source.append("t/small", number)
            await source.append("t/large", "x" * 1000)
            await source.append("other/n", "x" * 5000)
        await stage.wait_until(lambda: copy.follower.position == 30)
        small, large = What("b/copy", "t/small", ""), What("b/copy", "t/large", "")
        assert set(source.server.sent) == {small, large}
        assert 10 * 1000 < source.server.sent[large] < 10 * 1050
        assert 10 < source.server.sent[small] < 10 * 50
        assert source.changes.sent.to("b/copy") == sum(source.server.sent.values())
        assert source.changes.sent.to("b/nobody") == 0

    play_stage(scenario)


def test_what_is_sent_again_counts_again() -> None:
    async def scenario(stage: Stage) -> None:
        source, copy = await stage.source(), stage.copy()
        await stage.wait_until(lambda: copy.follower.connected)
        stage.simulation.set_disk("b", full=True)
        await source.append("t/n", "x" * 1000)
        await stage.outside.sleep(10)
        once = source.changes.sent.to("b/copy")
        assert once > 3 * 1000
        stage.simulation.set_disk("b", full=False)
        await stage.wait_until(lambda: len(copy.applied) == 1)
        assert copy.most_times == 1

    play_stage(scenario)


def test_items_and_the_pages_of_copies_belong_to_their_tables() -> None:
    async def scenario(planet: Planet, west: Region, *_: Region) -> None:
        await make_table(west, "Quiet")
        await make_table(west, "Items")
        for number in range(20):
            await west.put(f"k{number}", "x" * 1000)
        await west.put("k", "x" * 1000, "Quiet")
        await west.replica("Create", E)
        await planet.wait_until(lambda: planet.all_active(W, E))
        await west.put("one more", "x" * 1000)
        await planet.wait_until(lambda: "one more" in planet.regions[E].items())
        sent = west.server.sent
        items = What(f"{E}/dynamodb", "dynamodb/item", f"{ACCOUNT}/Items")
        pages = What(f"{E}/dynamodb", "query/dynamodb/page", f"{ACCOUNT}/Items")
        assert 1000 < sent[items] < 2000
        assert 20 * 1000 < sent[pages] < 25 * 1000
        assert not [what for what in sent if "Quiet" in what.owner], "what nobody replicates left"
        elsewhere = [w for w in sent if w.follower.startswith(S) and w.kind.endswith("page")]
        assert not elsewhere, "a copy was sent to where there is no replica"

    play(scenario, W, E, S)
