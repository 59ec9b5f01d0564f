"""EC2's operations of Reachability Analyzer: paths, and analyses of them."""

from collections.abc import Mapping, Sequence
from ipaddress import AddressValueError, IPv4Address

import orjson

from antipodes.regional.ec2 import filters, insightfilters, insights, kinds, tags
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.modelinsights import HeaderFilter, InsightsAnalysis, InsightsPath
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.regional.ec2.topology import around
from antipodes.service.contract import Call, Request, Response, ServiceError

_PASSED = (  # how ARNs begin of what ways may have to pass, after account and region
    ("ec2", "natgateway/"),
    ("ec2", "transit-gateway/"),
    ("ec2", "transit-gateway-attachment/"),
    ("ec2", "vpc-peering-connection/"),
    ("elasticloadbalancing", "loadbalancer/"),
    ("network-firewall", "firewall/"),
)
_ARN_PARTS = 6


@operations("CreateNetworkInsightsPath")
def create_network_insights_path(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    if request["Protocol"] not in insights.PROTOCOLS:
        raise ServiceError("InvalidParameterValue", f"Invalid protocol '{request['Protocol']}'.")
    for member in ("Source", "Destination"):
        _check_end(service, call.account, request.get(member) or "")
    at_source = _header_filter(request, "FilterAtSource", ("SourceIp", "DestinationPort"))
    at_destination = _header_filter(request, "FilterAtDestination", ("DestinationIp",))
    aims = request.get("Destination") or request.get("DestinationIp") or at_source.destination
    if not aims:
        raise ServiceError("MissingParameter", "A destination or a destination IP is required.")
    for member in ("SourceIp", "DestinationIp"):
        _check_address(request.get(member) or "")
    given = tags_given(request.get("TagSpecifications") or [], kinds.INSIGHTS_PATH.resource)
    token = token_of(request)
    for one in repeated(estate.paths.list(call.account), token):
        return {"NetworkInsightsPath": _path(service, one)}
    check_dry_run(request)
    made = InsightsPath(
        estate.paths.new_id(),
        call.account,
        request["Source"],
        request.get("Destination") or "",
        request["Protocol"],
        source_ip=request.get("SourceIp") or "",
        destination_ip=request.get("DestinationIp") or "",
        port=request.get("DestinationPort") or 0,
        made_at=service.host.runtime.wall(),
        token=token,
        at_source=at_source,
        at_destination=at_destination,
    )
    estate.paths.put(call.account, made.id, made)
    estate.tag(call.account, made.id, given)
    return {"NetworkInsightsPath": _path(service, made)}


def _check_end(service: Ec2, account: str, name: str) -> None:
    """Refuse an end that is not there, or of a kind that is not analysed here."""
    if not name:
        return
    estate = service.estate
    if name.startswith("i-"):
        estate.instances.get(account, name)
    elif name.startswith("eni-"):
        estate.interfaces.get(account, name)
    elif name.startswith("igw-"):
        estate.gateways.get(account, name)
    else:
        raise ServiceError(
            "InvalidParameterValue",
            f"'{name}' is not analysed here: ends are instances, interfaces and internet gateways",
        )


def _check_address(text: str) -> None:
    """Refuse what is no address of IPv4; the model's pattern lets 999.0.0.1 pass."""
    try:
        IPv4Address(text or "0.0.0.0")  # noqa: S104 - none is given
    except AddressValueError:
        raise ServiceError("InvalidParameterValue", f"invalid IP address: '{text}'") from None


def _header_filter(request: Request, member: str, others: Sequence[str]) -> HeaderFilter:
    """A filter of headers, beside which others cannot be."""
    said = request.get(member) or {}
    for other in others:
        if said and request.get(other):
            raise ServiceError(
                "InvalidParameterCombination", f"{member} and {other} cannot be used together."
            )
    for address in ("SourceAddress", "DestinationAddress"):
        _check_address(said.get(address) or "")
    return HeaderFilter(
        said.get("SourceAddress") or "",
        _range(said.get("SourcePortRange")),
        said.get("DestinationAddress") or "",
        _range(said.get("DestinationPortRange")),
    )


def _range(said: Mapping[str, int] | None) -> tuple[int, int] | None:
    """A range of ports; one that says an end only is of one port."""
    if not said:
        return None
    low = said.get("FromPort", said.get("ToPort", 0))
    high = said.get("ToPort", low)
    if low > high:
        raise ServiceError("InvalidParameterValue", f"Invalid port range: {low}-{high}.")
    return low, high


def _passed(service: Ec2, account: str, arns: Sequence[str]) -> dict[str, str]:
    """What ways have to pass, or must not, by id; refuses what is no such thing."""
    found = {}
    for arn in arns:
        parts = arn.split(":", _ARN_PARTS - 1)
        own = len(parts) == _ARN_PARTS and tuple(parts[3:5]) == (service.host.place, account)
        if not own or not any(
            parts[2] == kind and parts[5].startswith(begins) for kind, begins in _PASSED
        ):
            raise ServiceError("InvalidParameterValue", f"'{arn}' cannot be filtered by.")
        found[parts[5].partition("/")[2] if parts[2] == "ec2" else arn] = arn
    return found


def _arn(service: Ec2, account: str, kind: str, name: str) -> str:
    return f"arn:aws:ec2:{service.host.place}:{account}:{kind}/{name}"


def _path(service: Ec2, of: InsightsPath) -> Thing:
    shown: Thing = {
        "NetworkInsightsPathId": of.id,
        "NetworkInsightsPathArn": _arn(service, of.account, "network-insights-path", of.id),
        "CreatedDate": of.made_at,
        "Source": of.source,
        "Protocol": of.protocol,
        "Tags": tags.shown(service.estate.tags(of.account, of.id)),
    }
    for member, value in (
        ("Destination", of.destination),
        ("SourceIp", of.source_ip),
        ("DestinationIp", of.destination_ip),
        ("DestinationPort", of.port),
        ("FilterAtSource", _header_shown(of.at_source)),
        ("FilterAtDestination", _header_shown(of.at_destination)),
    ):
        if value:
            shown[member] = value
    return shown


def _header_shown(of: HeaderFilter) -> Thing:
    members = (
        ("SourceAddress", of.source),
        ("DestinationAddress", of.destination),
        ("SourcePortRange", of.source_ports),
        ("DestinationPortRange", of.destination_ports),
    )
    return {
        member: value if isinstance(value, str) else {"FromPort": value[0], "ToPort": value[1]}
        for member, value in members
        if value
    }


@operations("DescribeNetworkInsightsPaths")
def describe_network_insights_paths(service: Ec2, call: Call, request: Request) -> Response:
    found = [_path(service, one) for one in service.estate.paths.list(call.account)]
    return described(kinds.INSIGHTS_PATH, found, request, filters.PATH_FILTERS)


@operations("DeleteNetworkInsightsPath")
def delete_network_insights_path(service: Ec2, call: Call, request: Request) -> Response:
    """Its analyses go with it, as in AWS."""
    estate = service.estate
    path = estate.paths.get(call.account, request["NetworkInsightsPathId"])
    check_dry_run(request)
    for one in estate.analyses.list(call.account):
        if one.path == path.id:
            estate.remove(estate.analyses, call.account, one.id)
    estate.remove(estate.paths, call.account, path.id)
    return {"NetworkInsightsPathId": path.id}


@operations("StartNetworkInsightsAnalysis")
def start_network_insights_analysis(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, ("AdditionalAccounts",))
    estate = service.estate
    path = estate.paths.get(call.account, request["NetworkInsightsPathId"])
    passing = insightfilters.Passing(
        _passed(service, call.account, request.get("FilterInArns") or []),
        _passed(service, call.account, request.get("FilterOutArns") or []),
    )
    given = tags_given(request.get("TagSpecifications") or [], kinds.INSIGHTS_ANALYSIS.resource)
    token = token_of(request)
    for one in repeated(estate.analyses.list(call.account), token):
        return {"NetworkInsightsAnalysis": _analysis(service, one)}
    check_dry_run(request)
    found = insightfilters.analysed(around(estate, call.account), path, passing)
    made = InsightsAnalysis(
        *(estate.analyses.new_id(), call.account, path.id, orjson.dumps(found)),
        *(service.host.runtime.wall(), token),
        through=tuple(passing.through.values()),
        around=tuple(passing.around.values()),
    )
    estate.analyses.put(call.account, made.id, made)
    estate.tag(call.account, made.id, given)
    begun = {"Status": "running"}
    shown = _analysis(service, made)
    known = ("NetworkInsightsAnalysisId", "NetworkInsightsAnalysisArn", "NetworkInsightsPathId")
    begun |= {member: shown[member] for member in (*known, "StartDate", "Tags")}
    return {"NetworkInsightsAnalysis": begun}


def _analysis(service: Ec2, of: InsightsAnalysis) -> Thing:
    arn = _arn(service, of.account, "network-insights-analysis", of.id)
    return {
        "NetworkInsightsAnalysisId": of.id,
        "NetworkInsightsAnalysisArn": arn,
        "NetworkInsightsPathId": of.path,
        "StartDate": of.started_at,
        "Status": "succeeded",
        "Tags": tags.shown(service.estate.tags(of.account, of.id)),
        **({"FilterInArns": list(of.through)} if of.through else {}),
        **({"FilterOutArns": list(of.around)} if of.around else {}),
        **orjson.loads(of.found),
    }


@operations("DescribeNetworkInsightsAnalyses")
def describe_network_insights_analyses(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, ("AnalysisStartTime", "AnalysisEndTime"))
    found = [
        _analysis(service, one)
        for one in service.estate.analyses.list(call.account)
        if request.get("NetworkInsightsPathId") in {None, one.path}
    ]
    return described(kinds.INSIGHTS_ANALYSIS, found, request, filters.ANALYSIS_FILTERS)


@operations("DeleteNetworkInsightsAnalysis")
def delete_network_insights_analysis(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    found = estate.analyses.get(call.account, request["NetworkInsightsAnalysisId"])
    check_dry_run(request)
    estate.remove(estate.analyses, call.account, found.id)
    return {"NetworkInsightsAnalysisId": found.id}
