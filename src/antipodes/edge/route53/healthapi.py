"""Health checks: made, changed, shown, and what their checkers see."""

from typing import Any

import msgspec

from antipodes.edge.route53 import healthchecks, model, neighbours
from antipodes.edge.route53.model import HealthCheck, Observation
from antipodes.edge.route53.pages import marked
from antipodes.edge.route53.records import invalid_input
from antipodes.edge.route53.service import Route53, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

CHECKS_MAX = 200  # of an account ("Quotas" of the Developer Guide)
PAGE = 1000
_RESETS = {
    "FullyQualifiedDomainName": ("domain", ""),
    "Regions": ("regions", ()),
    "ResourcePath": ("path", ""),
    "ChildHealthChecks": ("children", ()),
}


def _find(service: Route53, call: Call, check_id: str) -> HealthCheck:
    found = service.health_checks.get(call.account, check_id)
    if found is None:
        raise ServiceError(
            "NoSuchHealthCheck", f"A health check with id {check_id} does not exist.", 404
        )
    return found


def _save(service: Route53, check: HealthCheck) -> HealthCheck:
    """Keep a health check and tell the edge."""
    service.health_checks.put(check.account, check.id, check)
    service.host.changes.append(model.HEALTH_CHECK_KIND, [check.id, check])
    service.follow_edge()
    return check


def _check_children(service: Route53, check: HealthCheck) -> None:
    """Children must be there, and calculated ones have none."""
    for child_id in check.children:
        child = service.health_checks.get(check.account, child_id)
        if child is None:
            raise invalid_input(f"The child health check {child_id} does not exist")
        if child.type == "CALCULATED":
            raise invalid_input(
                f"The child health check {child_id} is calculated: a calculated health check "
                "can't monitor others"
            )


def _already_exists(reference: str) -> ServiceError:
    return ServiceError(
        "HealthCheckAlreadyExists",
        f"A health check with the caller reference {reference} exists, or did, with other settings",
        409,
    )


def _same(check: HealthCheck, other: HealthCheck) -> bool:
    """Whether two health checks have the same settings."""
    return other == msgspec.structs.replace(
        check,
        id=other.id,
        version=other.version,
        created_at=other.created_at,
        alarm=other.alarm if _names(check) == _names(other) else check.alarm,
    )


def _names(check: HealthCheck) -> tuple[str, str]:
    """Which alarm a health check is for, without what was copied of it."""
    return (check.alarm.region, check.alarm.name) if check.alarm is not None else ("", "")


@operations("CreateHealthCheck")
def create_health_check(service: Route53, call: Call, request: Request) -> Any:
    config, reference = request["HealthCheckConfig"], request["CallerReference"]
    check = HealthCheck(
        id=service.new_uuid(),
        account=call.account,
        caller_reference=reference,
        type=config["Type"],
        created_at=service.now(),
    )
    check = healthchecks.first(config, check)
    healthchecks.validate(check)
    if check.alarm is not None:
        return _create_with_alarm(service, call, check)
    return _created(service, check)


async def _create_with_alarm(service: Route53, call: Call, check: HealthCheck) -> Response:
    return _created(service, await _with_alarm(service, call, check))


async def _with_alarm(service: Route53, call: Call, check: HealthCheck) -> HealthCheck:
    """A health check with a copy of its alarm's settings as they are now."""
    region, name = _names(check)
    alarm = await neighbours.find_alarm(service.host, call, region, name)
    if alarm is None:
        raise invalid_input(f"The alarm {name} does not exist in region {region}")
    return msgspec.structs.replace(check, alarm=alarm)


def _created(service: Route53, check: HealthCheck) -> Response:
    reference = check.caller_reference
    known = service.health_checks.list(check.account)
    existing = next((other for other in known if other.caller_reference == reference), None)
    if existing is not None:
        if not _same(check, existing):
            raise _already_exists(reference)
        check = existing
    else:
        if service.was_used(check.account, "health-check", reference):
            raise _already_exists(reference)
        if len(known) >= CHECKS_MAX:
            raise ServiceError(
                "TooManyHealthChecks", f"An account has at most {CHECKS_MAX} health checks"
            )
        _check_children(service, check)
        _save(service, check)
    location = f"https://route53.amazonaws.com/2013-04-01/healthcheck/{check.id}"
    return {"HealthCheck": healthchecks.show(check), "Location": location}


