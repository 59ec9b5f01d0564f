"""The API of `resource-groups`, 2017-11-27: one thin function per operation."""

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from antipodes.regional.resourcegroups import model
from antipodes.regional.resourcegroups.model import TAGS_TYPE, TYPES, Group, Query
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)
from antipodes.service.paging import InvalidToken, page_at
from antipodes.service.records import Records

operations = Operations()
PAGE_MAX = 50
_OF_APPLICATIONS = ("Configuration", "Criticality", "Owner", "DisplayName")
_BY_TYPE = "resource-type"


class ResourceGroups(Service):
    """Resource groups in one region."""

    name = "resource-groups"
    operations: ClassVar[Operations] = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.groups = Records(host.store, "resource-groups/group", Group)

    def arn(self, of: Group) -> str:
        """The ARN of a group."""
        return f"arn:aws:resource-groups:{self.host.place}:{of.account}:group/{of.name}"

    def group(self, call: Call, named: str | None) -> Group:
        """A group by its name or ARN; raises NotFoundException."""
        if not named:
            raise model.refused("A group is named by Group.")
        name = named
        if named.startswith("arn:"):
            begins = f"arn:aws:resource-groups:{self.host.place}:{call.account}:group/"
            name = named.removeprefix(begins)
        found = self.groups.get(call.account, name)
        if found is None:
            raise ServiceError("NotFoundException", f"Cannot find the group {named}.", 404)
        return found

    def shown(self, of: Group) -> Response:
        """A group, as it is described."""
        described = {"Description": of.description} if of.description else {}
        return {"GroupArn": self.arn(of), "Name": of.name, **described}

    async def members(self, call: Call, query: Query) -> list[Response]:
        """What is in a query, by its ARN and type."""
        asked: Request = {}
        keys = [one.key for one in query.filters]
        if keys:
            asked = {"Filters": [{"Name": "key", "Values": keys}]}
        told = await self.host.call(
            "ec2", "DescribeTags", asked, account=call.account, trace=call.trace
        )
        tags: dict[tuple[str, str], dict[str, str]] = {}
        for one in told["Tags"]:
            of = tags.setdefault((one["ResourceType"], one["ResourceId"]), {})
            of[one["Key"]] = one["Value"]
        begins = f"arn:aws:ec2:{self.host.place}:{call.account}"
        return [
            {"ResourceArn": f"{begins}:{resource}/{name}", "ResourceType": TYPES[resource]}
            for (resource, name), found in tags.items()
            if resource in TYPES and query.has(TYPES[resource], found)
        ]


def _named(request: Request) -> str | None:
    return request.get("Group") or request.get("GroupName")


def _query_shown(of: Group) -> Response:
    return {"Type": TAGS_TYPE, "Query": of.query}


def _page(items: Sequence[Any], request: Request) -> tuple[Sequence[Any], Response]:
    size = request.get("MaxResults") or PAGE_MAX
    try:
        found, following = page_at(items, request.get("NextToken") or None, size)
    except InvalidToken:
        raise model.refused("NextToken is not valid.") from None
    return found, {"NextToken": following} if following else {}


def _errors(query: Query) -> list[Response]:
    return [
        {
            "ErrorCode": "RESOURCE_TYPE_NOT_SUPPORTED",
            "Message": f"Resources of type {one} are not found here.",
        }
        for one in query.unknown
    ]


def _not_offered(request: Request) -> None:
    for member in _OF_APPLICATIONS:
        if request.get(member) is not None:
            raise model.refused(f"{member} is not offered here: groups are of tags.")


@operations("CreateGroup")
def create_group(service: ResourceGroups, call: Call, request: Request) -> Response:
    _not_offered(request)
    name, description = request["Name"], request.get("Description") or ""
    model.check_name(name)
    if not request.get("ResourceQuery"):
        raise model.refused("A group has a ResourceQuery.")
    model.query_of(request["ResourceQuery"])
    tags = model.with_tags((), request.get("Tags") or {})
    if service.groups.get(call.account, name) is not None:
        raise model.refused(f"The group {name} exists already.")
    made = Group(name, call.account, request["ResourceQuery"]["Query"], description, tags)
    service.groups.put(call.account, name, made)
    return {
        "Group": service.shown(made),
        "ResourceQuery": _query_shown(made),
        "Tags": dict(made.tags),
    }


