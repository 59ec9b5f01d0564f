"""Each tidy rule is shown what it must refuse, and what it must leave alone."""

import pytest

from tests.tidy import meaning, shape
from tests.tidy.source import Rule, Source

SHIPPED = "src/antipodes/world/places.py"
TEST = "tests/world/test_places.py"
LONG = "    x = 1\n"

REFUSED: list[tuple[Rule, str, str]] = [
    (shape.has_reason, SHIPPED, "import ast\n"),
    (shape.fits_a_screen, SHIPPED, "def f():\n" + LONG * 70),
    (shape.has_one_idea, SHIPPED, "x = 1\n" * 501),
    (shape.is_not_deep, "src/antipodes/regional/sqs/queues/fair.py", ""),
    (shape.is_named_for_a_noun, "src/antipodes/regional/sqs/utils.py", ""),
    (shape.is_named_for_a_noun, "src/antipodes/wire/json_v2.py", ""),
    (shape.is_named_for_a_noun, "src/antipodes/common/names.py", ""),
    (shape.is_finished, SHIPPED, "x = 1  # TODO: more\n"),
    (shape.is_spelled_out, SHIPPED, "def answer(req): ...\n"),
    (shape.is_spelled_out, SHIPPED, "class ConnPool: ...\n"),
    (shape.is_spelled_out, SHIPPED, "self.tmp_file = 1\n"),
    (shape.is_spelled_out, "src/antipodes/world/region_mgr.py", ""),
    (shape.puts_qualifiers_last, SHIPPED, "MAX_LATENCY_MS = 3\n"),
    (shape.puts_qualifiers_last, SHIPPED, "_MIN_PORT: int = 3\n"),
    (shape.gives_reasons, SHIPPED, "import x  # noqa: F401\n"),
    (shape.gives_reasons, SHIPPED, "x = f()  # type: ignore[arg-type]\n"),
    (shape.gives_reasons, SHIPPED, "x = f()  # type: ignore[misc]  # noqa: SLF001, S110\n"),
    (meaning.has_an_order, SHIPPED, "for x in {1, 2}: ...\n"),
    (meaning.has_an_order, SHIPPED, "for x in set(y): ...\n"),
    (meaning.has_an_order, SHIPPED, "z = [x for x in frozenset(y)]\n"),
    (meaning.has_an_order, SHIPPED, "z = {x: 1 for x in {y for y in a}}\n"),
    (meaning.has_an_order, SHIPPED, "z = list({1, 2} | x)\n"),
    (meaning.has_an_order, SHIPPED, "z = ', '.join({'a', 'b'})\n"),
    (meaning.has_an_order, SHIPPED, "z = [*set(y)]\n"),
    (meaning.has_an_order, SHIPPED, "f(*set(y))\n"),
    (meaning.has_an_order, SHIPPED, "def f(names: set[str]):\n    for n in names: ...\n"),
    (meaning.has_an_order, SHIPPED, "names = {1}\nnext(iter(names - other))\n"),
    (meaning.has_an_order, SHIPPED, "self.all: set[str] = x\nlist(self.all)\n"),
    (meaning.has_an_order, SHIPPED, "for x in a.union(b): ...\n"),
    (meaning.waits_if_async, SHIPPED, "async def f():\n    return 1\n"),
    (meaning.waits_if_async, SHIPPED, "async def f():\n    async def g():\n        await x\n"),
    (meaning.waits_if_async, SHIPPED, "class S(Song):\n    async def sing(self): ...\n"),
    (meaning.waits_if_async, SHIPPED, "async def start():\n    return 1\n"),
    (meaning.is_synchronous, SHIPPED, "async def f():\n    await x\n"),
    (meaning.is_synchronous, "src/antipodes/regional/sqs/model.py", "async def f(): ...\n"),
    (meaning.is_synchronous, SHIPPED, "from antipodes.runtime.contract import Runtime\n"),
    (meaning.has_no_global_state, SHIPPED, "cache = {}\n"),
    (meaning.has_no_global_state, SHIPPED, "cache: list[int] = []\n"),
    (meaning.has_no_global_state, SHIPPED, "cache = collections.defaultdict(list)\n"),
    (meaning.is_frozen, SHIPPED, "class Table(Struct):\n    name: str\n"),
    (meaning.is_frozen, SHIPPED, "class Table(msgspec.Struct, frozen=False):\n    name: str\n"),
    (meaning.never_sleeps, TEST, "def test_x():\n    time.sleep(1)\n"),
    (meaning.never_sleeps, TEST, "from asyncio import sleep\n"),
    (meaning.never_sleeps, TEST, "def wait():\n    time.sleep(1)\n"),
    (meaning.uses_the_real_thing, TEST, "from unittest import mock\n"),
    (meaning.uses_the_real_thing, TEST, "from unittest.mock import Mock\n"),
    (meaning.uses_the_real_thing, TEST, "import unittest.mock\n"),
    (meaning.can_fail, TEST, "def test_x():\n    print(1)\n"),
]

