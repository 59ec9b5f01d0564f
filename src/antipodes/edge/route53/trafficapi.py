"""Traffic policies, their versions, and the instances that put them to work in zones."""

from typing import Any

import msgspec

from antipodes.edge.route53 import naming, records, trafficdocuments
from antipodes.edge.route53.changes import Change
from antipodes.edge.route53.model import HostedZone, RecordSet, TrafficPolicy, TrafficPolicyInstance
from antipodes.edge.route53.pages import limit_of, told_limit
from antipodes.edge.route53.recordapi import judged
from antipodes.edge.route53.records import invalid_input
from antipodes.edge.route53.service import Route53, bare, no_such_zone, operations
from antipodes.edge.route53.trafficdocuments import Root
from antipodes.service.contract import Call, Request, Response, ServiceError
from antipodes.service.numbers import whole_number

POLICIES_MAX, VERSIONS_MAX, INSTANCES_MAX = 50, 1000, 5  # "Quotas" of the Developer Guide
PAGE = 100
_VERSION = b"route53-control/traffic-policy-version/"
_LOCATION = "https://route53.amazonaws.com/2013-04-01"


def _key(policy_id: str, version: int) -> str:
    return f"{policy_id}/{version:04}"


def _versions(service: Route53, account: str, policy_id: str) -> list[TrafficPolicy]:
    found = [policy for policy in service.policies.list(account) if policy.id == policy_id]
    if not found:
        raise _no_such_policy(policy_id)
    return found


def _no_such_policy(policy_id: str) -> ServiceError:
    return ServiceError(
        "NoSuchTrafficPolicy", f"A traffic policy with id {policy_id} does not exist.", 404
    )


def _find(service: Route53, call: Call, policy_id: str, version: int) -> TrafficPolicy:
    found = service.policies.get(call.account, _key(policy_id, version))
    if found is None:
        raise _no_such_policy(f"{policy_id} and version {version}")
    return found


def latest_policies(service: Route53, account: str) -> list[TrafficPolicy]:
    """The latest version of each of an account's policies, in the order they were created in."""
    latest: dict[str, TrafficPolicy] = {}
    created: dict[str, float] = {}
    for policy in service.policies.list(account):  # by id, then version
        latest[policy.id] = policy
        created.setdefault(policy.id, policy.created_at)
    return sorted(latest.values(), key=lambda policy: (created[policy.id], policy.id))


def _show(policy: TrafficPolicy) -> Response:
    shown: Response = {
        "Id": policy.id,
        "Version": policy.version,
        "Name": policy.name,
        "Type": policy.type,
        "Document": policy.document,
    }
    return {**shown, "Comment": policy.comment} if policy.comment else shown


def _create(service: Route53, call: Call, request: Request, policy_id: str, name: str) -> Response:
    """Keep another version of a policy."""
    document = trafficdocuments.parse(request["Document"])
    counter = _VERSION + policy_id.encode()
    version = int(service.host.store.get(counter) or b"0") + 1
    if version > VERSIONS_MAX:
        raise ServiceError(
            "TooManyTrafficPolicyVersionsForCurrentPolicy",
            f"A traffic policy has at most {VERSIONS_MAX} versions",
        )
    policy = TrafficPolicy(
        id=policy_id,
        account=call.account,
        version=version,
        name=name,
        type=document.rtype,
        document=request["Document"],
        comment=request.get("Comment") or "",
        created_at=service.now(),
    )
    service.host.store.put(counter, b"%d" % version)
    service.policies.put(call.account, _key(policy_id, version), policy)
    location = f"{_LOCATION}/trafficpolicy/{policy_id}/{version}"
    return {"TrafficPolicy": _show(policy), "Location": location}


@operations("CreateTrafficPolicy")
def create_traffic_policy(service: Route53, call: Call, request: Request) -> Response:
    known = latest_policies(service, call.account)
    if any(policy.name == request["Name"] for policy in known):
        raise ServiceError(
            "TrafficPolicyAlreadyExists",
            f"A traffic policy with the name {request['Name']} already exists.",
            409,
        )
    if len(known) >= POLICIES_MAX:
        message = f"An account has at most {POLICIES_MAX} traffic policies"
        raise ServiceError("TooManyTrafficPolicies", message)
    return _create(service, call, request, service.new_uuid(), request["Name"])


