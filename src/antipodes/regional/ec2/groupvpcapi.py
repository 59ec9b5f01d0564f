"""EC2's operations on security groups that are used in further VPCs of their region."""

import msgspec

from antipodes.regional.ec2 import groupfilters, groups, showngroups
from antipodes.regional.ec2.answering import check_dry_run, page
from antipodes.regional.ec2.model import SecurityGroup
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.service.contract import Call, Request, Response, ServiceError


@operations("AssociateSecurityGroupVpc")
def associate_security_group_vpc(service: Ec2, call: Call, request: Request) -> Response:
    """To associate what is associated changes nothing."""
    estate = service.estate
    group = groups.by_id(estate, call.account, request["GroupId"])
    vpc = estate.vpcs.usable(call.account, request["VpcId"])
    own = estate.vpcs.anywhere(call.account, group.vpc)
    if own is not None and group.id == own.group:
        raise ServiceError(
            "InvalidParameterValue",
            f"{group.id} is the default security group of {group.vpc}, and is used there alone.",
        )
    if vpc.default or vpc.id == group.vpc:
        why = "a default VPC" if vpc.default else "the security group's own"
        raise ServiceError(
            "InvalidParameterValue",
            f"{group.id} cannot be associated with {vpc.id}, which is {why}.",
        )
    check_dry_run(request)
    estate.shared.welcome(vpc.account, call.account)
    _keep(service, group, tuple(dict.fromkeys((*group.others, vpc.id))))
    return {"State": "associating"}


@operations("DisassociateSecurityGroupVpc")
def disassociate_security_group_vpc(service: Ec2, call: Call, request: Request) -> Response:
    estate, vpc = service.estate, request["VpcId"]
    group = groups.by_id(estate, call.account, request["GroupId"])
    if vpc not in group.others:
        raise ServiceError(
            "InvalidVpcID.NotFound", f"{group.id} is not associated with the VPC '{vpc}'"
        )
    if any(one.vpc == vpc and group.id in one.groups for one in estate.interfaces.all()):
        raise ServiceError("DependencyViolation", f"resource {group.id} has a dependent object")
    check_dry_run(request)
    _keep(service, group, tuple(one for one in group.others if one != vpc))
    return {"State": "disassociating"}


def _keep(service: Ec2, group: SecurityGroup, others: tuple[str, ...]) -> None:
    changed = msgspec.structs.replace(group, others=others)
    service.estate.groups.put(group.account, group.id, changed)


@operations("DescribeSecurityGroupVpcAssociations")
def describe_security_group_vpc_associations(
    service: Ec2, call: Call, request: Request
) -> Response:
    """Both who has the group and who has the VPC see an association."""
    estate = service.estate
    every = [
        (group, vpc)
        for group in estate.groups.all()
        for name in group.others
        if (vpc := estate.vpcs.anywhere(group.account, name)) is not None
    ]
    found = [
        showngroups.association(group, vpc)
        for group, vpc in every
        if call.account in {group.account, vpc.account}
    ]
    return page(found, request, groupfilters.ASSOCIATION_FILTERS, "SecurityGroupVpcAssociations")
