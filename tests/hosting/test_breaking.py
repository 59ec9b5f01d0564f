"""Control planes that are down: their APIs refuse, everything they have configured goes on."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from antipodes.hosting.breaking import fault_of
from antipodes.hosting.spoken import NotSaid, check_options, faults_of
from antipodes.testing.breaking import Refused
from antipodes.testing.virtualworld import VirtualWorld
from antipodes.world.errors import InvalidFault
from antipodes.world.faults import ControlPlane

W, E = "us-west-2", "eu-central-1"
SAID = dict.fromkeys(("latency", "jitter", "loss", "bandwidth", "region"), None)


@pytest.fixture(scope="module")
def sim() -> Iterator[VirtualWorld]:
    with VirtualWorld() as world:
        yield world


def refused(world: VirtualWorld, service: str, region: str, operation: str) -> tuple[int, str]:
    client = world.client(service, region)
    with pytest.raises(ClientError) as refusal:
        getattr(client, operation)()
    response = refusal.value.response
    assert response["ResponseMetadata"]["RetryAttempts"] > 0, "clients take it for temporary"
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.mark.parametrize(
    ("service", "region", "operation"),
    [
        ("globalaccelerator", W, "list_accelerators"),
        ("elbv2", E, "describe_load_balancers"),
        ("iam", "us-east-1", "list_roles"),
        ("dynamodb", W, "list_tables"),
        ("lambda", E, "list_functions"),
    ],
)
def test_every_protocol_says_that_the_service_is_unavailable(
    sim: VirtualWorld, service: str, region: str, operation: str
) -> None:
    with sim.control_plane(service):
        assert refused(sim, service, region, operation) == (503, "ServiceUnavailable")
    assert getattr(sim.client(service, region), operation)()


def test_one_region_s_control_plane_is_not_anothers(sim: VirtualWorld) -> None:
    with sim.control_plane("elbv2", E):
        assert refused(sim, "elbv2", E, "describe_load_balancers")[0] == 503
        assert sim.client("elbv2", W).describe_load_balancers()["LoadBalancers"] == []
        assert sim.client("ec2", E).describe_vpcs()["Vpcs"]


def test_items_are_read_and_written_while_tables_cannot_be_changed(sim: VirtualWorld) -> None:
    tables = sim.client("dynamodb", W)
    tables.create_table(
        TableName="Things",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with sim.control_plane("dynamodb", W):
        tables.put_item(TableName="Things", Item={"id": {"S": "1"}})
        assert tables.scan(TableName="Things")["Count"] == 1
        with pytest.raises(ClientError, match="ServiceUnavailable"):
            tables.delete_table(TableName="Things")
    assert tables.describe_table(TableName="Things")["Table"]["TableStatus"] == "ACTIVE"


def test_a_host_that_is_there_for_control_planes_alone_is_no_region(sim: VirtualWorld) -> None:
    assert sim.client("route53", "us-east-1").list_hosted_zones()["HostedZones"] == []
    with pytest.raises(ClientError, match="us-east-1 is not part of this world"):
        sim.client("dynamodb", "us-east-1").list_tables()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"service": "route53resolver2"}, "service: there is no"),
        ({"service": "sts"}, "service: sts has no control plane"),
        ({"service": "globalaccelerator", "region": E}, "region: .* in us-west-2 only"),
        ({"service": "elbv2", "region": "mars"}, "region: unknown place"),
        ({"service": "elbv2", "region": "edge/FRA"}, "region: edge/FRA is not a region"),
        ({"service": ""}, "service: a service is needed"),
        ({}, "service"),
    ],
)
def test_what_has_no_control_plane_cannot_lose_it(
    sim: VirtualWorld, fields: dict[str, str], field: str
) -> None:
    with pytest.raises(Refused, match=field):
        sim.break_("control-plane", **fields)


def test_the_command_line_names_a_service_and_perhaps_a_region() -> None:
    named = faults_of("control-plane", ["elbv2"], {**SAID, "region": E, "one_way": False})
    assert [fault_of(plain) for plain in named] == [ControlPlane("elbv2", E)]
    everywhere = faults_of("control-plane", ["iam"], {**SAID, "one_way": False})
    assert [fault_of(plain) for plain in everywhere] == [ControlPlane("iam")]
    with pytest.raises(NotSaid, match="name one service"):
        faults_of("control-plane", ["iam", "elbv2"], {**SAID, "one_way": False})
    with pytest.raises(InvalidFault, match="service"):
        fault_of({"kind": "control-plane", "service": "nothing"})


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("zone", {"latency": 100.0}),
        ("zone", {"latency": 0.0}),
        ("edge", {"region": W}),
        ("accelerator-zone", {"dark": True}),
        ("control-plane", {"one_way": True}),
        ("link", {"pause": True}),
        ("region", {"loss": 0.05}),
        ("clock", {"dark": True}),
        ("clock", {}),
    ],
)
def test_what_says_nothing_of_a_kind_is_refused(kind: str, said: dict[str, object]) -> None:
    unsaid = {**SAID, "dark": False, "one_way": False, "region": "", "kind": kind, "state": "x"}
    with pytest.raises(NotSaid, match="say"):
        check_options(kind, {**unsaid, **said})


def test_what_is_said_of_a_kind_is_taken() -> None:
    check_options("zone", {**SAID, "dark": True})
    check_options("link", {**SAID, "loss": 0.0, "one_way": True})
    check_options("clock", {**SAID, "offset": 0.0})
    check_options("control-plane", {**SAID, "region": E})
