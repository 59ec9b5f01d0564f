"""Who comes when the log has forgotten copies what there is, and hears of all that happens then."""

from typing import Any

from antipodes.edge.route53.plane import DnsPlane
from antipodes.edge.route53.private import PrivateZones
from antipodes.edge.route53.replica import KINDS
from antipodes.fabric.dns.names import to_wire
from antipodes.fabric.dns.rdata import RTYPES, rdata_text
from antipodes.regional.recovery.clusterapi import RecoveryCluster
from antipodes.regional.recovery.registers import Ballot
from antipodes.regional.recovery.state import Agreed, Control, Panel
from antipodes.replication.changelog import ENTRIES_MIN
from tests.edge.route53.test_health import IP_E, IP_W, TURNED_S, Endpoint, check, pair
from tests.edge.route53.test_private import hold, opened, values
from tests.edge.route53.worlds import HOME, TOLD_S, Stage, W, play

FORGOTTEN_S = 60.0  # several times what it takes until a log is trimmed


async def change(stage: Stage, zone_id: str, *changes: tuple[str, str, str]) -> None:
    """Put or delete A records by the API."""
    batch = [
        {
            "Action": action,
            "ResourceRecordSet": {
                "Name": name,
                "Type": "A",
                "TTL": 60,
                "ResourceRecords": [{"Value": value}],
            },
        }
        for action, name, value in changes
    ]
    request = {"HostedZoneId": zone_id, "ChangeBatch": {"Changes": batch}}
    await stage.simulated.call(HOME, "route53", "ChangeResourceRecordSets", request)


async def zone(stage: Stage, name: str, **more: Any) -> str:
    request = {"Name": name, "CallerReference": name, **more}
    made = await stage.simulated.call(HOME, "route53", "CreateHostedZone", request)
    found: str = made["HostedZone"]["Id"].rpartition("/")[2]
    return found


async def forget(stage: Stage, region: str = HOME, *kinds: str) -> None:
    """Let a region's log forget what was said there of these kinds, and nobody is waited for."""
    host = stage.simulated.region(region)
    for follower in list(host.changes.followers):
        host.changes.forget(follower)  # as if it had been away for a million entries
    for _ in range(ENTRIES_MIN + 1):
        host.changes.append("noise", None)
    await host.store.committed()
    await stage.wait(FORGOTTEN_S)
    assert not host.changes.read(0, ENTRIES_MIN, kinds or KINDS)[0]


def test_a_region_that_asks_late_copies_its_private_zones() -> None:
    async def scenario(stage: Stage) -> None:
        vpc = (await stage.simulated.call(W, "ec2", "DescribeVpcs", {}))["Vpcs"][0]["VpcId"]
        network = {"VPCRegion": W, "VPCId": vpc}
        zone_id = await zone(stage, "corp.test", VPC=network)
        await change(stage, zone_id, ("CREATE", "a.corp.test", "10.0.0.1"))
        await forget(stage)
        host = stage.simulated.region(W)
        zones = PrivateZones(host)
        await host.runtime.spawn(zones.ready(), "first question")
        answer = zones.answer(to_wire("a.corp.test"), RTYPES["A"], vpc)
        assert [rdata_text("A", record.rdata) for record in answer.answers] == ["10.0.0.1"]
        await change(stage, zone_id, ("UPSERT", "a.corp.test", "10.0.0.2"))
        await stage.wait(TOLD_S)
        answer = zones.answer(to_wire("a.corp.test"), RTYPES["A"], vpc)
        assert [rdata_text("A", record.rdata) for record in answer.answers] == ["10.0.0.2"]

    play(scenario)


def test_a_region_forgets_the_verdicts_that_an_emptied_edge_has_lost() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.check(check("w"))
        await hold(stage, "Z1", "example.com.", *pair())
        await stage.wait(5)
        zones = await opened(stage)
        await stage.wait(TURNED_S)
        assert values(zones, "www.example.com") == [IP_E]
        stage.simulated.kill("edge")
        stage.simulated.simulation.disk("edge/main").wipe()
        await Endpoint(stage, W, IP_W).open()
        await stage.simulated.restart("edge")
        await stage.wait(TOLD_S)
        assert values(zones, "www.example.com") == [IP_W]

    play(scenario)


def test_an_emptied_edge_copies_routing_controls_that_were_turned_long_ago() -> None:
    async def scenario(stage: Stage) -> None:
        arn = "arn:aws:route53-recovery-control::1:controlpanel/a/routingcontrol/b"
        await stage.check(check("w", type="RECOVERY_CONTROL", routing_control=arn, ip=""))
        await stage.hold(*pair())
        endpoint = stage.simulated.region(W).service("route53-recovery-cluster")
        assert isinstance(endpoint, RecoveryCluster)
        registers = endpoint.consensus.registers
        turned = Agreed("1", 1, (Panel("p", ""),), (Control(arn, "", "p", on=True),))
        registers.learn("c", Ballot(3, W), turned)
        await stage.wait(TOLD_S)
        assert await stage.values("tokyo", "www.example.com") == [IP_W]
        stage.simulated.kill("edge")
        stage.simulated.simulation.disk("edge/main").wipe()
        await forget(stage, W, "arc/")
        await stage.simulated.restart("edge")
        await stage.wait(TOLD_S)
        assert await stage.values("tokyo", "www.example.com") == [IP_W]
        registers.learn("c", Ballot(4, W), Agreed("1", 2, turned.panels))
        await stage.wait(TOLD_S)
        assert await stage.values("tokyo", "www.example.com") == [IP_E]

    play(scenario)


def test_an_edge_that_was_away_too_long_forgets_what_is_gone_and_learns_the_rest() -> None:
    async def scenario(stage: Stage) -> None:
        kept, gone = await zone(stage, "example.com"), await zone(stage, "example.net")
        many = [("CREATE", f"n{n}.example.com", "192.0.2.1") for n in range(30)]
        await change(stage, kept, *many, ("CREATE", "old.example.com", "192.0.2.9"))
        await stage.wait(TOLD_S)
        assert await stage.values("tokyo", "old.example.com") == ["192.0.2.9"]
        stage.simulated.kill("edge")
        await change(stage, kept, ("DELETE", "old.example.com", "192.0.2.9"))
        await change(stage, kept, ("CREATE", "new.example.com", "192.0.2.2"))
        await stage.simulated.call(HOME, "route53", "DeleteHostedZone", {"Id": gone})
        await forget(stage)
        await stage.simulated.restart("edge")
        assert isinstance(stage.plane, DnsPlane)
        await stage.wait(TOLD_S)
        assert await stage.values("tokyo", "new.example.com") == ["192.0.2.2"]
        assert await stage.values("tokyo", "n29.example.com") == ["192.0.2.1"]
        assert await stage.values("tokyo", "old.example.com") == []
        assert not (await stage.ask("tokyo", "example.net", "SOA")).answers

    play(scenario)
