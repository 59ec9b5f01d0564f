"""The same work on many items: by this process, by many, and on a cluster.

Slow, some of them: spawned processes and clusters take their time to start.
"""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antipodes.runtime.contract import RuntimeFailure
from antipodes.runtime.farm import (
    Broken,
    Farm,
    jobs_by_default,
    run_many,
    run_many_on_cluster,
    stopwatch,
)

ROOT = Path(__file__).parent.parent.parent
needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="Dask is not installed: pip install 'antipodes[dask]'",
)


def square(item: int) -> int:
    return item * item


def told_process(item: int) -> tuple[int, int]:
    return item, os.getpid()


def unlucky(item: int) -> int:
    """One item raises, one kills its process, one ends it, one gives what cannot be sent."""
    match item:
        case 3:
            raise ValueError("no threes")
        case 5:
            os.kill(os.getpid(), signal.SIGKILL)
        case 7:
            os._exit(9)
        case 8:
            return lambda: 8  # type: ignore[return-value] # what nobody can pickle
    return -item


def stuck(item: int) -> int:
    if item == 1:
        threading.Event().wait()  # for ever
    return item


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_item_gets_its_result(jobs: int) -> None:
    assert sorted(run_many(square, range(20), jobs)) == [(n, n * n) for n in range(20)]


def test_no_items_no_workers() -> None:
    assert list(run_many(square, [], 4)) == []


def test_a_worker_does_many_items() -> None:
    pids = {pid for _, result in run_many(told_process, range(12), 2) for pid in [result[1]]}  # type: ignore[misc] # none is broken
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids


@pytest.mark.slow
def test_what_breaks_is_told_with_its_item_and_the_rest_goes_on() -> None:
    found = dict(run_many(unlucky, range(12), 2))
    assert sorted(found) == list(range(12))
    broken = {item: result.why for item, result in found.items() if isinstance(result, Broken)}
    assert sorted(broken) == [3, 5, 7, 8]
    assert broken[3].startswith("ValueError: no threes\n")
    assert "in unlucky" in broken[3]
    assert broken[5] == "its process ended: signal SIGKILL"
    assert broken[7] == "its process ended: exit status 9"
    assert "pickle" in broken[8]
    assert all(found[item] == -item for item in found if item not in broken)


def test_inline_what_raises_is_told_as_well() -> None:
    found = dict(run_many(unlucky, [2, 3, 4], 1))
    assert isinstance(found[3], Broken)
    assert (found[2], found[4]) == (-2, -4)


@pytest.mark.slow
def test_what_never_ends_is_ended() -> None:
    found = dict(run_many(stuck, range(4), 2, seconds_max=2.0))
    assert found[1] == Broken("not done after 2 s")
    assert {item: r for item, r in found.items() if item != 1} == {0: 0, 2: 2, 3: 3}


def test_letting_go_ends_the_workers() -> None:
    running = run_many(told_process, range(1000), 2)
    _, result = next(running)
    assert not isinstance(result, Broken)
    running.close()  # type: ignore[attr-defined] # it is a generator
    with pytest.raises(ProcessLookupError):
        os.kill(result[1], 0)


SCRIPT = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
sys.path.insert(0, {root!r})
from antipodes.runtime.farm import run_many
from tests.runtime.test_farm import told_process, stuck
if __name__ == "__main__":
    results = run_many(told_process, range(4), 2)
    print(*sorted({{result[1] for _, result in [next(results), next(results)]}}), flush=True)
    results.close()
    running = run_many(stuck, [1, 1, 1], 2)
    print("waiting", flush=True)
    next(running)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_caller(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C goes to the whole group, as from a terminal; the others to the caller alone."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(root=str(ROOT)))
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert len(process.stdout.readline().split()) >= 1
        assert process.stdout.readline() == "waiting\n"
        if number is signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        try:
            # Its workers have these pipes too: they end only when nobody is left.
            said = process.stderr.read()
            assert process.wait() == -number
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if number is signal.SIGINT:  # after the others, one that was just starting may complain
        assert said.count("KeyboardInterrupt") == 1


def test_jobs_by_default_are_the_processors() -> None:
    assert 1 <= jobs_by_default() <= (os.cpu_count() or 1)


def test_a_stopwatch_goes_on() -> None:
    watch = stopwatch()
    first = watch()
    assert 0 <= first <= watch()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Dask cluster of two processes of this machine."""
    distributed = importlib.import_module("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        scheduler_kwargs={"allowed_failures": 0},
    ) as running:
        yield running


@pytest.mark.slow
@needs_dask
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_does_the_same(cluster: Any) -> None:
    farm = Farm(cluster=cluster.scheduler_address)
    assert sorted(farm.run(square, range(20))) == [(n, n * n) for n in range(20)]
    pids = [result[1] for _, result in farm.run(told_process, range(8))]  # type: ignore[misc] # none is broken
    assert os.getpid() not in pids
    found = dict(farm.run(unlucky, [1, 2, 3, 4, 5]))
    broken = {item: result.why for item, result in found.items() if isinstance(result, Broken)}
    assert sorted(broken) == [3, 5]
    assert broken[3].startswith("ValueError: no threes\n")
    assert broken[5].startswith("its worker ended: ")
    assert (found[1], found[2], found[4]) == (-1, -2, -4)


@pytest.mark.slow
@needs_dask
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_that_is_not_there_is_told() -> None:
    with pytest.raises(RuntimeFailure, match="there is no Dask scheduler at tcp"):
        list(run_many_on_cluster(square, [1], "tcp://127.0.0.1:9", patience_s=0.2))
