"""A connection that is over leaves nothing to the garbage collector, which simulations turn off."""

import gc

from antipodes.runtime.contract import Address, Gone, PlainReceiver, Runtime
from antipodes.runtime.virtual import Simulation
from antipodes.service.http import HttpClient, HttpRequest, HttpResponse, HttpServer
from tests.runtime.worlds import FakeLinks

TIMES = 50


async def ask(near: Runtime, far: Runtime) -> None:
    """Many requests on connections of their own, some refused, some reset."""

    def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, (), request.body)

    listener = await far.listen(Address("b", "door"), HttpServer(far, answer).receiver)
    for _ in range(TIMES):
        response = await HttpClient(near).request(
            Address("b", "door"), "POST", "/", body=b"x", keep_alive=False
        )
        assert response.body == b"x"
        stream, _ = await near.connect(Address("b", "door"), lambda _: PlainReceiver())
        stream.abort()
        try:
            await near.connect(Address("b", "nowhere"), lambda _: PlainReceiver())
        except Gone:
            continue
    listener.close()
    await near.sleep(100)


def test_connections_that_are_over_leave_no_circles() -> None:
    simulation = Simulation(FakeLinks(), seed=1)
    near, far = simulation.boot("a"), simulation.boot("b")

    async def main() -> int:
        gc.collect()
        gc.freeze()  # what earlier tests left is not ours
        await near.spawn(ask(near, far), "ask")
        return gc.collect()

    try:
        assert simulation.run(main()) < TIMES
    finally:
        gc.unfreeze()
        simulation.close()
