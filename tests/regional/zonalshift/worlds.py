"""A simulated world with a load balancer that has opted in to zonal shifts."""

from typing import Any

from antipodes.testing.virtualworld import VirtualWorld

W, E = "us-west-2", "eu-central-1"
ZONE_1, ZONE_2 = "usw2-az1", "usw2-az2"


class Shifting:
    """A load balancer that has opted in, and a client of the API."""

    def __init__(self, world: VirtualWorld, **more: Any) -> None:
        self.world = world
        self.api = world.client("arc-zonal-shift", W)
        self.elastic = world.client("elbv2", W)
        subnets = world.client("ec2", W).describe_subnets()["Subnets"]
        self.subnets = [
            next(s["SubnetId"] for s in subnets if s["AvailabilityZoneId"] == zone)
            for zone in (ZONE_1, ZONE_2)
        ]
        self.arn = self.balancer("shifted", **more)
        self.elastic.modify_load_balancer_attributes(
            LoadBalancerArn=self.arn,
            Attributes=[{"Key": "zonal_shift.config.enabled", "Value": "true"}],
        )

    def balancer(self, name: str, **more: Any) -> str:
        """Make a load balancer."""
        made = self.elastic.create_load_balancer(Name=name, Subnets=self.subnets, **more)
        arn: str = made["LoadBalancers"][0]["LoadBalancerArn"]
        return arn

    def start(self, **more: Any) -> dict[str, Any]:
        """Start a shift."""
        request = {
            "resourceIdentifier": self.arn,
            "awayFrom": ZONE_1,
            "expiresIn": "10m",
            "comment": "a test",
            **more,
        }
        found: dict[str, Any] = self.api.start_zonal_shift(**request)
        return found

    def weights(self) -> dict[str, float]:
        """The weights of the load balancer's zones."""
        found = self.api.get_managed_resource(resourceIdentifier=self.arn)
        weights: dict[str, float] = found["appliedWeights"]
        return weights

    def end(self) -> None:
        """Cancel what is active."""
        for shift in self.api.list_zonal_shifts(status="ACTIVE")["items"]:
            self.api.cancel_zonal_shift(zonalShiftId=shift["zonalShiftId"])
