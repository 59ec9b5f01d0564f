"""Operations on query logging, on VPCs' settings and on tags, one thin function each."""

from collections.abc import Callable
from typing import Any

import msgspec

from antipodes.regional.route53resolver import model
from antipodes.regional.route53resolver.model import Association, LogConfig, VpcConfig
from antipodes.regional.route53resolver.service import (
    Route53Resolver,
    check_new,
    filtered,
    operations,
    page,
    shown_time,
)
from antipodes.service.contract import Call, Request, Response

_DESTINATIONS = ("arn:aws:logs:", "arn:aws:s3:::", "arn:aws:firehose:")
_CONFIG_FILTERS: dict[str, Callable[[LogConfig], str]] = {
    "creatorrequestid": lambda config: config.creator,
    "destinationarn": lambda config: config.destination,
    "id": lambda config: config.id,
    "name": lambda config: config.name,
    "ownerid": lambda config: config.account,
    "status": lambda _: "CREATED",
}
_ASSOCIATION_FILTERS: dict[str, Callable[[Association], str]] = {
    "id": lambda association: association.id,
    "resolverquerylogconfigid": lambda association: association.of,
    "resourceid": lambda association: association.vpc,
    "status": lambda _: "ACTIVE",
}

# Query logging.


def _shown(service: Route53Resolver, call: Call, config: LogConfig) -> Response:
    known = service.log_associations.list(call.account)
    return {
        "Id": config.id,
        "OwnerId": config.account,
        "Status": "CREATED",
        "ShareStatus": "NOT_SHARED",
        "AssociationCount": sum(association.of == config.id for association in known),
        "Arn": service.arn(call, config.kind, config.id),
        "Name": config.name,
        "DestinationArn": config.destination,
        "CreatorRequestId": config.creator,
        "CreationTime": shown_time(config.created_at),
    }


