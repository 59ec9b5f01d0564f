"""Environments: how many, for how long, what they leave behind, and that seeds repeat them."""

import base64
import gc
import json
import subprocess  # noqa: TID251 - stands outside of the host
import sys
from pathlib import Path
from typing import Any

import pytest

from antipodes.runtime.contract import RuntimeFailure, TimedOut
from antipodes.runtime.customer import CustomerProgram
from antipodes.runtime.main import run_main
from antipodes.service.contract import ServiceError, Settings
from tests.regional.lambda_.hosts import (
    ACCOUNT,
    BODIES,
    SmallHost,
    alive,
    in_real,
    in_virtual,
    kill,
    wait,
    wait_gone,
)

SLEEPER = """
import os, time
number = str(time.time_ns())
def handler(event, context):
    time.sleep(event)
    return os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
"""


async def invoke_many(host: SmallHost, payloads: list[bytes]) -> list[Any]:
    """Invoke at once; return answers and errors in order."""
    results: list[Any] = [None] * len(payloads)

    async def one(index: int) -> None:
        try:
            results[index] = json.loads((await host.invoke(payloads[index]))["Payload"])
        except ServiceError as error:
            results[index] = error

    async with host.runtime.nursery() as nursery:
        for index in range(len(payloads)):
            nursery.spawn(one(index), "invoke")
    return results


@pytest.mark.parametrize("body", BODIES)
def test_events_at_once_get_an_environment_each_up_to_the_limit(body: str) -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(SLEEPER)
        streams = await invoke_many(host, [b"0.3"] * 5)
        assert len(set(streams)) == 3
        assert (await invoke_many(host, [b"0"]))[0] in streams

    BODIES[body](scenario, settings=Settings(extra={"lambda_environments_max": 3}))


def test_what_does_not_fit_into_the_queue_is_throttled() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(SLEEPER)
        results = await invoke_many(host, [b"0.01"] * 300)
        throttled = [r for r in results if isinstance(r, ServiceError)]
        assert len(throttled) == 300 - 1 - 256
        assert {error.code for error in throttled} == {"TooManyRequestsException"}
        assert {error.status for error in throttled} == {429}

    in_virtual(scenario, settings=Settings(extra={"lambda_environments_max": 1}))


