"""EC2's operations of Network Access Analyzer: scopes, analyses of them, and what these find."""

from itertools import islice

import orjson

from antipodes.regional.ec2 import kinds, scopeanswers, scopes, shownscopes
from antipodes.regional.ec2.answering import check_dry_run, described, page
from antipodes.regional.ec2.modelinsights import AccessAnalysis, AccessFinding, AccessScope
from antipodes.regional.ec2.scopeanswers import Groups
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.regional.ec2.tokens import repeated, token_of
from antipodes.regional.ec2.topology import around
from antipodes.service.contract import Call, Request, Response, ServiceError

SOURCES_AT_ONCE = 16
FINDINGS_ON_A_PAGE = 1_000
_FINDINGS_MEMBER = "AnalysisFindings"
_SHOWN_AT_FIRST = (
    "NetworkInsightsAccessScopeAnalysisId",
    "NetworkInsightsAccessScopeAnalysisArn",
    "NetworkInsightsAccessScopeId",
    "StartDate",
    "Tags",
)


@operations("CreateNetworkInsightsAccessScope")
def create_network_insights_access_scope(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    content = scopes.content_of(request, scopes.Place(service.host.place, call.account))
    given = tags_given(request.get("TagSpecifications") or [], kinds.ACCESS_SCOPE.resource)
    token = token_of(request)
    there = estate.scopes.list(call.account)
    for one in repeated(there, token):
        return _scope(service, one)
    if sum(not one.amazons for one in there) >= scopes.SCOPES_MAX:
        raise ServiceError(
            "NetworkInsightsAccessScopeLimitExceeded",
            f"An account has at most {scopes.SCOPES_MAX} network insights access scopes.",
        )
    check_dry_run(request)
    made = AccessScope(
        *(estate.scopes.new_id(), call.account, content, service.host.runtime.wall()),
        token=token,
    )
    estate.scopes.put(call.account, made.id, made)
    estate.tag(call.account, made.id, given)
    return _scope(service, made)


def _scope(service: Ec2, of: AccessScope) -> Response:
    return {
        "NetworkInsightsAccessScope": shownscopes.scope(service.estate, of),
        "NetworkInsightsAccessScopeContent": shownscopes.content(of),
    }


@operations("DescribeNetworkInsightsAccessScopes")
def describe_network_insights_access_scopes(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    found = [shownscopes.scope(estate, one) for one in estate.scopes.list(call.account)]
    return described(kinds.ACCESS_SCOPE, found, request, {})


@operations("GetNetworkInsightsAccessScopeContent")
def get_network_insights_access_scope_content(
    service: Ec2, call: Call, request: Request
) -> Response:
    found = service.estate.scopes.get(call.account, request["NetworkInsightsAccessScopeId"])
    check_dry_run(request)
    return {"NetworkInsightsAccessScopeContent": shownscopes.content(found)}


@operations("DeleteNetworkInsightsAccessScope")
def delete_network_insights_access_scope(service: Ec2, call: Call, request: Request) -> Response:
    """Its analyses go with it."""
    estate = service.estate
    scope = estate.scopes.get(call.account, request["NetworkInsightsAccessScopeId"])
    if scope.amazons:
        raise ServiceError(
            "OperationNotPermitted",
            f"The network insights access scope '{scope.id}' was created by Amazon.",
        )
    check_dry_run(request)
    for one in estate.scope_analyses.list(call.account):
        if one.scope == scope.id:
            _forget(service, one)
    estate.remove(estate.scopes, call.account, scope.id)
    return {"NetworkInsightsAccessScopeId": scope.id}


@operations("StartNetworkInsightsAccessScopeAnalysis")
async def start_network_insights_access_scope_analysis(
    service: Ec2, call: Call, request: Request
) -> Response:
    """What there is when the resource groups are known is analysed, in turns with all else."""
    estate = service.estate
    scope = _asked(service, call, request)
    given = tags_given(request.get("TagSpecifications") or [], kinds.ACCESS_ANALYSIS.resource)
    earlier = _earlier(service, call, request)
    if earlier is not None:
        return _begun(service, earlier)
    check_dry_run(request)
    started_at = service.host.runtime.wall()
    groups, failure = await _groups(service, call, scope)
    interfaces = estate.interfaces.count(call.account)
    found = [] if failure else await _found(service, call, scope, groups)
    _asked(service, call, request)  # it may be gone by now, or another have been quicker
    earlier = _earlier(service, call, request)
    if earlier is not None:
        return _begun(service, earlier)
    kept = found[: scopes.FINDINGS_MAX]
    warning = ""
    if len(found) > len(kept):
        warning = f"There are more findings than {len(kept)}; these are the first of them."
    made = AccessAnalysis(
        estate.scope_analyses.new_id(),
        call.account,
        scope.id,
        interfaces,
        len(kept),
        started_at,
        warning,
        failure,
        token_of(request),
    )
    for number, components in enumerate(kept, 1):
        estate.findings.put(made.id, f"{number:05d}", AccessFinding(components))
    estate.scope_analyses.put(call.account, made.id, made)
    estate.tag(call.account, made.id, given)
    return _begun(service, made)


def _asked(service: Ec2, call: Call, request: Request) -> AccessScope:
    return service.estate.scopes.get(call.account, request["NetworkInsightsAccessScopeId"])


def _earlier(service: Ec2, call: Call, request: Request) -> AccessAnalysis | None:
    """What the same request has begun before; refuses one analysis too many."""
    there = service.estate.scope_analyses.list(call.account)
    for one in repeated(there, token_of(request)):
        return one
    if len(there) >= scopes.ANALYSES_MAX:
        raise ServiceError(
            "NetworkInsightsAccessScopeAnalysisLimitExceeded",
            f"An account has at most {scopes.ANALYSES_MAX} network insights access scope analyses.",
        )
    return None


def _begun(service: Ec2, of: AccessAnalysis) -> Response:
    shown = shownscopes.analysis(service.estate, of)
    begun = {"Status": "running"} | {member: shown[member] for member in _SHOWN_AT_FIRST}
    return {"NetworkInsightsAccessScopeAnalysis": begun}


async def _groups(service: Ec2, call: Call, scope: AccessScope) -> tuple[Groups, str]:
    """The members of the resource groups that a scope names, or why they are not to be had."""
    found: dict[str, list[str]] = {}
    for name in scopeanswers.groups_in(scope.content):
        members: list[str] = []
        request: Request = {"Group": name}
        while True:
            try:
                answer = await service.host.call(
                    *("resource-groups", "ListGroupResources", request),
                    account=call.account,
                    trace=call.trace,
                )
            except ServiceError as error:
                return {}, f"The resource group '{name}' cannot be read: {error.message}"
            members += [one["Identifier"]["ResourceArn"] for one in answer["Resources"]]
            if not answer.get("NextToken"):
                break
            request = {"Group": name, "NextToken": answer["NextToken"]}
        found[name] = members
    return found, ""


async def _found(service: Ec2, call: Call, scope: AccessScope, groups: Groups) -> list[bytes]:
    """The components of what a scope finds, up to one more than may be kept."""
    networks = around(service.estate, call.account)
    shown = shownscopes.Shown(service.estate, call.account, networks)
    asked = scopeanswers.Asked(service.estate, call.account, networks, groups)
    found: list[bytes] = []
    for number, ways in enumerate(asked.ways(scope.content), 1):
        components = (one for way in ways for one in shown.findings(way))
        found += map(orjson.dumps, islice(components, scopes.FINDINGS_MAX + 1 - len(found)))
        if len(found) > scopes.FINDINGS_MAX:
            break
        if number % SOURCES_AT_ONCE == 0:
            await service.host.runtime.sleep(0)
    return found


@operations("DescribeNetworkInsightsAccessScopeAnalyses")
def describe_network_insights_access_scope_analyses(
    service: Ec2, call: Call, request: Request
) -> Response:
    estate = service.estate
    begins, ends = request.get("AnalysisStartTimeBegin"), request.get("AnalysisStartTimeEnd")
    found = [
        shownscopes.analysis(estate, one)
        for one in estate.scope_analyses.list(call.account)
        if request.get("NetworkInsightsAccessScopeId") in {None, one.scope}
        and (begins is None or one.started_at >= begins)
        and (ends is None or one.started_at <= ends)
    ]
    return described(kinds.ACCESS_ANALYSIS, found, request, {})


@operations("GetNetworkInsightsAccessScopeAnalysisFindings")
def get_network_insights_access_scope_analysis_findings(
    service: Ec2, call: Call, request: Request
) -> Response:
    estate = service.estate
    of = estate.scope_analyses.get(call.account, request["NetworkInsightsAccessScopeAnalysisId"])
    found = [
        shownscopes.finding(of, number, one)
        for number, one in enumerate(estate.findings.list(of.id), 1)
    ]
    shown = shownscopes.analysis(estate, of)
    return {
        "NetworkInsightsAccessScopeAnalysisId": of.id,
        "AnalysisStatus": shown["Status"],
        **page(found, {"MaxResults": FINDINGS_ON_A_PAGE} | request, {}, _FINDINGS_MEMBER),
    }


@operations("DeleteNetworkInsightsAccessScopeAnalysis")
def delete_network_insights_access_scope_analysis(
    service: Ec2, call: Call, request: Request
) -> Response:
    name = request["NetworkInsightsAccessScopeAnalysisId"]
    found = service.estate.scope_analyses.get(call.account, name)
    check_dry_run(request)
    _forget(service, found)
    return {"NetworkInsightsAccessScopeAnalysisId": found.id}


def _forget(service: Ec2, of: AccessAnalysis) -> None:
    """Remove an analysis with all that it found."""
    estate = service.estate
    for name, _ in estate.findings.named(of.id):
        estate.findings.delete(of.id, name)
    estate.remove(estate.scope_analyses, of.account, of.id)
