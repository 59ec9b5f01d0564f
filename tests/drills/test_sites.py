"""A drill about a customer's site: the example, and what its file may not say."""

import sys
import tomllib
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from antipodes.drills.format import load_drill, parse_drill
from antipodes.drills.model import Drill, DrillError
from antipodes.drills.programs import simulate_programs, start_processes
from antipodes.drills.simulate import simulate
from antipodes.drills.verdict import Verdict
from antipodes.runtime.commands import run_captured
from antipodes.runtime.contract import Address
from antipodes.runtime.virtual import Simulation
from antipodes.service.http import HttpClient
from tests.e2e.worlds import clean
from tests.runtime.worlds import FakeLinks

EXAMPLE = Path(__file__).parents[2] / "examples" / "call-centre"
DRILL = EXAMPLE / "data-centre-loss.toml"
PROGRAM = Address("laptop", "127.0.0.1:9")


def test_the_standby_takes_the_calls_when_the_data_centre_is_lost() -> None:
    """The example's drill, shortened: one loss, and fewer calls."""
    drill, directory = load_drill(str(DRILL))
    lost, returned = drill.timeline[:2]
    timeline = (msgspec.structs.replace(lost, at_s=20), msgspec.structs.replace(returned, at_s=110))
    served_by = {"lost": drill.expect.served_by["lost"], "returned": {"london": "data-centre"}}
    drill = msgspec.structs.replace(
        drill,
        duration_s=180,
        timeline=timeline,
        expect=msgspec.structs.replace(drill.expect, served_by=served_by, availability=0.4),
        load=msgspec.structs.replace(drill.load, rate=0.4),
    )
    played = simulate(drill, directory, seed=1)
    assert played.judgement.verdict is Verdict.PASS


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_same_in_real_time() -> None:
    """Slow: it waits for health checks and propagation."""
    arguments = [sys.executable, "-m", "antipodes", "drill", "run", str(DRILL), "--speed", "20"]
    status, output = run_captured(arguments, clean(), 170)
    assert "RTO" in output
    assert "eu-west-2" in output
    assert status in {0, 1}, output  # at this speed a busy machine may miss a bound


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('near = "manchester"', 'near = "atlantis"'), "world.sites: data-centre: near"),
        (('"10.20.0.5:80" =', '"8.8.8.8:80" ='), "not a private address"),
        (("127.0.0.1:19701", "127.0.0.1:19703"), ""),
        (('address = "127.0.0.1:19702"', 'address = "127.0.0.1:1"'), "application.programs[1]"),
        (
            ('file = "switchboard.py", address = "127.0.0.1:19702"', 'address = "127.0.0.1:19702"'),
            "programs[1]: either",
        ),
        (('place = "site/data-centre"', 'place = "site/elsewhere"'), "timeline[0].fault"),
    ],
)
def test_what_is_wrong_with_a_site_is_named(change: tuple[str, str], complaint: str) -> None:
    text = DRILL.read_text()
    if not complaint:  # both of the address's ends
        assert parse_drill(tomllib.loads(text.replace(*change)), "drill.toml").world.sites
        return
    changed = text.replace(*change)
    with pytest.raises(DrillError) as caught:
        parse_drill(tomllib.loads(changed), "drill.toml", changed)
    assert complaint in str(caught.value)


def with_program(tmp_path: Path, text: str) -> Drill:
    """The example's drill, with a program of one's own."""
    (tmp_path / "program.py").write_text(text)
    drill, _ = load_drill(str(DRILL))
    plain = {"file": "program.py", "address": PROGRAM.port}
    part = drill.application.programs[0]
    programs = (msgspec.convert(plain, type(part)),)
    application = msgspec.structs.replace(drill.application, programs=programs)
    return msgspec.structs.replace(drill, application=application)


