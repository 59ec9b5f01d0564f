"""Steps 3 and 6 of the first story with the tutorial's own function, run by the lambda service."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from antipodes.regional.ec2.api import Ec2
from antipodes.regional.elbv2.api import ElbV2
from antipodes.regional.lambda_.api import Lambda
from antipodes.regional.logs.api import Logs
from tests.regional.elbv2.hosts import REGION, Front, Region, forward

CODE = Path(__file__).parents[3] / "examples/global-app/function/get.py"


class RegionWithLambda(Region):
    """The real services only."""

    kinds = (Ec2, Logs, Lambda, ElbV2)


@pytest.fixture
def region() -> Iterator[Region]:
    region = RegionWithLambda()
    yield region
    region.close()


def function(client: Any) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(CODE, CODE.name)
    made = client.create_function(
        FunctionName="GlobalApp",
        Runtime="python3.11",
        Handler="get.get_item",
        Role="arn:aws:iam::000000000000:role/GlobalApp",
        Timeout=10,
        Environment={"Variables": {"tablename": "GlobalApp", "STATUS": "200"}},
        Code={"ZipFile": packed.getvalue()},
    )
    return str(made["FunctionArn"])


def deploy(region: Region) -> Front:
    client, elbv2 = region.client("lambda"), region.client("elbv2")
    arn = function(client)
    group = region.group(
        HealthCheckEnabled=True,
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=15,
        HealthCheckTimeoutSeconds=10,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": arn}])
    client.add_permission(
        FunctionName="GlobalApp",
        StatementId="load-balancer",
        Action="lambda:InvokeFunction",
        Principal="elasticloadbalancing.amazonaws.com",
        SourceArn=group,
    )
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": arn}])
    balancer = region.balancer()
    return Front(balancer, group, region.listener(balancer, forward(group)))


def set_status(region: Region, status: str) -> None:
    variables = {"tablename": "GlobalApp", "STATUS": status}
    region.client("lambda").update_function_configuration(
        FunctionName="GlobalApp", Environment={"Variables": variables}
    )


@pytest.mark.slow
def test_the_status_in_the_functions_environment_decides_over_the_balancers_health(
    region: Region,
) -> None:
    """Slow, because boto3 is loaded for the function."""
    front = deploy(region)

    def state() -> str:
        return str(region.told("elb-health", f"/{front.arn}")["state"])

    region.wait(5)
    assert state() == "healthy"
    response = region.ask(front.door, target="/health")
    assert (response.status, response.reason) == (200, "OK")
    assert json.loads(response.body) == {"status": "200", "region": REGION}
    assert dict(response.headers)["X-Served-By"] == REGION
    set_status(region, "400")
    region.wait(31)
    assert state() == "unhealthy"
    assert region.ask(front.door, target="/health").status == 400
    set_status(region, "200")
    region.wait(31)
    assert state() == "healthy"
