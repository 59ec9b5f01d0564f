"""People of a simulated world, and the names they keep: a failover by DNS has a long tail."""

from typing import Any

import pytest

from antipodes.testing.breaking import Refused
from antipodes.testing.virtualworld import VirtualWorld

W, E = "us-west-2", "eu-central-1"
APP = "app.shop.example"


def balancer(sim: VirtualWorld, region: str) -> str:
    """A load balancer that says where it is; returns its name."""
    subnets = sim.client("ec2", region).describe_subnets()["Subnets"]
    elbv2 = sim.client("elbv2", region)
    made = elbv2.create_load_balancer(
        Name="shop", Subnets=[subnet["SubnetId"] for subnet in subnets]
    )["LoadBalancers"][0]
    fixed = {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": region}
    elbv2.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": fixed}],
    )
    return str(made["DNSName"])


def point(sim: VirtualWorld, zone: str, name: str) -> None:
    """Let the application's name stand for a balancer's."""
    record: dict[str, Any] = {"Name": APP, "Type": "CNAME", "TTL": 60}
    changes = [
        {
            "Action": "UPSERT",
            "ResourceRecordSet": {**record, "ResourceRecords": [{"Value": name}]},
        }
    ]
    route53 = sim.client("route53")
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def test_a_resolver_that_clamps_turns_long_after_the_others() -> None:
    with VirtualWorld((W, E), propagation_s=1, resolvers={"tokyo": "clamp:300"}) as sim:
        names = {region: balancer(sim, region) for region in (W, E)}
        made = sim.client("route53").create_hosted_zone(Name="shop.example", CallerReference="1")
        zone = made["HostedZone"]["Id"]
        point(sim, zone, names[W])
        sim.advance(seconds=5)
        cities = [sim.at(city) for city in ("london", "tokyo")]

        def seen() -> list[str]:
            return [city.get(f"http://{APP}/").text for city in cities]

        assert seen() == [W, W]
        point(sim, zone, names[E])
        sim.advance(seconds=70)
        assert seen() == [E, W]
        sim.advance(seconds=240)
        assert seen() == [E, E]


def test_a_behaviour_that_there_is_not_is_refused() -> None:
    with pytest.raises(Refused, match="no behaviour of a resolver"):
        VirtualWorld((W,), resolvers={"tokyo": "sometimes"})