LEFT_ALONE: list[tuple[Rule, str, str]] = [
    (shape.has_reason, SHIPPED, '"""Why."""\n'),
    (shape.fits_a_screen, SHIPPED, "def f():\n" + LONG * 69),
    (shape.has_one_idea, SHIPPED, "x = 1\n" * 500),
    (shape.is_not_deep, "src/antipodes/regional/sqs/fair.py", ""),
    (shape.is_not_deep, "tests/a/b/c/d/test_x.py", ""),
    (shape.is_named_for_a_noun, "src/antipodes/edge/globalaccelerator/anycast.py", ""),
    (shape.is_finished, SHIPPED, "x = 1  # nothing to add\n"),
    (shape.is_spelled_out, SHIPPED, "def answer(request, connection): f.srv()\n"),
    (shape.is_spelled_out, TEST, "def test_x(tmp_path): ...\n"),
    (shape.puts_qualifiers_last, SHIPPED, "LATENCY_MS_MAX = 3\nmax_results = 1\n"),
    (shape.gives_reasons, SHIPPED, "import x  # noqa: F401 - for its effect\n"),
    (shape.gives_reasons, SHIPPED, "x = f()  # type: ignore[misc] # not in typeshed\n"),
    (meaning.has_an_order, SHIPPED, "for x in sorted(set(y)): ...\n"),
    (meaning.has_an_order, SHIPPED, "z = sorted(x for x in {1, 2})\n"),
    (meaning.has_an_order, SHIPPED, "z = {x for x in set(y)}\nw = 1 in set(y)\n"),
    (meaning.has_an_order, SHIPPED, "names = {1}\nfor names in x: list(names)\n"),
    (meaning.has_an_order, SHIPPED, "names: list[int] = x\nlist(names)\nlist(a - b)\n"),
    (meaning.waits_if_async, SHIPPED, "async def f():\n    await x\n"),
    (meaning.waits_if_async, SHIPPED, "async def f():\n    return [y async for y in x]\n"),
    (meaning.waits_if_async, SHIPPED, "class S(Protocol):\n    async def sing(self): ...\n"),
    (meaning.waits_if_async, SHIPPED, "class S(Service):\n    async def start(self): f()\n"),
    (meaning.waits_if_async, SHIPPED, "@asynccontextmanager\nasync def f():\n    yield\n"),
    (meaning.waits_if_async, TEST, "async def f():\n    return 1\n"),
    (meaning.is_synchronous, "src/antipodes/regional/sqs/queues.py", "async def f(): ...\n"),
    (meaning.is_synchronous, SHIPPED, "from antipodes.runtime.contract import Condition\n"),
    (meaning.has_no_global_state, SHIPPED, "HOMES = {'iam': 'us-east-1'}\nx = set('ab')\n"),
    (meaning.is_frozen, SHIPPED, "class Table(Struct, frozen=True):\n    name: str\n"),
    (meaning.never_sleeps, TEST, "async def test_x(rt):\n    await rt.sleep(1)\n"),
    (meaning.never_sleeps, TEST, "def wait(x):\n    while not x():\n        time.sleep(1)\n"),
    (meaning.uses_the_real_thing, TEST, "import boto3\n"),
    (meaning.can_fail, TEST, "def test_x():\n    assert f()\n"),
    (meaning.can_fail, TEST, "def test_x():\n    with pytest.raises(OSError): f()\n"),
    (meaning.can_fail, TEST, "def test_x():\n    tests._assert_same(1, 2)\n"),
]


@pytest.mark.parametrize(("rule", "path", "text"), REFUSED)
def test_the_rule_refuses(rule: Rule, path: str, text: str) -> None:
    [complaint, *_] = [*rule(Source(path, text)), ""]
    line, _, what = complaint.partition(": ")
    assert line.isdigit(), f"{rule.__name__} let it pass"
    assert ":" in what, "a complaint says what is wrong, and what to do"


@pytest.mark.parametrize(("rule", "path", "text"), LEFT_ALONE)
def test_the_rule_leaves_alone(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text))) == []


def test_every_rule_is_shown_both() -> None:
    rules = {rule.__name__ for rule in (*shape.RULES, *meaning.RULES)}
    assert rules == {rule.__name__ for rule, _, _ in REFUSED}
    assert rules == {rule.__name__ for rule, _, _ in LEFT_ALONE}


def test_a_granted_length_ends_when_it_is_no_longer_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(shape.LONG_FILES, SHIPPED, 600)
    assert not list(shape.has_one_idea(Source(SHIPPED, "x = 1\n" * 600)))
    assert list(shape.has_one_idea(Source(SHIPPED, "x = 1\n" * 601)))
    assert list(shape.has_one_idea(Source(SHIPPED, "x = 1\n" * 400)))


def test_half_a_service_is_refused() -> None:
    whole = {"__init__.py", "api.py", "model.py"}
    folder = "src/antipodes/regional/sqs"
    assert not list(meaning.is_a_whole_service(folder, whole, {"sqs"}))
    assert not list(meaning.is_a_whole_service("regional/lambda_", whole, {"lambda"}))
    assert list(meaning.is_a_whole_service(folder, whole - {"model.py"}, {"sqs"}))
    assert list(meaning.is_a_whole_service(folder, whole, {"sns"}))