@operations("CreateTrafficPolicyVersion")
def create_traffic_policy_version(service: Route53, call: Call, request: Request) -> Response:
    known = _versions(service, call.account, request["Id"])
    return _create(service, call, request, request["Id"], known[0].name)


@operations("GetTrafficPolicy")
def get_traffic_policy(service: Route53, call: Call, request: Request) -> Response:
    return {"TrafficPolicy": _show(_find(service, call, request["Id"], request["Version"]))}


@operations("ListTrafficPolicies")
def list_traffic_policies(service: Route53, call: Call, request: Request) -> Response:
    known = latest_policies(service, call.account)
    marker, limit = request.get("TrafficPolicyIdMarker"), limit_of(request, "MaxItems", PAGE)
    if marker:
        ids = [policy.id for policy in known]
        if marker not in ids:
            raise invalid_input(f"There is no traffic policy {marker} to begin with")
        known = known[ids.index(marker) :]
    counts: dict[str, int] = {}
    for policy in service.policies.list(call.account):
        counts[policy.id] = counts.get(policy.id, 0) + 1
    summaries = [
        {
            "Id": policy.id,
            "Name": policy.name,
            "Type": policy.type,
            "LatestVersion": policy.version,
            "TrafficPolicyCount": counts[policy.id],
        }
        for policy in known[:limit]
    ]
    more = len(known) > limit
    return {
        "TrafficPolicySummaries": summaries,
        "IsTruncated": more,
        "TrafficPolicyIdMarker": known[limit].id if more else "",
        "MaxItems": told_limit(request, "MaxItems", PAGE),
    }


@operations("ListTrafficPolicyVersions")
def list_traffic_policy_versions(service: Route53, call: Call, request: Request) -> Response:
    known = _versions(service, call.account, request["Id"])
    marker, limit = request.get("TrafficPolicyVersionMarker"), limit_of(request, "MaxItems", PAGE)
    if marker:
        least = whole_number(marker)
        if least < 0:
            raise invalid_input(f"TrafficPolicyVersionMarker {marker} is not a version")
        known = [policy for policy in known if policy.version >= least]
    more = len(known) > limit
    return {
        "TrafficPolicies": [_show(policy) for policy in known[:limit]],
        "IsTruncated": more,
        "TrafficPolicyVersionMarker": str(known[limit].version) if more else "",
        "MaxItems": told_limit(request, "MaxItems", PAGE),
    }


@operations("UpdateTrafficPolicyComment")
def update_traffic_policy_comment(service: Route53, call: Call, request: Request) -> Response:
    policy = _find(service, call, request["Id"], request["Version"])
    changed = msgspec.structs.replace(policy, comment=request["Comment"])
    service.policies.put(call.account, _key(policy.id, policy.version), changed)
    return {"TrafficPolicy": _show(changed)}


@operations("DeleteTrafficPolicy")
def delete_traffic_policy(service: Route53, call: Call, request: Request) -> Response:
    policy = _find(service, call, request["Id"], request["Version"])
    used = [
        instance
        for instance in service.instances.list(call.account)
        if (instance.policy_id, instance.policy_version) == (policy.id, policy.version)
    ]
    if used:
        raise ServiceError(
            "TrafficPolicyInUse",
            f"Version {policy.version} of the traffic policy is used by instance {used[0].id}",
        )
    service.policies.delete(call.account, _key(policy.id, policy.version))
    if all(other.id != policy.id for other in service.policies.list(call.account)):
        service.host.store.delete(_VERSION + policy.id.encode())
    return {}


# Instances.


def _show_instance(service: Route53, instance: TrafficPolicyInstance) -> Response:
    if instance.message:
        state = "Failed"
    else:
        state = "Applied" if service.now() >= instance.applied_at else "Creating"
    return {
        "Id": instance.id,
        "HostedZoneId": instance.zone_id,
        "Name": instance.name,
        "TTL": instance.ttl,
        "State": state,
        "Message": instance.message,
        "TrafficPolicyId": instance.policy_id,
        "TrafficPolicyVersion": instance.policy_version,
        "TrafficPolicyType": instance.policy_type,
    }


