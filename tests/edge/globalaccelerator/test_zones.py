"""The two networks that an accelerator's addresses are in, broken apart."""

import pytest

from antipodes.hosting.spoken import faults_of
from antipodes.world.faults import AcceleratorZone, from_dict
from tests.edge.globalaccelerator.worlds import E, Stage, W, fault, play

REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.mark.parametrize("zone", ["a", "b"])
def test_clients_that_retry_the_other_address_are_served(zone: str) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        lost, other = stage.addresses if zone == "a" else stage.addresses[::-1]
        with fault(stage, AcceleratorZone(zone)):
            for city, region in (("sao-paulo", W), ("frankfurt", E)):
                assert await stage.ask(city, address=lost) == "silence"
                assert await stage.ask(city, address=other) == region
        assert await stage.ask("sao-paulo", address=lost) == W

    play(scenario)


def test_a_flow_through_a_lost_network_stalls_and_goes_on_when_it_is_back() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        stream, person = await stage.connect("sao-paulo")
        with fault(stage, AcceleratorZone("a")):
            stream.write(REQUEST)
            await stage.wait(30)
            assert (person.data, person.ended) == (b"", [])
        await stage.wait(2)
        assert person.data.endswith(W.encode())

    play(scenario)


def test_a_flow_through_a_network_that_stays_lost_is_given_up_by_the_edge() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        await stage.connect("sao-paulo")
        assert stage.plane.flows == 1
        with fault(stage, AcceleratorZone("a")):
            await stage.wait(345)
            assert stage.plane.flows == 0

    play(scenario)


def test_control_and_health_do_not_notice() -> None:
    async def scenario(stage: Stage) -> None:
        with fault(stage, AcceleratorZone("a")), fault(stage, AcceleratorZone("b")):
            await stage.build()
            assert [await stage.state(region) for region in (W, E)] == ["HEALTHY"] * 2

    play(scenario)


def test_the_command_line_says_it() -> None:
    said = {"region": "", "one_way": False}
    [plain] = faults_of("accelerator-zone", ["b"], said)
    assert from_dict(plain) == AcceleratorZone("b")
