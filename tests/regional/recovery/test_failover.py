"""Routing controls move DNS answers while both homes of control planes are dead."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from antipodes.fabric.dns.message import Answer
from antipodes.fabric.dns.names import to_wire
from antipodes.fabric.dns.rdata import RTYPES, rdata_text
from antipodes.runtime.contract import Address
from antipodes.service.dnsclient import DnsClient
from antipodes.testing.virtualworld import VirtualWorld
from tests.regional.recovery.worlds import EAST, SYDNEY, TOKYO, E, Switchboard

HOME, CITIES = "us-west-2", ("frankfurt", "sao-paulo", "tokyo")
ADDRESSES = {"PRIMARY": "192.0.2.1", "SECONDARY": "192.0.2.2"}


def record(role: str, check: str) -> dict[str, Any]:
    return {
        "Action": "UPSERT",
        "ResourceRecordSet": {
            "Name": "app.example.com.",
            "Type": "A",
            "TTL": 30,
            "SetIdentifier": role,
            "Failover": role,
            "HealthCheckId": check,
            "ResourceRecords": [{"Value": ADDRESSES[role]}],
        },
    }


class Failover:
    """A failover record whose two sides are turned by routing controls."""

    def __init__(self, world: VirtualWorld) -> None:
        self.world = world
        board = Switchboard(world)
        self.controls = dict(zip(ADDRESSES, board.controls("primary", "standby"), strict=True))
        self.names = world.client("route53", EAST)
        made = self.names.create_hosted_zone(Name="example.com", CallerReference="1")
        self.zone = made["HostedZone"]["Id"]
        checks = {
            role: self.names.create_health_check(
                CallerReference=role,
                HealthCheckConfig={"Type": "RECOVERY_CONTROL", "RoutingControlArn": arn},
            )["HealthCheck"]["Id"]
            for role, arn in self.controls.items()
        }
        self.changes = {"Changes": [record(role, check) for role, check in checks.items()]}
        self.edit()
        self.endpoints = {region: board.endpoint(region) for region in (SYDNEY, TOKYO)}
        self.client = DnsClient(world.simulated.outside)

    def edit(self) -> None:
        self.names.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=self.changes)

    def turn(self, region: str, **states: str) -> None:
        """Set both switches at once, at an endpoint."""
        self.endpoints[region].update_routing_control_states(
            UpdateRoutingControlStateEntries=[
                {"RoutingControlArn": self.controls[role], "RoutingControlState": state}
                for role, state in states.items()
            ]
        )

    def answers(self) -> list[str]:
        """What the name means at the edge locations of several cities."""
        picture = self.world.simulated.world
        found = []
        for city in CITIES:
            door = Address(picture.anycast_edge(f"city/{city}"), "53")
            answers: list[Answer] = []

            async def ask(door: Address = door, answers: list[Answer] = answers) -> None:
                asked = await self.client.ask(door, to_wire("app.example.com."), RTYPES["A"])
                answers.append(asked)

            self.world.simulated.run(ask())
            found += [rdata_text("A", rr.rdata) for rr in answers[0].answers]
        return found


def test_a_switch_turns_dns_while_us_east_1_and_us_west_2_are_dead() -> None:
    with VirtualWorld((HOME, E), propagation_s=6.0) as world:
        failover = Failover(world)
        failover.turn(TOKYO, PRIMARY="On", SECONDARY="Off")
        world.advance(seconds=30)
        assert failover.answers() == [ADDRESSES["PRIMARY"]] * len(CITIES)
        world.kill(HOME)
        world.kill(EAST)
        with pytest.raises(EndpointConnectionError):
            failover.edit()
        failover.turn(SYDNEY, PRIMARY="Off", SECONDARY="On")
        world.advance(seconds=10)
        assert failover.answers() == [ADDRESSES["SECONDARY"]] * len(CITIES)
        world.heal()
        world.advance(seconds=30)
        assert failover.answers() == [ADDRESSES["SECONDARY"]] * len(CITIES)


def test_a_broken_control_plane_of_route_53_keeps_its_answers() -> None:
    with VirtualWorld((HOME, E), propagation_s=6.0) as world:
        failover = Failover(world)
        world.control_plane("route53")
        with pytest.raises(ClientError, match="ServiceUnavailable"):
            failover.edit()
        failover.turn(TOKYO, PRIMARY="On", SECONDARY="On")
        world.advance(seconds=10)
        assert failover.answers() == [ADDRESSES["PRIMARY"]] * len(CITIES)
        failover.turn(TOKYO, PRIMARY="Off", SECONDARY="On")
        world.advance(seconds=10)
        assert failover.answers() == [ADDRESSES["SECONDARY"]] * len(CITIES)
