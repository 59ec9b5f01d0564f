"""EC2's operations on security groups; those on their rules are in `ruleapi`."""

from antipodes.regional.ec2 import groupfilters, groups, kinds, references, showngroups, tags
from antipodes.regional.ec2.answering import check_dry_run, described, page
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.shown import for_account
from antipodes.service.contract import Call, Request, Response, ServiceError


@operations("CreateSecurityGroup")
def create_security_group(service: Ec2, call: Call, request: Request) -> Response:
    estate, account = service.estate, call.account
    if request.get("VpcId"):
        vpc = estate.vpcs.usable(account, request["VpcId"])
    else:
        vpc = groups.default_vpc(estate, account)
    name, description = request["GroupName"].rstrip(" "), request["Description"]
    groups.check_new(estate, account, vpc.id, name, description)
    given = tags.tags_given(request.get("TagSpecifications") or [], kinds.SECURITY_GROUP.resource)
    check_dry_run(request)
    made = groups.make(estate, account, vpc, name, description)
    estate.shared.welcome(vpc.account, account)
    estate.tag(account, made.id, given)
    return {
        "GroupId": made.id,
        "SecurityGroupArn": showngroups.arn(estate, made),
        "Tags": tags.shown(given),
    }


@operations("DeleteSecurityGroup")
def delete_security_group(service: Ec2, call: Call, request: Request) -> Response:
    group = groups.asked(service.estate, call.account, request)
    groups.check_removable(service.estate, group)
    check_dry_run(request)
    groups.remove(service.estate, group)
    return {"Return": True, "GroupId": group.id}


@operations("DescribeSecurityGroups")
def describe_security_groups(service: Ec2, call: Call, request: Request) -> Response:
    estate, names = service.estate, request.get("GroupNames") or []
    own = estate.groups.all_usable(call.account)
    if names and request.get("GroupIds"):
        raise ServiceError(
            "InvalidParameterCombination", "Security groups are asked for by names or by ids"
        )
    if names:
        wanted = {groups.by_name(estate, call.account, name).id for name in names}
        own = [one for one in own if one.id in wanted]
    for name in request.get("GroupIds") or []:
        groups.check_id(name)
    found = for_account(call.account, [showngroups.group(estate, one) for one in own])
    return described(kinds.SECURITY_GROUP, found, request, groupfilters.group_filters(estate))


@operations("GetSecurityGroupsForVpc")
def get_security_groups_for_vpc(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    vpc = estate.vpcs.usable(call.account, request["VpcId"])
    every = estate.groups.list(call.account)
    own = [one for one in every if vpc.id in (one.vpc, *one.others)]
    found = [showngroups.for_vpc(estate, one) for one in own]
    return page(found, request, groupfilters.FOR_VPC_FILTERS, "SecurityGroupForVpcs")


@operations("DescribeSecurityGroupReferences")
def describe_security_group_references(service: Ec2, call: Call, request: Request) -> Response:
    """Where a VPC names a group by several ways, each is told of."""
    estate, found = service.estate, dict[tuple[str, ...], Thing]()
    own = [groups.by_id(estate, call.account, name) for name in request["GroupId"]]
    check_dry_run(request)
    for group in own:
        for other, rule in groups.referring(estate, group.id):
            if other.vpc == group.vpc:
                continue
            for way in references.ways(estate, other, group, egress=rule.egress):
                told = {"GroupId": group.id, "ReferencingVpcId": other.vpc}
                if way.peering:
                    told["VpcPeeringConnectionId"] = way.peering
                elif way.hub:
                    told["TransitGatewayId"] = way.hub
                else:
                    continue
                found[tuple(told.values())] = told
    return {"SecurityGroupReferenceSet": list(found.values())}


@operations("DescribeStaleSecurityGroups")
def describe_stale_security_groups(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    vpc = estate.vpcs.usable(call.account, request["VpcId"])
    own = [one for one in estate.groups.list(call.account) if one.vpc == vpc.id]
    found = [one for one in (showngroups.stale(estate, group) for group in own) if one]
    return page(found, request, {}, "StaleSecurityGroupSet")
