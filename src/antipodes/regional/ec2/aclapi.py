"""EC2's operations on network ACLs."""

import msgspec

from antipodes.regional.ec2 import acls, kinds, shownacls
from antipodes.regional.ec2.answering import check_dry_run, described
from antipodes.regional.ec2.model import NetworkAcl
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.shown import for_account
from antipodes.regional.ec2.tags import tags_given
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.service.contract import Call, Request, Response, ServiceError


@operations("CreateNetworkAcl")
def create_network_acl(service: Ec2, call: Call, request: Request) -> Response:
    estate, token = service.estate, token_of(request)
    vpc = estate.vpcs.get(call.account, request["VpcId"])
    tags = tags_given(request.get("TagSpecifications") or [], kinds.NETWORK_ACL.resource)
    own = estate.acls.list(call.account)
    again = repeated(own, token)
    if not again and sum(one.vpc == vpc.id for one in own) >= acls.ACLS_MAX:
        raise ServiceError(
            "NetworkAclLimitExceeded", "The maximum number of network ACLs has been reached."
        )
    check_dry_run(request)
    if again:
        made = again[0]
    else:
        made = NetworkAcl(estate.acls.new_id(), call.account, vpc.id, (), token=token)
        estate.acls.put(call.account, made.id, made)
        estate.tag(call.account, made.id, tags)
    response: Response = {"NetworkAcl": shownacls.acl(estate, made)}
    return response | ({"ClientToken": token.name} if token is not None else {})


@operations("DeleteNetworkAcl")
def delete_network_acl(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    acl = estate.acls.get(call.account, request["NetworkAclId"])
    acls.check_removable(estate, acl)
    check_dry_run(request)
    estate.remove(estate.acls, call.account, acl.id)
    return {}


@operations("DescribeNetworkAcls")
def describe_network_acls(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    seen = [shownacls.acl(estate, one) for one in estate.acls.all_usable(call.account)]
    found = for_account(call.account, seen)
    return described(kinds.NETWORK_ACL, found, request, shownacls.ACL_FILTERS)


@operations("CreateNetworkAclEntry")
def create_network_acl_entry(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    acl = estate.acls.get(call.account, request["NetworkAclId"])
    made = acls.entry(request)
    if acls.at(acl, made.number, egress=made.egress) is not None:
        raise ServiceError(
            "NetworkAclEntryAlreadyExists",
            f"The network acl entry identified by {made.number} already exists.",
        )
    entries = (*acl.entries, made)
    acls.check_number(acl, entries)
    check_dry_run(request)
    estate.acls.put(call.account, acl.id, msgspec.structs.replace(acl, entries=entries))
    return {}


@operations("ReplaceNetworkAclEntry")
def replace_network_acl_entry(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    acl = estate.acls.get(call.account, request["NetworkAclId"])
    made = acls.entry(request)
    if acls.at(acl, made.number, egress=made.egress) is None:
        raise acls.entry_missing(acl, made.number)
    entries = (*acls.without(acl, made.number, egress=made.egress), made)
    acls.check_number(acl, entries)
    check_dry_run(request)
    estate.acls.put(call.account, acl.id, msgspec.structs.replace(acl, entries=entries))
    return {}


@operations("DeleteNetworkAclEntry")
def delete_network_acl_entry(service: Ec2, call: Call, request: Request) -> Response:
    estate, number, egress = service.estate, request["RuleNumber"], bool(request["Egress"])
    acl = estate.acls.get(call.account, request["NetworkAclId"])
    if acls.at(acl, number, egress=egress) is None:
        raise acls.entry_missing(acl, number)
    check_dry_run(request)
    kept = acls.without(acl, number, egress=egress)
    estate.acls.put(call.account, acl.id, msgspec.structs.replace(acl, entries=kept))
    return {}


@operations("ReplaceNetworkAclAssociation")
def replace_network_acl_association(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    subnet = acls.associated(estate, call.account, request["AssociationId"])
    acl = estate.acls.get(call.account, request["NetworkAclId"])
    if acl.vpc != subnet.vpc:
        raise ServiceError(
            "InvalidParameterValue",
            f"networkAcl {acl.id} and subnet {subnet.id} belong to different networks",
        )
    check_dry_run(request)
    if subnet.acl == acl.id:
        return {"NewAssociationId": subnet.acl_association}
    made = estate.new_id("aclassoc")
    changed = msgspec.structs.replace(subnet, acl=acl.id, acl_association=made)
    estate.subnets.put(call.account, subnet.id, changed)
    return {"NewAssociationId": made}
