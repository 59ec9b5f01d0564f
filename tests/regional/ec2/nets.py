"""A network to lead routes through: two subnets, a gateway, a table, and an appliance."""

from typing import Any

from antipodes.regional.ec2.estate import Estate
from tests.regional.ec2.worlds import named, refusal
from tests.regional.elbv2.hosts import Region


class Net:
    """A VPC with two subnets, a gateway, a table, and an instance for an appliance."""

    def __init__(self, region: Region) -> None:
        self.region = region
        ec2 = self.ec2 = region.client("ec2")
        self.vpc: str = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.front, self.back = (
            str(ec2.create_subnet(VpcId=self.vpc, CidrBlock=prefix)["Subnet"]["SubnetId"])
            for prefix in ("10.0.0.0/24", "10.0.1.0/24")
        )
        made = ec2.create_internet_gateway()["InternetGateway"]
        self.gateway: str = made["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.table = self.make()
        self.instance, self.appliance = self.launch()

    def make(self, vpc: str = "") -> str:
        made = self.ec2.create_route_table(VpcId=vpc or self.vpc)["RouteTable"]
        return str(made["RouteTableId"])

    @property
    def estate(self) -> Estate:
        return Estate(self.region.host)

    def launch(self) -> tuple[str, str]:
        """An instance, and its interface."""
        made = self.ec2.run_instances(
            ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=self.back
        )["Instances"][0]
        return made["InstanceId"], made["NetworkInterfaces"][0]["NetworkInterfaceId"]

    def described(self, table: str = "") -> dict[str, Any]:
        ec2 = self.region.client("ec2")
        found = ec2.describe_route_tables(RouteTableIds=[table or self.table])["RouteTables"]
        one: dict[str, Any] = found[0]
        return one

    def main(self) -> dict[str, Any]:
        wanted = [*named("vpc-id", self.vpc), *named("association.main", "true")]
        [found] = self.ec2.describe_route_tables(Filters=wanted)["RouteTables"]
        main: dict[str, Any] = found
        return main

    def routes(self, table: str = "") -> dict[str, tuple[str, str]]:
        """Targets and states by destination."""
        found = {}
        for route in self.described(table)["Routes"]:
            to = next(value for name, value in route.items() if name.startswith("Destination"))
            target = next(
                value
                for name, value in route.items()
                if name.endswith("Id") and not name.startswith(("Destination", "Instance"))
            )
            found[to] = target, route["State"]
        return found

    def create(self, to: str, **target: str) -> None:
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock=to, **target)

    def refused(self, to: str, **target: Any) -> str:
        before = self.described()
        code = refusal(
            self.ec2.create_route, RouteTableId=self.table, DestinationCidrBlock=to, **target
        )
        assert self.described() == before
        return code
