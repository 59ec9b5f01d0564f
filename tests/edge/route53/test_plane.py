"""The DNS servers of the edge: what they heard, when, and that they go on without anybody."""

import pytest

from antipodes.edge.route53.model import RecordSet
from antipodes.fabric.dns.message import NXDOMAIN, REFUSED
from antipodes.runtime.contract import TimedOut
from antipodes.world.faults import CutLink
from tests.edge.route53.asked import a
from tests.edge.route53.test_past import past
from tests.edge.route53.worlds import HOME, PROPAGATION_S, TOLD_S, E, Stage, W, play

CITIES = ("frankfurt", "sao-paulo", "tokyo", "sydney")


def test_a_zone_is_answered_everywhere_once_it_is_known_there() -> None:
    async def scenario(stage: Stage) -> None:
        assert (await stage.ask("tokyo", "www.example.com")).rcode == REFUSED
        await stage.hold(a("www", "192.0.2.1"))
        await stage.wait(PROPAGATION_S / 2 - 1)
        assert (await stage.ask("tokyo", "www.example.com")).rcode == REFUSED
        await stage.wait(TOLD_S)
        for city in CITIES:
            assert await stage.values(city, "www.example.com") == ["192.0.2.1"]
        assert (await stage.ask("tokyo", "none.example.com")).rcode == NXDOMAIN

    play(scenario)


def test_each_location_hears_of_a_change_in_its_own_time_and_of_all_of_it_at_once() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.hold(a("www", "192.0.2.1"), a("www2", "192.0.2.1"))
        await stage.wait(TOLD_S)
        await stage.put(a("www", "192.0.2.2"), a("www2", "192.0.2.2"))
        turned: dict[str, int] = {}
        for second in range(int(PROPAGATION_S) + 5):
            for city in CITIES:
                first = await stage.values(city, "www.example.com")
                second_name = await stage.values(city, "www2.example.com")
                if first == ["192.0.2.2"]:
                    assert second_name == first
                    turned.setdefault(city, second)
            await stage.wait(1)
        assert sorted(turned) == sorted(CITIES)
        assert len(set(turned.values())) > 1
        assert min(turned.values()) >= PROPAGATION_S / 2 - len(CITIES) - 2

    play(scenario)


def test_answers_go_on_without_the_control_plane_and_after_a_restart() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.hold(a("www", "192.0.2.1"), a("old", "192.0.2.9"))
        await stage.wait(TOLD_S)
        await stage.change((), [a("old", "192.0.2.9")])
        await stage.wait(TOLD_S)
        stage.simulated.kill(HOME)
        await stage.wait(60)
        assert await stage.values("tokyo", "www.example.com") == ["192.0.2.1"]
        stage.simulated.kill("edge")
        await stage.simulated.restart("edge")
        for city in CITIES:
            assert await stage.values(city, "www.example.com") == ["192.0.2.1"]
            assert (await stage.ask(city, "old.example.com")).rcode == NXDOMAIN
        await stage.simulated.restart(HOME)
        await stage.put(a("www", "192.0.2.2"))
        await stage.wait(TOLD_S)
        assert await stage.values("tokyo", "www.example.com") == ["192.0.2.2"]

    play(scenario)


def test_a_location_that_is_cut_off_answers_what_it_heard_last_and_catches_up() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.hold(a("www", "192.0.2.1"))
        await stage.wait(TOLD_S)
        edge = stage.world.anycast_edge("city/tokyo")
        handle = stage.world.install(CutLink(HOME, edge))
        for n in range(2, 6):
            await stage.put(a("www", f"192.0.2.{n}"), a(f"n{n}", "192.0.2.1"))
        await stage.wait(TOLD_S)
        assert stage.plane.status()[edge]["pending"] == 1
        (zone,) = stage.plane._knowledge.replica.zones
        assert past(zone) == 1  # what www was
        assert await stage.values("tokyo", "www.example.com") == ["192.0.2.1"]
        assert (await stage.ask("tokyo", "n3.example.com")).rcode == NXDOMAIN
        assert await stage.values("frankfurt", "www.example.com") == ["192.0.2.5"]
        stage.world.heal(handle)
        await stage.wait(TOLD_S)
        assert await stage.values("tokyo", "www.example.com") == ["192.0.2.5"]
        assert await stage.values("tokyo", "n3.example.com") == ["192.0.2.1"]
        assert past(zone) == 0

    play(scenario)


def test_a_long_answer_comes_over_a_stream() -> None:
    async def scenario(stage: Stage) -> None:
        texts = tuple(f'"{n:03d}{"x" * 200}"' for n in range(40))
        await stage.hold(RecordSet("big.example.com.", "TXT", ttl=1, values=texts))
        await stage.wait(TOLD_S)
        found = await stage.values("tokyo", "big.example.com", "TXT")
        assert sorted(found) == sorted(texts)

    play(scenario)


def test_a_dark_location_says_nothing_and_the_next_one_answers() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.hold(a("www", "192.0.2.1"))
        await stage.wait(TOLD_S)
        edge = stage.world.anycast_edge("city/tokyo")
        stage.world.install(CutLink("city/tokyo", edge))
        with pytest.raises(TimedOut):
            await stage.ask("tokyo", "www.example.com")
        assert await stage.values("osaka", "www.example.com") == ["192.0.2.1"]

    play(scenario)


def test_a_balancer_s_name_outlives_its_region() -> None:
    async def scenario(stage: Stage) -> None:
        name = "front-1.us-west-2.elb.amazonaws.com"
        told = {
            "zone_id": "Z1H1FL5HABSF5",
            "addresses": {"us-west-2a": "198.19.20.1"},
            "scheme": "internet-facing",
            "type": "application",
            "arn": "arn:aws:elasticloadbalancing:us-west-2:1:loadbalancer/app/front/1",
        }
        await stage.say("elbv2/name", [name, told], W)
        await stage.wait(TOLD_S)
        stage.simulated.kill(W)
        assert await stage.values("frankfurt", name) == ["198.19.20.1"]
        stage.simulated.kill("edge")
        await stage.simulated.restart("edge")
        assert await stage.values("frankfurt", name) == ["198.19.20.1"]
        await stage.simulated.restart(W)
        await stage.say("elbv2/name", [name, None], W)
        await stage.wait(TOLD_S)
        assert (await stage.ask("frankfurt", name)).rcode == NXDOMAIN

    play(scenario, regions=(W, E))