def _find_instance(service: Route53, call: Call, instance_id: str) -> TrafficPolicyInstance:
    found = service.instances.get(call.account, instance_id)
    if found is None:
        raise _no_such_instance(instance_id)
    return found


def _no_such_instance(what: str) -> ServiceError:
    return ServiceError(
        "NoSuchTrafficPolicyInstance", f"No traffic policy instance exists: {what}", 404
    )


def _own(service: Route53, instance: TrafficPolicyInstance) -> list[RecordSet]:
    """The records of an instance that are left."""
    return [
        record
        for name in instance.names
        for record in service.records.named(instance.zone_id, name)
        if record.traffic_policy_instance == instance.id
    ]


def _put_to_work(
    service: Route53, zone: HostedZone, policy: TrafficPolicy, instance: TrafficPolicyInstance
) -> TrafficPolicyInstance:
    """Make an instance's records anew, all at once; where they cannot be, the old ones stay."""
    root = Root(zone.id, instance.name, instance.ttl, instance.id, instance.generation)
    old = _own(service, instance)
    try:
        made = trafficdocuments.expand(trafficdocuments.parse(policy.document), root)
        for record in made:
            records.check_places(record)
        batch = [Change("DELETE", record) for record in old]
        outcome = judged(service, zone, [*batch, *(Change("CREATE", r) for r in made)])
    except (ServiceError, naming.BadName) as error:
        failed = msgspec.structs.replace(instance, message=str(error)[:1024])
        service.instances.put(instance.account, instance.id, failed)
        return failed
    change = service.begin_change(instance.account, f"Traffic policy instance {instance.id}")
    service.save_records(zone, *outcome, change)
    names = tuple(dict.fromkeys(record.name for record in made))
    applied = msgspec.structs.replace(
        instance, names=names, applied_at=change.insync_at, message=""
    )
    service.instances.put(instance.account, instance.id, applied)
    return applied