def test_reserved_concurrency_is_a_cap() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(SLEEPER)
        await host.do("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=2)
        results = await invoke_many(host, [b"1"] * 3)
        assert sum(isinstance(r, ServiceError) for r in results) == 1

    in_virtual(scenario)


def test_idle_environments_are_closed() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(SLEEPER)
        first = await invoke_many(host, [b"0"])
        await host.runtime.sleep(299)
        assert await invoke_many(host, [b"0"]) == first
        await host.runtime.sleep(301)
        assert await invoke_many(host, [b"0"]) != first

    in_virtual(scenario)


def test_what_runs_is_finished_when_the_function_goes() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(SLEEPER)
        running = host.runtime.spawn(host.invoke(b"2"), "invoke")
        await host.runtime.sleep(1)
        await host.do("DeleteFunction", FunctionName="f")
        assert "FunctionError" not in await running

    in_virtual(scenario)


def test_an_invocation_that_nobody_waits_for_any_more_is_finished_and_told() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(SLEEPER)
        with pytest.raises(TimedOut):
            async with host.runtime.timeout(1):
                await host.invoke(b"2")
        await host.runtime.sleep(10)
        found = await host.call(
            "logs", "FilterLogEvents", {"logGroupName": "/aws/lambda/f"}, account=ACCOUNT
        )
        assert any(e["message"].startswith("REPORT") for e in found["events"])

    in_virtual(scenario)


def test_a_cold_start_takes_its_modelled_time() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(SLEEPER)
        took = []
        for _ in range(2):
            began = host.runtime.now()
            await host.invoke(b"1")
            took.append(round(host.runtime.now() - began, 6))
        assert took == [1.4, 1.0]

    in_virtual(scenario, settings=Settings(extra={"lambda_cold_start_s": 0.4}))


def test_metrics_are_told() -> None:
    code = "def handler(event, context): return 1 / event\n"

    async def scenario(host: SmallHost) -> None:
        async def statistics(name: str) -> list[float]:
            now = host.runtime.wall()
            found = await host.do(
                "GetMetricStatistics",
                service="cloudwatch",
                Namespace="AWS/Lambda",
                MetricName=name,
                Dimensions=[{"Name": "FunctionName", "Value": "f"}],
                StartTime=now - 60,
                EndTime=now + 60,
                Period=60,
                Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
            )
            return [
                sum(point[kind] for point in found["Datapoints"])
                for kind in ("SampleCount", "Sum", "Minimum", "Maximum")
            ]

        await host.deploy(code)
        for payload in (b"1", b"0", b"2"):
            await host.invoke(payload)
        assert await statistics("Invocations") == [0.0, 0.0, 0.0, 0.0]
        await host.runtime.sleep(5.1)
        assert await statistics("Invocations") == [3.0, 3.0, 1.0, 1.0]
        assert await statistics("Errors") == [3.0, 1.0, 0.0, 1.0]
        assert await statistics("Throttles") == [3.0, 0.0, 0.0, 0.0]
        assert (await statistics("Duration"))[0] == 3.0

    in_virtual(scenario)


def test_throttled_invocations_are_told() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy("def handler(event, context): return 1\n")
        await host.do("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
        for _ in range(2):
            with pytest.raises(ServiceError, match="TooManyRequests"):
                await host.invoke()
        await host.runtime.sleep(5.1)
        told = await host.do("ListMetrics", service="cloudwatch")
        assert [metric["MetricName"] for metric in told["Metrics"]] == ["Throttles"]

    in_virtual(scenario)


CHANCY = """
import boto3, datetime, os, random, secrets, time, uuid
def handler(event, context):
    time.sleep(random.random())
    boto3.client("cloudwatch").put_metric_data(
        Namespace="N", MetricData=[{"MetricName": "m", "Value": random.random()}])
    print(datetime.datetime.now().isoformat(), time.time(), time.perf_counter())
    return [str(uuid.uuid4()), secrets.token_hex(4), os.urandom(4).hex(), random.Random().random()]
"""


def chancy_run(seed: int) -> tuple[str, list[Any]]:
    results: list[Any] = []

    async def scenario(host: SmallHost) -> str:
        await host.deploy(CHANCY)
        results.extend(await invoke_many(host, [b"{}"] * 3))
        await host.runtime.sleep(6)
        found = await host.do("FilterLogEvents", service="logs", logGroupName="/aws/lambda/f")
        results.extend(event["message"] for event in found["events"])
        results.append(host.runtime.now())
        return host.runtime.journal.digest()  # type: ignore[attr-defined,no-any-return] # RunJournal

    return in_virtual(scenario, seed=seed), results


def test_a_seed_repeats_everything_a_handler_can_see() -> None:
    digest, results = chancy_run(5)
    assert len([line for line in results if str(line).startswith("REPORT")]) == 3
    assert chancy_run(5) == (digest, results)
    assert chancy_run(6)[1] != results


def test_code_that_computes_without_end_stops_a_simulation(monkeypatch: Any) -> None:
    monkeypatch.setattr("antipodes.runtime.watchdog.COMPUTING_S_MAX", 0.2)

    async def scenario(host: SmallHost) -> None:
        await host.deploy("def handler(event, context):\n    while True: pass\n")
        await host.invoke()

    with pytest.raises(RuntimeFailure, match="without waiting"):
        in_virtual(scenario)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import threading\ndef handler(e, c): threading.Thread(target=print).start()", "thread"),
        ("def handler(e, c):\n    import socket", "socket"),
        ("import os\ndef handler(e, c): os.system('true')", "os.system"),
        (
            """
from concurrent.futures import ThreadPoolExecutor as P
def handler(e, c): P().submit(print)
""",
            "threads",
        ),
    ],
)
def test_what_a_simulation_cannot_run_is_refused_clearly(code: str, error: str) -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(code)
        answer = json.loads((await host.invoke())["Payload"])
        assert error in answer["errorMessage"]
        assert "simulation" in answer["errorMessage"]

    in_virtual(scenario)


# Real processes.


def test_a_handler_that_computes_for_ever_is_killed_with_all_it_started() -> None:
    code = """
import subprocess
def handler(event, context):
    child = subprocess.Popen(["sleep", "1000"])
    print("child", child.pid, flush=True)
    while True:
        pass
"""

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code, Timeout=1)
        answer = await host.invoke(LogType="Tail")
        assert b"Task timed out after 1.00 seconds" in answer["Payload"]
        assert await wait_gone(_child_in(answer["LogResult"]))

    in_real(scenario)


