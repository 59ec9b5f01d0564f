"""Handlers in both bodies: what they return, raise and print, and how they end."""

import base64
import json
from typing import Any

import pytest

from tests.regional.lambda_.hosts import ACCOUNT, BODIES, REGION, SmallHost, package

both = pytest.mark.parametrize("body", BODIES)


def run(body: str, scenario: Any, **options: Any) -> Any:
    return BODIES[body](scenario, **options)


def payload_of(response: dict[str, Any]) -> Any:
    return json.loads(response["Payload"])


@both
def test_a_handler_gets_the_event_and_answers(body: str) -> None:
    code = """
import decimal
def handler(event, context):
    return {"event": event, "price": decimal.Decimal("1.50"), "name": context.function_name,
            "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
            "left": 0 < context.get_remaining_time_in_millis() <= 3000, "city": "S\\u00e3o Paulo"}
"""

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code)
        answer = await host.invoke('{"a": [1, "é"]}'.encode())
        assert answer["StatusCode"] == 200
        assert answer["ExecutedVersion"] == "$LATEST"
        assert "FunctionError" not in answer
        assert b'"price": 1.50' in answer["Payload"]
        assert "São Paulo".encode() in answer["Payload"]
        assert payload_of(answer) == {
            "event": {"a": [1, "é"]},
            "price": 1.5,
            "name": "f",
            "arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f",
            "memory": "128",
            "left": True,
            "city": "São Paulo",
        }

    run(body, scenario)


@both
def test_an_environment_stays_warm_and_keeps_its_globals(body: str) -> None:
    code = """
count = 0
def handler(event, context):
    global count
    count += 1
    return count
"""

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code)
        assert [payload_of(await host.invoke()) for _ in range(3)] == [1, 2, 3]
        await host.do("UpdateFunctionConfiguration", FunctionName="f", MemorySize=256)
        assert payload_of(await host.invoke()) == 1

    run(body, scenario)


@both
def test_new_code_is_run_and_the_old_is_gone(body: str) -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy("def handler(event, context): return 'old'\n")
        assert payload_of(await host.invoke()) == "old"
        code = package("def handler(event, context): return 'new'\n")
        await host.do("UpdateFunctionCode", FunctionName="f", ZipFile=code)
        assert payload_of(await host.invoke()) == "new"

    run(body, scenario)


@both
def test_what_a_handler_raises_is_told_with_its_trace(body: str) -> None:
    code = """
def deeper():
    raise KeyError("item")

def handler(event, context):
    return deeper()
"""

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code)
        answer = await host.invoke(LogType="Tail")
        assert answer["FunctionError"] == "Unhandled"
        error = payload_of(answer)
        assert error["errorType"] == "KeyError"
        assert error["errorMessage"] == "'item'"
        assert len(error["stackTrace"]) == 2
        assert "in handler" in error["stackTrace"][0]
        assert "raise KeyError" in error["stackTrace"][1]
        assert error["requestId"]
        assert b"[ERROR] KeyError: 'item'" in base64.b64decode(answer["LogResult"])
        assert payload_of(await host.invoke())["errorType"] == "KeyError"  # it stays alive

    run(body, scenario)


@both
@pytest.mark.parametrize(
    ("code", "handler", "kind", "message"),
    [
        ("x = 1", "nowhere.handler", "Runtime.ImportModuleError", "No module named 'nowhere'"),
        ("import nothing", "app.handler", "Runtime.ImportModuleError", "No module named 'nothing'"),
        ("x = 1", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module"),
        ("def", "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("x = 1", "handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
        ("raise ValueError('no')", "app.handler", "ValueError", "no"),
    ],
)
def test_a_handler_that_cannot_be_loaded(
    body: str, code: str, handler: str, kind: str, message: str
) -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(code, Handler=handler)
        for _ in range(2):
            answer = await host.invoke()
            assert answer["FunctionError"] == "Unhandled"
            assert payload_of(answer)["errorType"] == kind
            assert message in payload_of(answer)["errorMessage"]

    run(body, scenario)


@both
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(4)", "Runtime exited with error: exit status 4"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
    ],
)
def test_a_handler_that_exits(body: str, statement: str, message: str) -> None:
    code = f"""
import os, sys
def handler(event, context):
    if event:
        {statement}
    return "well"
"""

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code)
        answer = await host.invoke(b"[1]")
        assert answer["FunctionError"] == "Unhandled"
        assert payload_of(answer)["errorType"] == "Runtime.ExitError"
        assert message in payload_of(answer)["errorMessage"]
        assert payload_of(await host.invoke()) == "well"

    run(body, scenario)


@both
def test_a_handler_that_takes_too_long_is_ended(body: str) -> None:
    code = """
import time
def handler(event, context):
    try:
        while event:
            time.sleep(0.2)
    except BaseException as error:
        print("cannot be seen", error)
    return "well"
"""

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code, Timeout=1)
        answer = await host.invoke(b"[1]", LogType="Tail")
        assert answer["FunctionError"] == "Unhandled"
        assert "Task timed out after 1.00 seconds" in payload_of(answer)["errorMessage"]
        log = base64.b64decode(answer["LogResult"]).decode()
        assert "Task timed out after 1.00 seconds" in log
        assert "cannot be seen" not in log
        assert payload_of(await host.invoke()) == "well"

    run(body, scenario)


