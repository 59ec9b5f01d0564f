"""What happens at the edge locations, in virtual time, with real balancers behind them."""

from collections import Counter
from contextlib import ExitStack

import pytest

from antipodes.edge.globalaccelerator.checkers import PLACES
from antipodes.world.faults import CutLink, DarkPlace
from tests.edge.globalaccelerator.worlds import (
    LOST_S,
    PROPAGATION_S,
    TURNED_S,
    E,
    Stage,
    W,
    fault,
    play,
)

PROPAGATION_MIN_S = 30.0


def test_every_city_is_served_by_its_nearest_region() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        assert [await stage.ask(c) for c in ("frankfurt", "sao-paulo")] == [E, W]
        assert await stage.ask("sao-paulo", address=stage.addresses[1]) == W
        assert [await stage.state(region) for region in (W, E)] == ["HEALTHY", "HEALTHY"]

    play(scenario)


def test_an_unhealthy_region_is_left_by_each_location_at_its_own_moment_and_returned_to() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        await stage.turn_unhealthy(W)
        moments: dict[str, float] = {}
        outside = stage.simulated.outside
        started = outside.now()
        while len(moments) < len(stage.world.edges()):
            for place, seen in stage.plane.status().items():
                if seen["unhealthy"] and place not in moments:
                    moments[place] = outside.now() - started
            assert outside.now() - started < TURNED_S
            await stage.wait(0.5)
        assert min(moments.values()) >= PROPAGATION_MIN_S
        assert len(Counter(moments.values())) > len(moments) / 4, "they all turned at once"
        assert await stage.ask("sao-paulo") == E
        assert await stage.state(W) == "UNHEALTHY"
        await stage.turn_healthy(W)
        await stage.wait(TURNED_S)
        assert await stage.ask("sao-paulo") == W

    play(scenario)


def test_a_killed_region_is_left_after_three_missed_rounds_and_propagation() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        stage.simulated.kill(E)
        await stage.wait(15)
        assert await stage.ask("frankfurt") == "reset"  # not three rounds yet
        await stage.wait(LOST_S)
        assert await stage.ask("frankfurt") == W
        await stage.simulated.restart(E)
        await stage.wait(TURNED_S)
        assert await stage.ask("frankfurt") == E

    play(scenario)


def test_a_region_that_is_back_before_three_rounds_were_missed_is_not_left() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        stage.simulated.kill(E)
        await stage.wait(15)
        await stage.simulated.restart(E)
        await stage.wait(LOST_S)
        noted = stage.simulated.simulation.journal.entries("endpoint-health")
        assert [record["healthy"] for record in noted] == [True, True]
        assert await stage.ask("frankfurt") == E

    play(scenario)


def test_without_its_control_plane_the_edge_routes_and_fails_over_and_so_after_a_restart() -> None:
    async def scenario(stage: Stage) -> None:
        regions = stage.regions
        assert W not in regions
        await stage.build()
        stage.simulated.kill(W)
        await stage.wait(60)
        assert await stage.ask("frankfurt") == E
        stage.simulated.kill("edge")
        await stage.simulated.restart("edge")
        assert await stage.ask("frankfurt") == E  # what it last heard, at once
        await stage.turn_unhealthy(E)
        await stage.wait(TURNED_S)
        assert await stage.ask("frankfurt") == "us-east-1"

    play(scenario, regions=(E, "us-east-1"))


def test_an_edit_held_up_by_a_dark_home_does_not_hold_up_failover() -> None:
    """Static stability: health reaches a location though news of an edit cannot."""

    async def scenario(stage: Stage) -> None:
        await stage.build()
        edit = {"EndpointGroupArn": stage.groups[E], "TrafficDialPercentage": 90.0}
        await stage.call("UpdateEndpointGroup", **edit)
        await stage.wait(2)  # the edge's host has heard of it, its locations have not
        with fault(stage, DarkPlace(W)):
            await stage.wait(1)
            await stage.turn_unhealthy(E)
            await stage.wait(TURNED_S)
            assert await stage.ask("frankfurt") == "us-east-1"

    play(scenario, regions=(E, "us-east-1"))


