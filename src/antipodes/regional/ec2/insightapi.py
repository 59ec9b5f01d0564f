"""EC2's operations of Reachability Analyzer: paths, and analyses of them."""

from ipaddress import AddressValueError, IPv4Address

import orjson

from antipodes.regional.ec2 import filters, insights, kinds, tags
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.modelinsights import InsightsAnalysis, InsightsPath
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.regional.ec2.topology import around
from antipodes.service.contract import Call, Request, Response, ServiceError

_NOT_OFFERED = ("FilterAtSource", "FilterAtDestination")


@operations("CreateNetworkInsightsPath")
def create_network_insights_path(service: Ec2, call: Call, request: Request) -> Response:
    not_offered(request, _NOT_OFFERED)
    estate = service.estate
    if request["Protocol"] not in insights.PROTOCOLS:
        raise ServiceError("InvalidParameterValue", f"Invalid protocol '{request['Protocol']}'.")
    for member in ("Source", "Destination"):
        _check_end(service, call.account, request.get(member) or "")
    if not request.get("Destination") and not request.get("DestinationIp"):
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
    ):
        if value:
            shown[member] = value
    return shown


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
    not_offered(request, ("AdditionalAccounts", "FilterInArns", "FilterOutArns"))
    estate = service.estate
    path = estate.paths.get(call.account, request["NetworkInsightsPathId"])
    given = tags_given(request.get("TagSpecifications") or [], kinds.INSIGHTS_ANALYSIS.resource)
    token = token_of(request)
    for one in repeated(estate.analyses.list(call.account), token):
        return {"NetworkInsightsAnalysis": _analysis(service, one)}
    check_dry_run(request)
    found = orjson.dumps(insights.analysed(around(estate, call.account), path))
    made = InsightsAnalysis(
        *(estate.analyses.new_id(), call.account, path.id, found),
        *(service.host.runtime.wall(), token),
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
