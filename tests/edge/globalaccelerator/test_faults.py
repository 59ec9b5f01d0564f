"""What comes of faults that nobody asked for: spent addresses, dead edges, slow guests."""

from antipodes.edge.globalaccelerator.service import GlobalAccelerator
from antipodes.world.addresses import ANYCAST_MAX
from tests.edge.globalaccelerator.requests import create, refused
from tests.edge.globalaccelerator.worlds import TURNED_S, E, Stage, W, play

IDLE_S = 60  # of an application load balancer


def test_when_all_addresses_are_spent_another_accelerator_is_refused() -> None:
    async def scenario(stage: Stage) -> None:
        host = stage.simulated.region(W)
        service = host.service("globalaccelerator")
        assert isinstance(service, GlobalAccelerator)
        host.store.put(b"globalaccelerator/next-address", b"%d" % (ANYCAST_MAX - 1))
        await create(stage, "last")
        code = await refused(stage, "CreateAccelerator", Name="one", IdempotencyToken="more")
        assert code == "LimitExceededException"
        assert len((await stage.call("ListAccelerators"))["Accelerators"]) == 1

    play(scenario, (W,))


def test_an_edge_that_dies_under_a_flow_ends_it_and_serves_again_when_it_is_back() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        stream, person = await stage.connect("sao-paulo")
        stream.write(b"GET / HTTP/1.1\r\nhost: x\r\n")
        await stage.wait(1)
        handle = stage.simulated.kill("edge")
        await stage.wait(5)
        assert len(person.ended) == 1
        assert await stage.ask("sao-paulo") in {"reset", "silence"}
        await stage.simulated.heal(handle)
        await stage.wait(5)
        assert await stage.ask("sao-paulo") in stage.regions
        assert stage.plane.flows == 0

    play(scenario)


def test_an_edge_whose_disk_is_full_serves_fails_over_and_tells_of_it_when_there_is_space() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        handle = stage.simulated.set_disk("edge", full=True)
        assert await stage.ask("sao-paulo") == W
        await stage.turn_unhealthy(W)
        await stage.wait(TURNED_S)  # the minute's traffic could not be told, either
        assert await stage.ask("sao-paulo") == E
        assert await stage.state(W) == "HEALTHY"
        await stage.simulated.heal(handle)
        await stage.wait(30)
        assert await stage.state(W) == "UNHEALTHY"
        stage.simulated.kill("edge")
        await stage.simulated.restart("edge")
        assert await stage.ask("sao-paulo") == E

    play(scenario)


def test_who_never_finishes_a_request_through_an_accelerator_is_cut_off_by_the_balancer() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.build()
        guests = [await stage.connect("tokyo") for _ in range(200)]
        for stream, _ in guests:
            stream.write(b"GET / HTTP/1.1\r\nx: ")
        assert await stage.ask("tokyo") in stage.regions
        await stage.wait(IDLE_S + 5)
        assert all(person.ended for _, person in guests)
        await stage.wait(1)
        assert stage.plane.flows == 0

    play(scenario)