@operations("CreateResolverQueryLogConfig")
def create_resolver_query_log_config(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    name, destination = model.check_name(request["Name"]), request["DestinationArn"]
    if not destination.startswith(_DESTINATIONS):
        raise model.invalid(
            "The destination must be a log group, a bucket or a delivery stream", "DestinationArn"
        )
    tags = model.tags_of(request.get("Tags"))
    now, creator = service.now, request["CreatorRequestId"]
    known = service.log_configs.list(call.account)
    check_new(known, creator, "query log config", model.LOG_CONFIGS_MAX)
    identity = model.identifier("rqlc", call.account, call.region, creator, str(now))
    config = LogConfig(identity, call.account, creator, name, destination, tags, now)
    service.put(config)
    return {"ResolverQueryLogConfig": _shown(service, call, config)}


@operations("GetResolverQueryLogConfig")
def get_resolver_query_log_config(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    config = service.log_config(call, request["ResolverQueryLogConfigId"])
    return {"ResolverQueryLogConfig": _shown(service, call, config)}


@operations("ListResolverQueryLogConfigs")
def list_resolver_query_log_configs(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    known = service.log_configs.list(call.account)
    found = filtered(known, request.get("Filters"), _CONFIG_FILTERS)
    _sort(found, request, _CONFIG_FILTERS)
    shown = page(request, found, "ResolverQueryLogConfigs", lambda one: _shown(service, call, one))
    return {**shown, "TotalCount": len(known), "TotalFilteredCount": len(found)}


def _sort(found: list[Any], request: Request, known: dict[str, Callable[[Any], str]]) -> None:
    by = request.get("SortBy") or ""
    if not by:
        return
    keys = {**known, "creationtime": lambda thing: shown_time(thing.created_at)}
    if by.lower() not in keys:
        raise model.invalid(f"'{by}' is nothing to sort this list by", "SortBy")
    found.sort(key=keys[by.lower()], reverse=request.get("SortOrder") == "DESCENDING")


@operations("DeleteResolverQueryLogConfig")
def delete_resolver_query_log_config(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    config = service.log_config(call, request["ResolverQueryLogConfigId"])
    if any(one.of == config.id for one in service.log_associations.list(call.account)):
        raise model.refused(f"Query log config '{config.id}' is associated with VPCs")
    service.log_configs.delete(call.account, config.id)
    shown = {**_shown(service, call, config), "Status": "DELETING"}
    return {"ResolverQueryLogConfig": shown}


def _shown_association(association: Association) -> Response:
    return {
        "Id": association.id,
        "ResolverQueryLogConfigId": association.of,
        "ResourceId": association.vpc,
        "Status": "ACTIVE",
        "Error": "NONE",
        "ErrorMessage": "",
        "CreationTime": shown_time(association.created_at),
    }


@operations("AssociateResolverQueryLogConfig")
async def associate_resolver_query_log_config(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    config, vpc = (
        service.log_config(call, request["ResolverQueryLogConfigId"]),
        request["ResourceId"],
    )
    await service.check_vpc(call, vpc)
    for other in service.log_associations.list(call.account):
        if (other.of, other.vpc) == (config.id, vpc):
            raise model.exists("query log config association", other.id)
    identity = model.identifier("rqlca", config.id, vpc, str(service.now))
    association = Association(identity, call.account, config.id, vpc, "", service.now)
    service.log_associations.put(call.account, association.id, association)
    return {"ResolverQueryLogConfigAssociation": _shown_association(association)}


@operations("DisassociateResolverQueryLogConfig")
def disassociate_resolver_query_log_config(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    wanted = (request["ResolverQueryLogConfigId"], request["ResourceId"])
    for association in service.log_associations.list(call.account):
        if (association.of, association.vpc) == wanted:
            service.log_associations.delete(call.account, association.id)
            shown = {**_shown_association(association), "Status": "DELETING"}
            return {"ResolverQueryLogConfigAssociation": shown}
    raise model.not_found("Resolver query log config association", " ".join(wanted))


@operations("GetResolverQueryLogConfigAssociation")
def get_resolver_query_log_config_association(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    association = service.log_association(call, request["ResolverQueryLogConfigAssociationId"])
    return {"ResolverQueryLogConfigAssociation": _shown_association(association)}


@operations("ListResolverQueryLogConfigAssociations")
def list_resolver_query_log_config_associations(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    known = service.log_associations.list(call.account)
    found = filtered(known, request.get("Filters"), _ASSOCIATION_FILTERS)
    _sort(found, request, _ASSOCIATION_FILTERS)
    shown = page(request, found, "ResolverQueryLogConfigAssociations", _shown_association)
    return {**shown, "TotalCount": len(known), "TotalFilteredCount": len(found)}


# What a VPC's resolver does by itself.


def _shown_config(config: VpcConfig, call: Call) -> Response:
    return {
        "Id": config.id,
        "ResourceId": config.vpc,
        "OwnerId": call.account,
        "AutodefinedReverse": "ENABLED" if config.reverse else "DISABLED",
    }


def _config(service: Route53Resolver, call: Call, vpc: str) -> VpcConfig:
    found = service.vpc_configs.get(call.account, vpc)
    return found or VpcConfig(model.identifier("rslvr-rc", call.account, vpc), vpc)


@operations("GetResolverConfig")
async def get_resolver_config(service: Route53Resolver, call: Call, request: Request) -> Response:
    await service.check_vpc(call, request["ResourceId"])
    config = _config(service, call, request["ResourceId"])
    return {"ResolverConfig": _shown_config(config, call)}


@operations("UpdateResolverConfig")
async def update_resolver_config(
    service: Route53Resolver, call: Call, request: Request
) -> Response:
    vpc, flag = request["ResourceId"], request["AutodefinedReverseFlag"]
    if flag == "USE_LOCAL_RESOURCE_SETTING":
        raise model.invalid("Profiles are not offered here", "AutodefinedReverseFlag")
    await service.check_vpc(call, vpc)
    config = _config(service, call, vpc)
    config = msgspec.structs.replace(config, reverse=flag == "ENABLE")
    service.vpc_configs.put(call.account, vpc, config)
    service.resolvers.forget()
    return {"ResolverConfig": _shown_config(config, call)}


@operations("ListResolverConfigs")
def list_resolver_configs(service: Route53Resolver, call: Call, request: Request) -> Response:
    known = service.vpc_configs.list(call.account)
    return page(request, known, "ResolverConfigs", lambda config: _shown_config(config, call))


# Tags.


@operations("TagResource")
def tag_resource(service: Route53Resolver, call: Call, request: Request) -> Response:
    thing = service.by_arn(call, request["ResourceArn"])
    tags = model.tags_of(request["Tags"], thing.tags)
    service.put(msgspec.structs.replace(thing, tags=tags))
    return {}


@operations("UntagResource")
def untag_resource(service: Route53Resolver, call: Call, request: Request) -> Response:
    thing = service.by_arn(call, request["ResourceArn"])
    tags = {key: value for key, value in thing.tags.items() if key not in request["TagKeys"]}
    service.put(msgspec.structs.replace(thing, tags=tags))
    return {}


@operations("ListTagsForResource")
def list_tags_for_resource(service: Route53Resolver, call: Call, request: Request) -> Response:
    thing = service.by_arn(call, request["ResourceArn"])
    tags = sorted(thing.tags.items())
    return page(request, tags, "Tags", lambda tag: {"Key": tag[0], "Value": tag[1]})