@operations("CreateTrafficPolicyInstance")
def create_instance(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zone(call, request["HostedZoneId"])
    policy = _find(service, call, request["TrafficPolicyId"], request["TrafficPolicyVersion"])
    if zone.private:
        raise invalid_input("Traffic policies can be used in public hosted zones only")
    try:
        name = naming.canonical(request["Name"])
    except naming.BadName as error:
        raise invalid_input(str(error)) from error
    if not naming.within(name, zone.name):
        raise invalid_input(f"{name} is not in zone {zone.name}")
    known = service.instances.list(call.account)
    for other in known:
        if (other.zone_id, other.name, other.policy_type) == (zone.id, name, policy.type):
            raise ServiceError(
                "TrafficPolicyInstanceAlreadyExists",
                f"The traffic policy instance {other.id} has this name and type already.",
                409,
            )
    if len(known) >= INSTANCES_MAX:
        message = f"An account has at most {INSTANCES_MAX} traffic policy instances"
        raise ServiceError("TooManyTrafficPolicyInstances", message)
    instance = TrafficPolicyInstance(
        id=service.new_uuid(),
        account=call.account,
        zone_id=zone.id,
        name=name,
        ttl=request["TTL"],
        policy_id=policy.id,
        policy_version=policy.version,
        policy_type=policy.type,
        applied_at=service.now(),
    )
    made = _put_to_work(service, zone, policy, instance)
    location = f"{_LOCATION}/trafficpolicyinstance/{made.id}"
    return {"TrafficPolicyInstance": _show_instance(service, made), "Location": location}


@operations("GetTrafficPolicyInstance")
def get_instance(service: Route53, call: Call, request: Request) -> Response:
    found = _find_instance(service, call, request["Id"])
    return {"TrafficPolicyInstance": _show_instance(service, found)}


@operations("GetTrafficPolicyInstanceCount")
def get_instance_count(service: Route53, call: Call, request: Request) -> Response:
    return {"TrafficPolicyInstanceCount": service.instances.count(call.account)}


@operations("UpdateTrafficPolicyInstance")
def update_instance(service: Route53, call: Call, request: Request) -> Response:
    instance = _find_instance(service, call, request["Id"])
    policy = _find(service, call, request["TrafficPolicyId"], request["TrafficPolicyVersion"])
    if policy.type != instance.policy_type:
        raise ServiceError(
            "ConflictingTypes",
            f"The instance is of type {instance.policy_type}, the policy of {policy.type}",
        )
    zone = service.zones.get(call.account, instance.zone_id)
    if zone is None:
        raise _no_such_instance(f"the hosted zone of {instance.id} is gone")
    wanted = msgspec.structs.replace(
        instance,
        ttl=request["TTL"],
        policy_id=policy.id,
        policy_version=policy.version,
        generation=instance.generation + 1,
    )
    changed = _put_to_work(service, zone, policy, wanted)
    return {"TrafficPolicyInstance": _show_instance(service, changed)}


@operations("DeleteTrafficPolicyInstance")
def delete_instance(service: Route53, call: Call, request: Request) -> Response:
    instance = _find_instance(service, call, request["Id"])
    zone = service.zones.get(call.account, instance.zone_id)
    if zone is not None:
        batch = [Change("DELETE", record) for record in _own(service, instance)]
        outcome = judged(service, zone, batch)
        change = service.begin_change(call.account)
        service.save_records(zone, *outcome, change)
    service.instances.delete(call.account, instance.id)
    return {}


def _position(instance: TrafficPolicyInstance) -> tuple[str, str, str]:
    """Where an instance stands in lists."""
    return instance.zone_id, naming.sort_text(instance.name), instance.policy_type


def _list(
    service: Route53, request: Request, found: list[TrafficPolicyInstance], zone_id: str = ""
) -> Response:
    """One page of instances, from the one that the request's markers name."""
    ordered = sorted(found, key=_position)
    marker = (
        zone_id or bare(request.get("HostedZoneIdMarker") or ""),
        request.get("TrafficPolicyInstanceNameMarker"),
        request.get("TrafficPolicyInstanceTypeMarker"),
    )
    if marker[1] or marker[2]:
        keys = [(i.zone_id, i.name, i.policy_type) for i in ordered]
        if marker not in keys:
            raise _no_such_instance("none has the markers' zone, name and type")
        ordered = ordered[keys.index(marker) :]
    limit = limit_of(request, "MaxItems", PAGE)
    answer: dict[str, Any] = {
        "TrafficPolicyInstances": [_show_instance(service, i) for i in ordered[:limit]],
        "IsTruncated": len(ordered) > limit,
        "MaxItems": told_limit(request, "MaxItems", PAGE),
    }
    if len(ordered) > limit:
        following = ordered[limit]
        answer["TrafficPolicyInstanceNameMarker"] = following.name
        answer["TrafficPolicyInstanceTypeMarker"] = following.policy_type
        if not zone_id:
            answer["HostedZoneIdMarker"] = following.zone_id
    return answer


@operations("ListTrafficPolicyInstances")
def list_instances(service: Route53, call: Call, request: Request) -> Response:
    return _list(service, request, service.instances.list(call.account))


@operations("ListTrafficPolicyInstancesByHostedZone")
def list_instances_by_zone(service: Route53, call: Call, request: Request) -> Response:
    zone = service.zones.get(call.account, bare(request["HostedZoneId"]))
    if zone is None:
        raise no_such_zone(request["HostedZoneId"])
    found = [i for i in service.instances.list(call.account) if i.zone_id == zone.id]
    return _list(service, request, found, zone.id)


@operations("ListTrafficPolicyInstancesByPolicy")
def list_instances_by_policy(service: Route53, call: Call, request: Request) -> Response:
    policy = _find(service, call, request["TrafficPolicyId"], request["TrafficPolicyVersion"])
    wanted = policy.id, policy.version
    found = [
        instance
        for instance in service.instances.list(call.account)
        if (instance.policy_id, instance.policy_version) == wanted
    ]
    return _list(service, request, found)
