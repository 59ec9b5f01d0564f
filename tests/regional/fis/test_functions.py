"""Functions under experiments, as those who invoke them see it."""

import json
from typing import Any

import pytest

from tests.regional.fis.laboratory import ACCOUNT, Laboratory, W, play
from tests.regional.lambda_.hosts import package

ARN = f"arn:aws:lambda:{W}:{ACCOUNT}:function:f"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
CALLS = """
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

dynamodb = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))

def handler(event, context):
    try:
        return str(dynamodb.list_tables()["TableNames"])
    except ClientError as error:
        return error.response["Error"]["Code"]
"""
CODE = "def handler(event, context):\n    return {'statusCode': 200}\n"


async def deploy(lab: Laboratory, code: str = CODE) -> None:
    await lab.call(
        W,
        "lambda",
        "CreateFunction",
        FunctionName="f",
        Runtime="python3.12",
        Role=ROLE,
        Timeout=10,
        Handler="app.handler",
        Code={"ZipFile": package(code)},
        Tags={"team": "a"},
    )


async def invoke(lab: Laboratory) -> tuple[str, Any]:
    """The function's error, if any, and its answer."""
    answer = await lab.call(W, "lambda", "Invoke", FunctionName="f", Payload=b"{}")
    return answer.get("FunctionError", ""), json.loads(answer["Payload"])


def experiment(kind: str, told: dict[str, str], **target: Any) -> dict[str, Any]:
    return {
        "targets": {"f": {"resourceType": "aws:lambda:function", "selectionMode": "ALL", **target}},
        "actions": {
            "disturb": {
                "actionId": f"aws:lambda:invocation-{kind}",
                "parameters": {"duration": "PT2M", **told},
                "targets": {"Functions": "f"},
            }
        },
    }


@pytest.mark.parametrize(
    "target",
    [
        {"resourceArns": [ARN]},
        {"resourceArns": [f"{ARN}:$LATEST"]},
        {"resourceTags": {"team": "a"}},
        {"filters": [{"path": "FunctionName", "values": ["f", "g"]}]},
        {"resourceArns": [ARN], "parameters": {"functionQualifier": "$LATEST"}},
    ],
)
def test_invocations_fail_for_a_while_and_through_a_restart(target: dict[str, Any]) -> None:
    async def scenario(lab: Laboratory) -> None:
        await deploy(lab)
        assert await invoke(lab) == ("", {"statusCode": 200})
        await lab.start(**experiment("error", {"preventExecution": "true"}, **target))
        await lab.sleep(1)
        assert (await invoke(lab))[0] == "Unhandled"
        await lab.world.heal(lab.world.kill(W))
        assert (await invoke(lab))[0] == "Unhandled"
        await lab.sleep(120)
        assert await invoke(lab) == ("", {"statusCode": 200})

    play(scenario)


def test_responses_are_replaced_and_delayed_until_it_is_stopped() -> None:
    async def scenario(lab: Laboratory) -> None:
        await deploy(lab)
        await invoke(lab)
        response = {"preventExecution": "false", "statusCode": "502", "contentTypeHeader": "a/b"}
        first = await lab.start(
            **experiment("http-integration-response", response, resourceArns=[ARN])
        )
        second = await lab.start(
            **experiment("add-delay", {"startupDelayMilliseconds": "700"}, resourceArns=[ARN])
        )
        await lab.sleep(1)
        began = lab.world.outside.now()
        error, answer = await invoke(lab)
        assert (error, answer["statusCode"]) == ("", 502)
        assert lab.world.outside.now() - began == pytest.approx(0.7, abs=0.1)
        for started in (first, second):
            await lab.do("StopExperiment", id=started)
            await lab.wait_for(started, "stopped", within_s=1)
        began = lab.world.outside.now()
        assert await invoke(lab) == ("", {"statusCode": 200})
        assert lab.world.outside.now() - began < 0.1

    play(scenario)


def test_a_functions_own_calls_are_hit_by_its_role() -> None:
    async def scenario(lab: Laboratory) -> None:
        await deploy(lab, CALLS)
        assert await invoke(lab) == ("", "[]")
        role = {
            "resourceType": "aws:iam:role",
            "resourceArns": [ROLE],
            "selectionMode": "ALL",
        }
        started = await lab.start(
            targets={"r": role},
            actions={
                "throttle": {
                    "actionId": "aws:fis:inject-api-throttle-error",
                    "parameters": {
                        "duration": "PT1M",
                        "service": "dynamodb",
                        "operations": "ListTables",
                        "percentage": "100",
                    },
                    "targets": {"Roles": "r"},
                }
            },
        )
        await lab.sleep(1)
        assert await invoke(lab) == ("", "ThrottlingException")
        await lab.wait_for(started, "completed", within_s=61)
        assert await invoke(lab) == ("", "[]")

    play(scenario)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("error", {}),
        ("error", {"preventExecution": "maybe"}),
        ("add-delay", {"startupDelayMilliseconds": "900001"}),
        ("add-delay", {"invocationPercentage": "101"}),
        ("http-integration-response", {"preventExecution": "true", "statusCode": "1000"}),
    ],
)
def test_senseless_parameters_are_refused(kind: str, parameters: dict[str, str]) -> None:
    async def scenario(lab: Laboratory) -> None:
        with pytest.raises(Exception, match="ValidationException: Action disturb"):
            await lab.template(**experiment(kind, parameters, resourceArns=[ARN]))

    play(scenario)
