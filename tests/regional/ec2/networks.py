"""Networks made with ordinary EC2 calls, and what is asked of them."""

from typing import Any

from antipodes.fabric.network.together import together
from antipodes.questions.walking import Asked, as_record, walked
from antipodes.regional.ec2.service import Ec2
from tests.regional.elbv2.hosts import Region

ACCOUNT = "000000000000"


class Networks:
    """What one account makes in one region."""

    def __init__(self, region: Region, account: str = ACCOUNT) -> None:
        self.ec2 = region.client("ec2", account=account)
        service = region.host.service("ec2")
        assert isinstance(service, Ec2)
        self._service = service
        self._account = account

    def vpc(self, prefix: str) -> str:
        name: str = self.ec2.create_vpc(CidrBlock=prefix)["Vpc"]["VpcId"]
        return name

    def subnet(self, vpc: str, prefix: str, zone: str = "us-west-2a") -> str:
        made = self.ec2.create_subnet(VpcId=vpc, CidrBlock=prefix, AvailabilityZone=zone)
        name: str = made["Subnet"]["SubnetId"]
        return name

    def group(self, vpc: str, prefix: str) -> str:
        """A group that lets everything in from a prefix."""
        made = self.ec2.create_security_group(VpcId=vpc, GroupName="open", Description="open")
        name: str = made["GroupId"]
        self.ec2.authorize_security_group_ingress(
            GroupId=name,
            IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": prefix}]}],
        )
        return name

    def instance(self, subnet: str, *groups: str) -> str:
        """A place for a machine, by its id."""
        made = self.ec2.run_instances(
            ImageId="ami-0123456789abcdef0",
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            SecurityGroupIds=list(groups),
        )
        name: str = made["Instances"][0]["InstanceId"]
        return name

    def route(self, vpc: str, prefix: str, **target: str) -> None:
        """A route in a network's main table."""
        filters = [
            {"Name": "vpc-id", "Values": [vpc]},
            {"Name": "association.main", "Values": ["true"]},
        ]
        [table] = self.ec2.describe_route_tables(Filters=filters)["RouteTables"]
        name = table["RouteTableId"]
        self.ec2.create_route(RouteTableId=name, DestinationCidrBlock=prefix, **target)

    def names(self) -> dict[str, str]:
        """What the account calls its things."""
        found: dict[str, str] = self._service.networks()[self._account]["names"]
        return found

    def ask(self, source: str, target: str, **more: Any) -> dict[str, Any]:
        topology = together([self._service.networks()[self._account]])
        return as_record(walked(topology, Asked(source, target, **more)), lambda *_: 0.5)

    def outcomes(self, source: str, target: str, **more: Any) -> tuple[str, str]:
        record = self.ask(source, target, **more)
        back = record["return"]
        return record["forward"]["outcome"], back["outcome"] if back else ""