def _child_in(log: str) -> int:
    words = base64.b64decode(log).decode().split()
    return int(words[words.index("child") + 1])


def test_a_worker_killed_between_events_is_replaced() -> None:
    code = "import os\ndef handler(event, context): return os.getpid()\n"

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code)
        pid = json.loads((await host.invoke())["Payload"])
        kill(pid)
        assert await wait_gone(pid)
        answer = json.loads((await host.invoke())["Payload"])
        if not isinstance(answer, int):
            # The kernel knows of a death before its parent hears of it: one event may meet it.
            assert answer["errorType"] == "Runtime.ExitError"
            answer = json.loads((await host.invoke())["Payload"])
        assert isinstance(answer, int)
        assert answer != pid

    in_real(scenario)


def test_a_worker_killed_at_work_is_told_of() -> None:
    code = "import os\ndef handler(event, context): os.kill(os.getpid(), 9)\n"

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code)
        answer = json.loads((await host.invoke())["Payload"])
        assert answer["errorType"] == "Runtime.ExitError"
        assert "signal: killed" in answer["errorMessage"]

    in_real(scenario)


def test_a_handler_that_floods_its_log_is_cut_short() -> None:
    code = "def handler(event, context):\n    for n in range(60000): print('x' * 20)\n"

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code, Timeout=30)
        answer = await host.invoke(LogType="Tail")
        assert "FunctionError" not in answer
        await host.services["lambda"].reports.flush()  # type: ignore[attr-defined] # it is Lambda
        found = await host.do(
            "FilterLogEvents",
            service="logs",
            logGroupName="/aws/lambda/f",
            filterPattern='"output of this invocation was dropped"',
        )
        assert len(found["events"]) == 1

    in_real(scenario)


def test_files_of_workers_are_gone_with_the_function() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(SLEEPER)
        await host.invoke(b"0")
        root = host.runtime.directory("functions") / ACCOUNT / "f"
        assert len(list(root.iterdir())) == 2
        await host.do("DeleteFunction", FunctionName="f")
        assert await wait(lambda: not list(root.iterdir()))

    in_real(scenario)


PARENT = """
import json, os, sys
sys.path.insert(0, {root!r})
from tests.regional.lambda_.hosts import SmallHost, in_real

async def scenario(host: SmallHost) -> None:
    code = '''
import os, subprocess
def handler(event, context):
    child = subprocess.Popen(["sleep", "1000"])
    if event:
        with open(event, "w") as file:
            file.write(str(os.getpid()) + " " + str(child.pid) + "\\\\n")
        os.rename(event, event + ".done")
        while True:
            pass
    return [os.getpid(), child.pid]
'''
    await host.deploy(code, Timeout=600)
    idle = json.loads((await host.invoke(b"null"))["Payload"])
    print(json.dumps(idle), flush=True)
    host.runtime.spawn(host.invoke(json.dumps(sys.argv[1] + ".first").encode()), "busy")
    await host.invoke(json.dumps(sys.argv[1] + ".second").encode())

in_real(scenario)
"""


def test_no_worker_outlives_a_host_that_is_killed(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[3])
    program = tmp_path / "parent.py"
    program.write_text(PARENT.format(root=root))
    mark = tmp_path / "mark"
    with subprocess.Popen(
        [sys.executable, str(program), str(mark)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = json.loads(parent.stdout.readline())
        for which in ("first", "second"):
            done = Path(f"{mark}.{which}.done")
            assert run_main(wait(done.exists))
            pids += [int(word) for word in done.read_text().split()]
        assert all(alive(pid) for pid in pids)
        parent.kill()
    assert run_main(wait_gone(*pids)), [pid for pid in pids if alive(pid)]


def test_environments_of_past_simulations_are_let_go_of() -> None:
    """What all programs share, as botocore's models, must not hold on to any of them."""
    code = """
import boto3
client = boto3.client("cloudwatch")
table = boto3.resource("dynamodb").Table("T")
def handler(event, context):
    client.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "m", "Value": 4.5}])
    return "done"
"""

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code)
        assert (await host.invoke())["Payload"] == b'"done"'

    def programs() -> int:
        gc.collect()
        return sum(isinstance(one, CustomerProgram) for one in gc.get_objects())

    before = programs()
    in_virtual(scenario)
    assert programs() <= before