@pytest.mark.parametrize("checker", ["IAD", "FRA", "NRT"])
def test_one_dark_checker_stops_no_failover(checker: str) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        with fault(stage, DarkPlace(f"edge/{checker}")):
            await stage.turn_unhealthy(W)
            await stage.wait(TURNED_S)
            assert await stage.ask("sao-paulo") == E

    play(scenario)


def test_a_cut_between_one_checker_and_a_region_changes_nothing() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        with fault(stage, CutLink("edge/FRA", W)):
            await stage.wait(LOST_S)
            assert await stage.ask("sao-paulo") == W
            assert await stage.state(W) == "HEALTHY"

    play(scenario)


def test_a_location_that_is_cut_off_hears_when_it_is_healed() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        edge = stage.world.nearest_edge("city/sao-paulo")
        with fault(stage, CutLink(W, edge)):
            for enabled in (False, True, False):
                setting = {"AcceleratorArn": stage.accelerator, "Enabled": enabled}
                await stage.call("UpdateAccelerator", **setting)
            await stage.wait(TURNED_S)
            assert await stage.is_refused("frankfurt")
            assert stage.plane.status()[edge]["pending"] == 1
            assert await stage.ask("sao-paulo") == "us-east-1"
        await stage.wait(TURNED_S)
        assert stage.plane.status()[edge]["pending"] == 0
        assert await stage.is_refused("sao-paulo")

    play(scenario, regions=(E, "us-east-1"))


def test_with_no_healthy_endpoint_anywhere_traffic_goes_to_the_nearest_region() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        for region in stage.regions:
            await stage.turn_unhealthy(region)
        await stage.wait(TURNED_S)
        # Nothing listens there, which the client is told by a reset; the way it went is noted.
        assert await stage.ask("frankfurt") == "reset"
        spans = stage.simulated.simulation.journal.spans("")
        routes = [span for span in spans if span["name"] == "edge.route"]
        assert (routes[-1]["reason"], routes[-1]["to"]) == ("fail open", E)

    play(scenario)


def test_a_new_endpoint_gets_traffic_only_after_its_first_pass() -> None:
    async def scenario(stage: Stage) -> None:
        for region in stage.regions:
            await stage.balancer(region)
        await stage.turn_unhealthy(E)
        await stage.accelerate()
        await stage.wait(TURNED_S + 60)
        assert await stage.ask("frankfurt") == W
        await stage.turn_healthy(E)
        await stage.wait(TURNED_S)
        assert await stage.ask("frankfurt") == E

    play(scenario)


def test_an_endpoint_that_was_removed_and_comes_back_has_to_pass_again() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        arn = stage.balancers[W]
        group = {"EndpointGroupArn": stage.groups[W]}
        await stage.call("RemoveEndpoints", EndpointIdentifiers=[{"EndpointId": arn}], **group)
        await stage.wait(TURNED_S)
        await stage.turn_unhealthy(W)
        await stage.wait(TURNED_S)
        await stage.call("AddEndpoints", EndpointConfigurations=[{"EndpointId": arn}], **group)
        assert await stage.state(W) == "INITIAL"
        assert await stage.ask("sao-paulo") == E

    play(scenario)


def test_an_endpoint_that_comes_back_is_not_judged_by_its_old_votes() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        endpoints = {"EndpointId": stage.balancers[E]}
        group = {"EndpointGroupArn": stage.groups[E]}
        await stage.call("RemoveEndpoints", EndpointIdentifiers=[endpoints], **group)
        await stage.wait(TURNED_S)
        with fault(stage, CutLink("edge/IAD", E)), fault(stage, CutLink("edge/NRT", E)):
            await stage.call("AddEndpoints", EndpointConfigurations=[endpoints], **group)
            await stage.wait(15)  # one checker has asked, two cannot
            assert await stage.state(E) == "INITIAL"
        await stage.wait(15)
        assert await stage.state(E) == "HEALTHY"

    play(scenario)


