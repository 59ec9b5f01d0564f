"""Query logs: every question to a zone that wants them, and to no other."""

from typing import Any

from tests.edge.route53.controlplane import record
from tests.edge.route53.worlds import HOME, TOLD_S, Stage, W, play

GROUP = "/aws/route53/example.com"
ARN = f"arn:aws:logs:{HOME}:000000000000:log-group:{GROUP}"


async def call(stage: Stage, operation: str, **request: Any) -> Any:
    return await stage.simulated.call(HOME, "route53", operation, request)


async def zone(stage: Stage, name: str) -> str:
    """A zone with an address at www, known everywhere."""
    made = await call(stage, "CreateHostedZone", Name=name, CallerReference=name)
    found: str = made["HostedZone"]["Id"].rpartition("/")[2]
    change = {"Action": "CREATE", "ResourceRecordSet": record(f"www.{name}")}
    batch = {"Changes": [change]}
    await call(stage, "ChangeResourceRecordSets", HostedZoneId=found, ChangeBatch=batch)
    return found


async def lines(stage: Stage) -> list[tuple[str, str]]:
    """What is logged, with the streams."""
    request = {"logGroupName": GROUP}
    found = await stage.simulated.call(HOME, "logs", "FilterLogEvents", request)
    return [(event["logStreamName"], event["message"]) for event in found["events"]]


def test_every_question_to_a_logged_zone_leaves_a_line() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.simulated.call(HOME, "logs", "CreateLogGroup", {"logGroupName": GROUP})
        logged = await zone(stage, "example.com")
        await zone(stage, "example.org")
        await stage.wait(TOLD_S)
        for _ in range(3):  # answered the quick way by now
            await stage.values("tokyo", "www.example.com")
        made = await call(
            stage, "CreateQueryLoggingConfig", HostedZoneId=logged, CloudWatchLogsLogGroupArn=ARN
        )
        await stage.wait(TOLD_S)
        for _ in range(4):
            await stage.values("tokyo", "www.example.com")
            await stage.values("tokyo", "www.example.org")
        await stage.values("paris", "none.example.com", "TXT")
        await stage.wait(10)
        found = await lines(stage)
        assert len(found) == 5
        streams = {stream for stream, _ in found}
        words = [line.split() for _, line in found]
        assert {word[0] for word in words} == {"1.0"}
        assert [word[2:7] for word in words] == [
            *[[logged, "www.example.com", "A", "NOERROR", "UDP"]] * 4,
            [logged, "none.example.com", "TXT", "NXDOMAIN", "UDP"],
        ]
        assert streams == {f"{logged}/{word[7]}" for word in words}
        assert len(streams) == 2
        await call(stage, "DeleteQueryLoggingConfig", Id=made["QueryLoggingConfig"]["Id"])
        await stage.wait(TOLD_S)
        await stage.values("tokyo", "www.example.com")
        await stage.wait(10)
        assert len(await lines(stage)) == 5

    play(scenario, regions=(HOME, W))
