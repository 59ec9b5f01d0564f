"""The Chaos Toolkit runs its example experiments against a world, as its users would."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.worlds import REGIONS, RunningWorld, clean, wait

pytestmark = pytest.mark.slow  # starts processes

pytest.importorskip("chaostoolkit", reason="not installed: pip install -e '.[dev]'")
pytest.importorskip("chaosaws", reason="not installed: pip install -e '.[dev]'")

W, E = REGIONS
EXAMPLES = Path(__file__).parents[2] / "examples" / "chaos-toolkit"


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    with RunningWorld("--speed", "20") as running:
        yield running


def chaos(world: RunningWorld, experiment: str, directory: Path, **variables: str) -> Any:
    """Run an experiment to its end; return its journal."""
    journal = directory / "journal.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file"),
            *("run", "--journal-path", str(journal), str(EXAMPLES / experiment)),
        ],
        env=clean(
            AWS_ENDPOINT_URL=world.url,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_REGION=W,
            AWS_DEFAULT_REGION=W,
            **variables,
        ),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(journal.read_text())
    assert found["status"] == "completed"
    assert [step["status"] for step in found["run"] + found["rollbacks"]] == ["succeeded"] * len(
        found["run"] + found["rollbacks"]
    )
    return found


def test_links_by_http(world: RunningWorld, tmp_path: Path) -> None:
    journal = chaos(world, "slow-backbone.json", tmp_path)
    assert not journal["deviated"]
    broken = journal["run"][-1]["output"]["body"].values()
    assert sorted(fault["kind"] for fault in broken) == ["narrow-link", "slow-link"]
    assert world.ask("/faults") == {}


def test_replication_by_fis(world: RunningWorld, tmp_path: Path) -> None:
    dynamodb = world.client("dynamodb")
    dynamodb.create_table(
        TableName="Paused",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": "DisruptDynamoDb", "Value": "Allowed"}],
    )
    dynamodb.update_table(TableName="Paused", ReplicaUpdates=[{"Create": {"RegionName": E}}])
    wait(lambda: dynamodb.describe_table(TableName="Paused")["Table"].get("Replicas"))
    fis = world.client("fis")
    template = fis.create_experiment_template(
        **json.loads((EXAMPLES / "template.json").read_text())
    )["experimentTemplate"]
    journal = chaos(world, "pause-replication.json", tmp_path, FIS_TEMPLATE=template["id"])
    identity = journal["run"][0]["output"]["experiment"]["id"]

    def ended() -> Any:
        experiment = fis.get_experiment(id=identity)["experiment"]
        return experiment if experiment["state"]["status"] == "stopped" else None

    experiment = wait(ended)
    assert experiment["actions"]["pause"]["state"]["status"] == "stopped"
    assert experiment["tags"] == {"started-by": "chaos-toolkit"}
    [table] = fis.list_experiment_resolved_targets(experimentId=identity)["resolvedTargets"]
    assert table["targetInformation"]["arn"].endswith(":table/Paused")