@operations("GetGroup")
def get_group(service: ResourceGroups, call: Call, request: Request) -> Response:
    return {"Group": service.shown(service.group(call, _named(request)))}


@operations("GetGroupQuery")
def get_group_query(service: ResourceGroups, call: Call, request: Request) -> Response:
    found = service.group(call, _named(request))
    return {"GroupQuery": {"GroupName": found.name, "ResourceQuery": _query_shown(found)}}


@operations("ListGroups")
def list_groups(service: ResourceGroups, call: Call, request: Request) -> Response:
    """By the types in their queries; by what application groups have, there is none."""
    found = service.groups.list(call.account)
    for one in request.get("Filters") or []:
        wanted = set(one["Values"]) if one["Name"] == _BY_TYPE else set()
        found = [group for group in found if wanted & {*_query(group).types}]
    groups, following = _page([service.shown(one) for one in found], request)
    identifiers = [
        {"GroupName": one["Name"], "GroupArn": one["GroupArn"]}
        | ({"Description": one["Description"]} if "Description" in one else {})
        for one in groups
    ]
    return {"Groups": groups, "GroupIdentifiers": identifiers, **following}


def _query(of: Group) -> Query:
    return model.query_of(_query_shown(of))


@operations("ListGroupResources")
async def list_group_resources(service: ResourceGroups, call: Call, request: Request) -> Response:
    query = _query(service.group(call, _named(request)))
    members = await service.members(call, query)
    for one in request.get("Filters") or []:
        for kind in one["Values"]:
            if model.ALL_TYPES not in query.types and kind not in query.types:
                raise model.refused(f"The resource type {kind} is not in the group's query.")
        members = [member for member in members if member["ResourceType"] in one["Values"]]
    found, following = _page(members, request)
    return {
        "Resources": [{"Identifier": one} for one in found],
        "ResourceIdentifiers": found,
        "QueryErrors": _errors(query),
        **following,
    }


@operations("SearchResources")
async def search_resources(service: ResourceGroups, call: Call, request: Request) -> Response:
    query = model.query_of(request["ResourceQuery"])
    found, following = _page(await service.members(call, query), request)
    return {"ResourceIdentifiers": found, "QueryErrors": _errors(query), **following}


@operations("UpdateGroup")
def update_group(service: ResourceGroups, call: Call, request: Request) -> Response:
    found = service.group(call, _named(request))
    _not_offered(request)
    description = request.get("Description")
    if description is not None:
        found = msgspec.structs.replace(found, description=description)
        service.groups.put(call.account, found.name, found)
    return {"Group": service.shown(found)}


@operations("UpdateGroupQuery")
def update_group_query(service: ResourceGroups, call: Call, request: Request) -> Response:
    found = service.group(call, _named(request))
    model.query_of(request["ResourceQuery"])
    changed = msgspec.structs.replace(found, query=request["ResourceQuery"]["Query"])
    service.groups.put(call.account, found.name, changed)
    return {"GroupQuery": {"GroupName": found.name, "ResourceQuery": _query_shown(changed)}}


@operations("DeleteGroup")
def delete_group(service: ResourceGroups, call: Call, request: Request) -> Response:
    found = service.group(call, _named(request))
    service.groups.delete(call.account, found.name)
    return {"Group": service.shown(found)}


# Tags.


@operations("GetTags")
def get_tags(service: ResourceGroups, call: Call, request: Request) -> Response:
    found = service.group(call, request["Arn"])
    return {"Arn": service.arn(found), "Tags": dict(found.tags)}


@operations("Tag")
def tag(service: ResourceGroups, call: Call, request: Request) -> Response:
    found = service.group(call, request["Arn"])
    tags = model.with_tags(found.tags, request["Tags"])
    service.groups.put(call.account, found.name, msgspec.structs.replace(found, tags=tags))
    return {"Arn": service.arn(found), "Tags": request["Tags"]}


@operations("Untag")
def untag(service: ResourceGroups, call: Call, request: Request) -> Response:
    found = service.group(call, request["Arn"])
    tags = model.without_tags(found.tags, request["Keys"])
    service.groups.put(call.account, found.name, msgspec.structs.replace(found, tags=tags))
    return {"Arn": service.arn(found), "Keys": request["Keys"]}