@both
def test_the_log_of_an_invocation(body: str) -> None:
    code = """
import logging, sys
log = logging.getLogger()
log.setLevel("INFO")
def handler(event, context):
    print("printed", "thus")
    print("to stderr", file=sys.stderr)
    log.info("logged %s", event)
    return None
"""

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code)
        answer = await host.invoke(b"7", LogType="Tail")
        lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
        assert lines[0].startswith("START RequestId: ")
        assert lines[0].endswith(" Version: $LATEST")
        assert lines[1:3] == ["printed thus", "to stderr"]
        assert lines[3].startswith("[INFO]\t20")
        assert lines[3].endswith("\tlogged 7")
        assert lines[4].startswith("END RequestId: ")
        assert lines[5].startswith("REPORT RequestId: ")
        assert "Init Duration" in lines[5]
        assert "LogResult" not in await host.invoke(b"7")
        await host.services["lambda"].reports.flush()  # type: ignore[attr-defined] # it is Lambda
        group = "/aws/lambda/f"
        found = await host.do("FilterLogEvents", service="logs", logGroupName=group)
        messages = [event["message"] for event in found["events"]]
        assert messages[: len(lines)] == [line.rstrip("\n") for line in lines]
        assert messages.count("printed thus") == 2
        streams = await host.do("DescribeLogStreams", service="logs", logGroupName=group)
        assert len(streams["logStreams"]) == 1
        assert "[$LATEST]" in streams["logStreams"][0]["logStreamName"]

    run(body, scenario)


@both
def test_the_variables_of_an_environment(body: str) -> None:
    code = """
import os
def handler(event, context):
    return {name: os.environ.get(name) for name in event}
"""
    names = [
        *("STATUS", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_NAME", "_HANDLER"),
        *("AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        *("LAMBDA_TASK_ROOT", "TZ", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "ANTIPODES_LIFELINE"),
    ]

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code, Environment={"Variables": {"STATUS": "200"}})
        found = payload_of(await host.invoke(json.dumps(names).encode()))
        assert found["STATUS"] == "200"
        assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == REGION
        assert found["AWS_LAMBDA_FUNCTION_NAME"] == "f"
        assert found["_HANDLER"] == "app.handler"
        assert found["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
        assert found["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/f"
        assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
        assert found["LAMBDA_TASK_ROOT"]
        assert found["TZ"] == ":UTC"
        assert found["AWS_ACCESS_KEY_ID"].startswith("ASIA")
        assert found["AWS_PROFILE"] is None
        assert found["ANTIPODES_LIFELINE"] is None

    run(body, scenario)


@both
def test_boto3_in_a_handler_finds_its_own_region_and_account(body: str) -> None:
    code = """
import boto3
metrics = boto3.client("cloudwatch")
def handler(event, context):
    metrics.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "m", "Value": 4.5}])
    return boto3.client("lambda").get_function_configuration(FunctionName="f")["FunctionArn"]
"""

    async def scenario(host: SmallHost) -> None:
        other = "123456789012"
        await host.deploy(code)
        await host.deploy(code, account=other, Timeout=10)
        await host.deploy("def handler(event, context): return 'another'", FunctionName="g")
        answer = await host.do("Invoke", FunctionName="f", account=other)
        assert payload_of(answer) == f"arn:aws:lambda:{REGION}:{other}:function:f"
        theirs = await host.do("ListMetrics", service="cloudwatch", account=other)
        assert [m["MetricName"] for m in theirs["Metrics"] if m["Namespace"] == "Mine"] == ["m"]
        ours = await host.do("ListMetrics", service="cloudwatch")
        assert ours["Metrics"] == []

    run(body, scenario)


@both
def test_a_package_of_several_modules(body: str) -> None:
    files = {
        "app.py": """
from __future__ import annotations
import dataclasses
import importlib
import typing
from lib import tool
from lib.deep.well import depth

@dataclasses.dataclass
class Item:
    kind: typing.ClassVar[str] = "item"
    name: str = "n"

def handler(event, context):
    return [tool.double(depth()), Item().name, importlib.import_module("lib.tool").__name__]
""",
        "lib/__init__.py": "",
        "lib/tool.py": "def double(n): return 2 * n\n",
        "lib/deep/__init__.py": "from .. import tool\n",
        "lib/deep/well.py": "from ..tool import double\ndef depth(): return double(3)\n",
    }

    async def scenario(host: SmallHost) -> None:
        await host.deploy(files)
        assert payload_of(await host.invoke()) == [12, "n", "lib.tool"]

    run(body, scenario)


@both
def test_a_result_that_is_no_json(body: str) -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy("def handler(event, context): return object()\n")
        answer = await host.invoke()
        assert answer["FunctionError"] == "Unhandled"
        assert payload_of(answer)["errorType"] == "Runtime.MarshalError"

    run(body, scenario)


@both
def test_waiting_for_an_event_that_nobody_sets_takes_its_time(body: str) -> None:
    code = """
import threading, time
def handler(event, context):
    started = time.monotonic()
    flag, condition = threading.Event(), threading.Condition()
    found = [flag.wait(0.1)]
    with condition:
        found.append(condition.wait(timeout=0.1))
    flag.set()
    return [*found, flag.wait(), 0.19 <= time.monotonic() - started < 2]
"""

    async def scenario(host: SmallHost) -> None:
        await host.deploy(code)
        assert payload_of(await host.invoke()) == [False, False, True, True]

    run(body, scenario)
