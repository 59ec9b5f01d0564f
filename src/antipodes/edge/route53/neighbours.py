"""What Route 53 asks of other services, in any region, through the front door as a customer would.

A private zone's network must exist, and an alarm's settings are copied. The request is signed and
goes over the backbone, so that a region that cannot be reached cannot be asked.
"""

import hashlib
from datetime import UTC, datetime
from urllib.parse import urlencode

from antipodes.edge.route53.model import Alarm, Vpc
from antipodes.runtime.contract import Accepted, Address
from antipodes.service import accounts, signatures
from antipodes.service.contract import Call, Host, ServiceError
from antipodes.service.http import HttpRequest
from antipodes.wire import xmlbody
from antipodes.wire.xmlbody import Element

_OK, _SERVER_ERROR = 200, 500
_VERSIONS = {"ec2": "2016-11-15", "monitoring": "2010-08-01"}


async def _ask(
    host: Host, call: Call, region: str, service: str, **parameters: str
) -> Element | None:
    """Call an operation of a query API; None: it was refused. Raises when nobody answers."""
    version = {"Version": _VERSIONS[service]}
    body = urlencode({**parameters, **version}).encode()
    now = datetime.fromtimestamp(host.runtime.wall(), UTC)
    credential = signatures.Credential(call.account, f"{now:%Y%m%d}", region, service)
    time = f"{now:%Y%m%dT%H%M%SZ}"
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "host": f"{service}.{region}.amazonaws.com",
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-amz-date": time,
    }
    accepted = Accepted(host.place, "", Address(host.place, "api"), call.trace)
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = HttpRequest("POST", "/", headers, body, accepted, raw)
    signed = signatures.Signed(credential, tuple(sorted(headers)), "", time, None)
    signature = signatures.signature_of(request, signed, accounts.secret_of(call.account))
    authorization = (
        f"{signatures.ALGORITHM} Credential={call.account}/{credential.scope}, "
        f"SignedHeaders={';'.join(signed.headers)}, Signature={signature}"
    )
    headers["authorization"] = authorization
    raw.append((b"authorization", authorization.encode()))
    response = await host.serve_http(request)
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