def in_simulation(scenario: Any) -> Any:
    simulation = Simulation(FakeLinks(0.0))
    runtime = simulation.boot("laptop")

    async def caught(work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        except DrillError as error:
            return error

    async def main() -> Any:
        return await runtime.spawn(caught(scenario(runtime)), "scenario")

    try:
        outcome = simulation.run(main())
    finally:
        simulation.close()
    if isinstance(outcome, DrillError):
        raise outcome
    return outcome


async def no_aws(*_: Any) -> Any:
    raise AssertionError("it calls nobody")


ECHO = """
import time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/wrong":
        raise ValueError("wrong")
    time.sleep(1)
    body = environ["wsgi.input"].read() + environ["QUERY_STRING"].encode()
    like = environ["HTTP_X_LIKE"]
    start_response("201 Created", [("x-method", environ["REQUEST_METHOD"]), ("X-Like", like)])
    return [body[:2], body[2:]]
"""


def test_a_program_answers_one_request_after_another(tmp_path: Path) -> None:
    drill = with_program(tmp_path, ECHO)

    async def scenario(runtime: Any) -> Any:
        await simulate_programs(drill, tmp_path, runtime, {}, no_aws)
        client = HttpClient(runtime)
        headers = {"x-like": "this"}

        async def ask(path: str) -> Any:
            return await client.request(
                PROGRAM, "POST", path, headers=headers, body=b"abc", keep_alive=False
            )

        started = runtime.now()
        async with runtime.nursery() as nursery:
            asking = [nursery.spawn(ask("/x?q=1"), "ask") for _ in range(2)]
        answers = [await one for one in asking]
        return answers, runtime.now() - started, await ask("/wrong")

    answers, took_s, wrong = in_simulation(scenario)
    assert {(a.status, a.body) for a in answers} == {(201, b"abcq=1")}
    assert dict(answers[0].headers)["X-Like"] == "this"
    assert dict(answers[0].headers)["x-method"] == "POST"
    assert took_s == pytest.approx(2, abs=0.1)
    assert wrong.status == 500


TELLING = """
class Parts:
    closed = 0

    def __init__(self, *parts):
        self.parts = parts

    def __iter__(self):
        return iter(self.parts)

    def close(self):
        Parts.closed += 1


def application(environ, start_response):
    if environ["PATH_INFO"] == "/silent":
        return [b"no status"]
    write = start_response("200 OK", [])
    write(environ["PATH_INFO"].encode("latin-1"))
    assert "HTTP_CONTENT_LENGTH" not in environ
    return Parts(b" ", environ["HTTP_X"].encode(), str(Parts.closed).encode())
"""


def test_a_program_is_called_as_wsgi_says(tmp_path: Path) -> None:
    """Paths decoded, headers joined; what is written comes first; what is returned is closed."""
    drill = with_program(tmp_path, TELLING)

    async def scenario(runtime: Any) -> Any:
        await simulate_programs(drill, tmp_path, runtime, {}, no_aws)
        client = HttpClient(runtime)
        return [
            await client.request(PROGRAM, "POST", path, headers=[("x", "1"), ("X", "2")], body=b"a")
            for path in ("/a%20%C3%A9", "/silent", "/")
        ]

    answers = in_simulation(scenario)
    assert [answer.status for answer in answers] == [200, 500, 200]
    assert answers[0].body == "/a é 1,20".encode()
    assert answers[2].body == b"/ 1,21"


@pytest.mark.parametrize("text", ["import nothing_such", "x = 1", "def application(:"])
def test_a_program_that_cannot_be_loaded_ends_the_drill(tmp_path: Path, text: str) -> None:
    drill = with_program(tmp_path, text)

    async def scenario(runtime: Any) -> None:
        await simulate_programs(drill, tmp_path, runtime, {}, no_aws)

    with pytest.raises(DrillError, match=r"program\.py ended with init error"):
        in_simulation(scenario)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    drill, _ = load_drill(str(DRILL))
    (tmp_path / "there.py").write_text("")
    first, second = drill.application.programs
    programs = (msgspec.structs.replace(first, file="there.py"), second)
    application = msgspec.structs.replace(drill.application, programs=programs)
    drill = msgspec.structs.replace(drill, application=application)
    with pytest.raises(DrillError, match="there is no"):
        start_processes(drill, tmp_path, {}, tmp_path)
    assert not list(tmp_path.glob("*.log")), "nothing was started that nobody would end"