def test_dials_send_a_share_elsewhere_and_source_affinity_keeps_a_client_where_it_is() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build(affinity="SOURCE_IP", us_west_2=50.0)
        first = [await stage.ask("sao-paulo", client) for client in range(40)]
        again = [await stage.ask("sao-paulo", client) for client in range(40)]
        assert first == again
        assert 8 <= Counter(first)[W] <= 32
        assert set(first) == {W, E}

    play(scenario)


def test_a_flow_stays_with_its_endpoint_while_new_ones_go_elsewhere() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        stream, person = await stage.connect("sao-paulo")
        stream.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await stage.wait(2)
        assert person.data.endswith(W.encode())
        edit = {"EndpointGroupArn": stage.groups[W], "EndpointConfigurations": []}
        await stage.call("UpdateEndpointGroup", **edit)
        for _ in range(4):
            await stage.wait(30)  # an ALB ends a connection that is idle for 60 s
            person.data = b""
            stream.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            await stage.wait(2)
            assert person.data.endswith(W.encode())
        assert await stage.ask("sao-paulo") == E

    play(scenario)


def test_a_large_body_sent_before_the_backbone_answers_is_not_refused() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        body = b"x" * 900_000  # more than is kept while the connection is being made
        stream, person = await stage.connect("sao-paulo")
        stream.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 60_000):
            stream.write(body[start : start + 60_000])
        await stage.wait(5)
        assert person.data.startswith(b"HTTP/1.1 200")
        assert person.data.endswith(W.encode())

    play(scenario)


def test_an_ended_flow_is_forgotten_at_once_and_an_idle_one_is_reset_after_340_seconds() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        for _ in range(20):
            assert await stage.ask("frankfurt") == E
        await stage.wait(2)
        assert stage.plane.flows == 0
        await stage.connect("frankfurt")
        await stage.wait(2)
        assert stage.plane.flows == 1
        await stage.wait(340)
        assert stage.plane.flows == 0

    play(scenario)


def test_a_disabled_accelerator_and_a_port_without_a_listener_reset() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        assert await stage.is_refused("frankfurt", port=81)
        assert not await stage.is_refused("frankfurt")
        await stage.call("UpdateAccelerator", AcceleratorArn=stage.accelerator, Enabled=False)
        await stage.wait(TURNED_S)
        assert await stage.is_refused("frankfurt")
        await stage.call("UpdateAccelerator", AcceleratorArn=stage.accelerator, Enabled=True)
        await stage.wait(TURNED_S)
        assert await stage.ask("frankfurt") == E

    play(scenario)


def test_an_endpoint_that_was_removed_and_comes_back_is_new_to_every_location() -> None:
    """Nobody tells this one that it is healthy again, so it goes elsewhere until somebody does."""

    async def scenario(stage: Stage) -> None:
        await stage.build()
        one = {"EndpointId": stage.balancers[W]}
        group = {"EndpointGroupArn": stage.groups[W]}
        await stage.call("RemoveEndpoints", EndpointIdentifiers=[one], **group)
        await stage.wait(2 * PROPAGATION_S)
        near = stage.world.anycast_edge("city/sao-paulo")
        with ExitStack() as broken:
            for checker in PLACES:
                broken.enter_context(fault(stage, CutLink(checker, near)))
            await stage.call("AddEndpoints", EndpointConfigurations=[one], **group)
            await stage.wait(2 * PROPAGATION_S)
            assert await stage.state(W) == "HEALTHY"
            assert await stage.ask("sao-paulo") == E
        await stage.wait(PROPAGATION_S + 1)
        assert await stage.ask("sao-paulo") == W

    play(scenario)
