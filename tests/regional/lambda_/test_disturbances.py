"""Invocations disturbed on purpose, in the body where time can be told to the millisecond."""

import base64
import json
from typing import Any

import pytest

from tests.regional.lambda_.hosts import ACCOUNT, REGION, SmallHost, in_virtual, package

CODE = """
ran = 0
def handler(event, context):
    global ran
    ran += 1
    return {"ran": ran}
"""
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"


async def deploy(host: SmallHost, **more: Any) -> None:
    """Deploy the function and let its first invocation pass."""
    await host.deploy(CODE, **more)
    assert await ran(host) == 1


async def ran(host: SmallHost) -> int:
    answer = await host.invoke()
    assert "FunctionError" not in answer, answer["Payload"]
    return int(json.loads(answer["Payload"])["ran"])


def disturb(host: SmallHost, kind: str, name: str = "x", **parameters: str) -> None:
    """Begin to disturb the function."""
    functions: Any = host.services["lambda"]
    functions.disturbances.begin(name, ACCOUNT, f"invocation-{kind}", (ARN,), parameters)


def stop(host: SmallHost, name: str = "x") -> None:
    functions: Any = host.services["lambda"]
    functions.disturbances.end(name)


async def lasted(host: SmallHost) -> float:
    """How long an invocation took its caller."""
    began = host.runtime.now()
    await host.invoke()
    return host.runtime.now() - began


def test_invocations_are_delayed_and_billed_for_it() -> None:
    async def scenario(host: SmallHost) -> None:
        await deploy(host, Timeout=10)
        assert await lasted(host) < 0.1
        disturb(host, "add-delay", startupDelayMilliseconds="1500")
        assert await lasted(host) == pytest.approx(1.5, abs=0.1)
        tail = base64.b64decode((await host.invoke(LogType="Tail"))["LogResult"]).decode()
        assert "\tDuration: 15" in tail
        stop(host)
        disturb(host, "add-delay")
        assert await lasted(host) == pytest.approx(1.0, abs=0.1)
        stop(host)
        assert await lasted(host) < 0.1

    in_virtual(scenario)


def test_a_delay_as_long_as_the_timeout_is_a_timeout() -> None:
    async def scenario(host: SmallHost) -> None:
        await deploy(host, Timeout=3)
        disturb(host, "add-delay", startupDelayMilliseconds="3000")
        began = host.runtime.now()
        answer = await host.invoke()
        assert host.runtime.now() - began == pytest.approx(3.0, abs=0.01)
        assert answer["FunctionError"] == "Unhandled"
        assert json.loads(answer["Payload"])["errorType"] == "Sandbox.Timedout"
        stop(host)
        assert await ran(host) == 1, "a new environment, as after any timeout"

    in_virtual(scenario)


@pytest.mark.parametrize("prevented", [False, True])
def test_invocations_fail_after_the_handler_or_instead_of_it(prevented: bool) -> None:
    async def scenario(host: SmallHost) -> None:
        await deploy(host)
        disturb(host, "error", preventExecution=str(prevented).lower())
        answer = await host.invoke()
        assert answer["FunctionError"] == "Unhandled"
        assert json.loads(answer["Payload"])["errorType"] == "FaultInjected"
        stop(host)
        assert await ran(host) == (2 if prevented else 3)

    in_virtual(scenario)


def test_http_responses_are_replaced() -> None:
    async def scenario(host: SmallHost) -> None:
        await deploy(host)
        parameters = {"preventExecution": "true", "contentTypeHeader": "text/plain"}
        disturb(host, "http-integration-response", statusCode="503", **parameters)
        answer = await host.invoke()
        assert "FunctionError" not in answer
        assert json.loads(answer["Payload"]) == {
            "isBase64Encoded": False,
            "statusCode": 503,
            "headers": {"Content-Type": "text/plain"},
            "body": "",
        }

    in_virtual(scenario)


def test_a_share_of_invocations_and_one_function_only() -> None:
    async def scenario(host: SmallHost) -> None:
        await deploy(host)
        await host.do(
            "CreateFunction",
            FunctionName="g",
            Runtime="python3.12",
            Role="arn:aws:iam::000000000000:role/lambda",
            Handler="app.handler",
            Code={"ZipFile": package(CODE)},
        )
        disturb(host, "error", preventExecution="true", invocationPercentage="40")
        failed = ["FunctionError" in await host.invoke() for _ in range(300)].count(True)
        assert 90 <= failed <= 150
        others = [await host.do("Invoke", FunctionName="g", Payload=b"{}") for _ in range(20)]
        assert not any("FunctionError" in answer for answer in others)

    in_virtual(scenario)


def test_what_contradicts_waits_and_what_does_not_adds_up() -> None:
    async def scenario(host: SmallHost) -> None:
        await deploy(host, Timeout=10)
        parameters = {"preventExecution": "true", "contentTypeHeader": "a/b", "statusCode": "500"}
        disturb(host, "error", "first", preventExecution="true")
        disturb(host, "http-integration-response", "second", **parameters)
        disturb(host, "add-delay", "third", startupDelayMilliseconds="2000")
        began = host.runtime.now()
        assert "FunctionError" in await host.invoke()
        assert host.runtime.now() - began == pytest.approx(2.0, abs=0.1)
        stop(host, "first")
        assert json.loads((await host.invoke())["Payload"])["statusCode"] == 500

    in_virtual(scenario)
