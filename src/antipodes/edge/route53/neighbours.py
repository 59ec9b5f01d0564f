"""What Route 53 asks of other services, in any region, through the front door as a customer would.

A private zone's network must exist, and an alarm's settings are copied. The request is signed and
goes over the backbone, so that a region that cannot be reached cannot be asked.
"""

from urllib.parse import urlencode

from antipodes.edge.route53.model import Alarm, Vpc
from antipodes.service.asking import Asked, ask
from antipodes.service.contract import Call, Host, ServiceError
from antipodes.wire import xmlbody
from antipodes.wire.xmlbody import Element

_OK, _SERVER_ERROR = 200, 500
_VERSIONS = {"ec2": "2016-11-15", "monitoring": "2010-08-01"}


async def _ask(
    host: Host, call: Call, region: str, service: str, **parameters: str
) -> Element | None:
    """Call an operation of a query API; None: it was refused. Raises when nobody answers."""
    body = urlencode({**parameters, "Version": _VERSIONS[service]}).encode()
    endpoint = f"{service}.{region}.amazonaws.com"
    form = "application/x-www-form-urlencoded"
    asked = Asked(region, service, endpoint, "POST", "/", body, form)
    response = await ask(host, call.account, asked, call.trace)
    if response.status >= _SERVER_ERROR:
        raise ServiceError(
            "ServiceUnavailable", f"{service} in {region} could not be asked; try again", 503
        )
    return xmlbody.parse(response.body) if response.status == _OK else None


async def has_vpc(host: Host, call: Call, vpc: Vpc) -> bool:
    """Whether a network of the caller's is there."""
    if not _is_region(host, vpc.region):
        return False
    parameters = {"Action": "DescribeVpcs", "VpcId.1": vpc.id}
    return await _ask(host, call, vpc.region, "ec2", **parameters) is not None


async def find_alarm(host: Host, call: Call, region: str, name: str) -> Alarm | None:
    """Return an alarm with its settings, or None. Raises InvalidInput for those not supported."""
    if not _is_region(host, region):
        return None
    parameters = {"Action": "DescribeAlarms", "AlarmNames.member.1": name}
    answer = await _ask(host, call, region, "monitoring", **parameters)
    found = [] if answer is None else _below(answer, "DescribeAlarmsResult", "MetricAlarms")
    if not found:
        return None
    alarm = found[0].named("member")
    return _read_alarm(alarm[0], region) if alarm else None


def _is_region(host: Host, region: str) -> bool:
    return region in host.world.regions


def _below(element: Element, *names: str) -> list[Element]:
    """The elements at the end of a path."""
    found = [element]
    for name in names:
        found = [child for parent in found for child in parent.named(name)]
    return found


def _read_alarm(element: Element, region: str) -> Alarm:
    text = {child.name: child.text for child in element.children}
    periods = int(text.get("EvaluationPeriods") or 1)
    if not text.get("MetricName") or not text.get("Statistic"):
        raise _unsupported("one metric with a standard statistic")
    if int(text.get("DatapointsToAlarm") or periods) != periods:
        raise _unsupported("all of its evaluation periods (no M of N)")
    if int(text.get("Period") or 0) < 60:  # noqa: PLR2004 - standard resolution, in seconds
        raise _unsupported("metrics of standard resolution")
    dimensions = _below(element, "Dimensions", "member")
    return Alarm(
        region=region,
        name=text["AlarmName"],
        namespace=text["Namespace"],
        metric=text["MetricName"],
        dimensions=tuple(
            (part.named("Name")[0].text, part.named("Value")[0].text) for part in dimensions
        ),
        statistic=text["Statistic"],
        period=int(text["Period"]),
        evaluation_periods=periods,
        threshold=float(text["Threshold"]),
        comparison=text["ComparisonOperator"],
    )


def _unsupported(what: str) -> ServiceError:
    return ServiceError("InvalidInput", f"A health check supports alarms that use {what} only")