@operations("GetHealthCheck")
def get_health_check(service: Route53, call: Call, request: Request) -> Response:
    return {"HealthCheck": healthchecks.show(_find(service, call, request["HealthCheckId"]))}


@operations("ListHealthChecks")
def list_health_checks(service: Route53, call: Call, request: Request) -> Response:
    return marked(
        service.health_checks.list(call.account),
        request,
        PAGE,
        id_of=lambda check: check.id,
        shown=healthchecks.show,
        member="HealthChecks",
    )


@operations("GetHealthCheckCount")
def get_health_check_count(service: Route53, call: Call, request: Request) -> Response:
    return {"HealthCheckCount": service.health_checks.count(call.account)}


@operations("UpdateHealthCheck")
def update_health_check(service: Route53, call: Call, request: Request) -> Any:
    check = _changed(service, call, request)
    if check.alarm is not None:
        return _update_with_alarm(service, call, request, check)
    return _updated(service, check)


def _changed(service: Route53, call: Call, request: Request) -> HealthCheck:
    """The health check of a request as it would be."""
    check = _find(service, call, request["HealthCheckId"])
    version = request.get("HealthCheckVersion")
    if version is not None and version != check.version:
        raise ServiceError(
            "HealthCheckVersionMismatch",
            f"The health check has version {check.version}, not {version}",
            409,
        )
    healthchecks.check_members(check.type, request)
    if request.get("IPAddress") is not None and not (check.ip and request["IPAddress"]):
        raise invalid_input("IPAddress can't be added to a health check, or removed from it")
    resets = dict(_RESETS[name] for name in request.get("ResetElements") or ())
    changed = healthchecks.read(request, msgspec.structs.replace(check, **resets))
    healthchecks.validate(changed)
    _check_children(service, changed)
    return msgspec.structs.replace(changed, version=check.version + 1)


async def _update_with_alarm(
    service: Route53, call: Call, request: Request, check: HealthCheck
) -> Response:
    """Copy the alarm's settings anew, whatever else changes; then look at the check again."""
    alarm = (await _with_alarm(service, call, check)).alarm
    check = _changed(service, call, request)
    return _updated(service, msgspec.structs.replace(check, alarm=alarm))


def _updated(service: Route53, check: HealthCheck) -> Response:
    return {"HealthCheck": healthchecks.show(_save(service, check))}


@operations("DeleteHealthCheck")
def delete_health_check(service: Route53, call: Call, request: Request) -> Response:
    check = _find(service, call, request["HealthCheckId"])
    service.health_checks.delete(call.account, check.id)
    service.remember(call.account, "health-check", check.caller_reference)
    service.observed.delete("", check.id)
    service.tags.delete(call.account, f"healthcheck/{check.id}")
    service.host.changes.append(model.HEALTH_CHECK_KIND, [check.id, None])
    return {}


def _observations(service: Route53, call: Call, request: Request) -> tuple[Observation, ...]:
    check = _find(service, call, request["HealthCheckId"])
    if check.type == "CALCULATED":
        raise invalid_input("The status of a calculated health check is not to be had this way")
    found = service.observed.get("", check.id)
    return () if found is None else found.observations


def _show(seen: Observation, status: str, at: float) -> Response:
    return {
        "Region": seen.region,
        "IPAddress": seen.ip,
        "StatusReport": {"Status": status, "CheckedTime": at},
    }


@operations("GetHealthCheckStatus")
def get_health_check_status(service: Route53, call: Call, request: Request) -> Response:
    found = _observations(service, call, request)
    shown = [_show(seen, seen.status, seen.checked_at) for seen in found]
    return {"HealthCheckObservations": shown}


@operations("GetHealthCheckLastFailureReason")
def get_last_failure_reason(service: Route53, call: Call, request: Request) -> Response:
    found = _observations(service, call, request)
    shown = [_show(seen, seen.failure, seen.failed_at) for seen in found if seen.failure]
    return {"HealthCheckObservations": shown}


@operations("GetCheckerIpRanges")
def get_checker_ranges(service: Route53, call: Call, request: Request) -> Response:
    from antipodes.edge.route53 import checkers  # noqa: PLC0415 - they work at the edge, not here

    return {"CheckerIpRanges": sorted(f"{seat.ip}/32" for seat in checkers.seats(()))}
