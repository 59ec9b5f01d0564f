"""Hosted zones in a world of real processes: boto3's own waiter, paginators and errors."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from antipodes.fabric.dns.message import encode_query, parse_answer
from antipodes.fabric.dns.names import to_wire
from antipodes.fabric.dns.rdata import RTYPES, rdata_text
from tests.e2e.worlds import RunningWorld, kill, wait

W, HOME = "us-west-2", "us-east-1"
SOON = {"Delay": 0.2, "MaxAttempts": 150}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world() -> Iterator[RunningWorld]:
    with RunningWorld("--propagation", "0.2", regions=(W,)) as running:
        yield running


def change(client: Any, zone: str, action: str, *records: dict[str, Any]) -> None:
    """Change record sets, and wait as a deployment tool does."""
    changes = [{"Action": action, "ResourceRecordSet": record} for record in records]
    made = client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    assert made["ChangeInfo"]["Status"] == "PENDING"
    waiter = client.get_waiter("resource_record_sets_changed")
    waiter.wait(Id=made["ChangeInfo"]["Id"], WaiterConfig=SOON)


def address(name: str, value: str, **more: Any) -> dict[str, Any]:
    """A record set with an address."""
    return {"Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": value}], **more}


def dig(world: RunningWorld, name: str, rtype: str) -> list[str]:
    """What the world's own port answers over UDP, as from the edge nearest the laptop."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(10)
        asking.sendto(encode_query(7, to_wire(name), RTYPES[rtype]), ("127.0.0.1", world.port))
        answer = parse_answer(asking.recv(4096))
    return [rdata_text(rtype, record.rdata) for record in answer.answers]


def test_a_deployment_creates_waits_and_deletes(world: RunningWorld) -> None:
    client = world.client("route53")
    made = client.create_hosted_zone(
        Name="example.com", CallerReference="one", HostedZoneConfig={"Comment": "tools & <toys>"}
    )
    zone = made["HostedZone"]["Id"]
    checked = client.create_health_check(
        CallerReference="one",
        HealthCheckConfig={"Type": "TCP", "IPAddress": "198.19.1.9", "Port": 80},
    )
    check = checked["HealthCheck"]["Id"]
    weighted = [
        address(
            "w.example.com", f"192.0.2.{n}", SetIdentifier=str(n), Weight=n, HealthCheckId=check
        )
        for n in range(3)
    ]
    wild = {
        "Name": "*.example.com",
        "Type": "TXT",
        "TTL": 1,
        "ResourceRecords": [{"Value": '"<&>"'}],
    }
    change(client, zone, "CREATE", *weighted, wild)
    pages = client.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=zone, PaginationConfig={"PageSize": 2}
    )
    found = [record for page in pages for record in page["ResourceRecordSets"]]
    assert [(r["Name"], r["Type"]) for r in found] == [
        ("example.com.", "NS"),
        ("example.com.", "SOA"),
        ("\\052.example.com.", "TXT"),
        *[("w.example.com.", "A")] * 3,
    ]
    assert found[2]["ResourceRecords"] == wild["ResourceRecords"]
    assert [r["Weight"] for r in found[3:]] == [0, 1, 2]
    # INSYNC means that it is answered; the record of weight 0 is not while others are healthy.
    assert dig(world, "any.thing.example.com", "TXT") == ['"<&>"']
    assert dig(world, "w.example.com", "A")[0] in {"192.0.2.1", "192.0.2.2"}
    # What was kept before us-east-1 dies is there when it is back.
    process = world.pids()[HOME]
    kill(process)
    wait(lambda: world.pids().get(HOME) not in {None, process})
    world.wait_up()
    again = client.list_resource_record_sets(HostedZoneId=zone)
    assert again["ResourceRecordSets"] == found
    change(client, zone, "DELETE", *found[2:])
    client.delete_health_check(HealthCheckId=check)
    deleted = client.delete_hosted_zone(Id=zone)
    waiter = client.get_waiter("resource_record_sets_changed")
    waiter.wait(Id=deleted["ChangeInfo"]["Id"], WaiterConfig=SOON)
    with pytest.raises(client.exceptions.NoSuchHostedZone):
        client.get_hosted_zone(Id=zone)


def test_errors_are_aws_own_on_the_wire(world: RunningWorld) -> None:
    client = world.client("route53")
    zone = client.create_hosted_zone(Name="errors.org", CallerReference="e")["HostedZone"]["Id"]
    with pytest.raises(client.exceptions.InvalidChangeBatch) as refused:
        change(client, zone, "DELETE", address("a.errors.org", "192.0.2.1"))
    answer = refused.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["Error"]["Type"] == "Sender"
    assert answer["Error"]["Message"] == (
        "[Tried to delete resource record set [name='a.errors.org.', type='A'] but it was not "
        "found]"
    )
    with pytest.raises(client.exceptions.HostedZoneAlreadyExists) as again:
        client.create_hosted_zone(Name="errors.org", CallerReference="e")
    assert again.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    protection = [{"RecordName": "a.errors.org", "RecordType": "A"}]
    client.create_resource_record_set_protections(HostedZoneId=zone, Protections=protection)
    with pytest.raises(client.exceptions.ProtectionAlreadyExists) as taken:
        client.create_resource_record_set_protections(HostedZoneId=zone, Protections=protection)
    (failure,) = taken.value.response["Errors"]
    assert (failure["RecordName"], failure["Code"]) == ("a.errors.org.", "ProtectionAlreadyExists")
    with pytest.raises(ClientError) as unknown:
        client.update_hosted_zone_features(HostedZoneId=zone, EnableAcceleratedRecovery=True)
    assert unknown.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_a_private_zone_finds_its_network_in_another_region(world: RunningWorld) -> None:
    client = world.client("route53")
    vpc = world.client("ec2", W).describe_vpcs()["Vpcs"][0]["VpcId"]
    here = {"VPCRegion": W, "VPCId": vpc}
    made = client.create_hosted_zone(Name="corp", CallerReference="corp", VPC=here)
    assert made["VPC"] == here
    listed = client.list_hosted_zones_by_vpc(VPCId=vpc, VPCRegion=W)
    assert [zone["Name"] for zone in listed["HostedZoneSummaries"]] == ["corp."]
    with pytest.raises(client.exceptions.InvalidVPCId):
        client.create_hosted_zone(
            Name="corp2", CallerReference="corp2", VPC={**here, "VPCRegion": HOME}
        )
