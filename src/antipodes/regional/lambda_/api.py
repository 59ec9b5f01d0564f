"""Lambda's API, 2015-03-31: one thin function per operation."""

import base64
import binascii
from collections.abc import Awaitable

import msgspec

from antipodes.regional.lambda_ import model, packages, policies
from antipodes.regional.lambda_.functions import Functions
from antipodes.regional.lambda_.model import Function, Network, constraint, invalid
from antipodes.service.contract import Call, Operations, Request, Response, ServiceError

operations = Operations()

PAGE_MAX = 50
CONCURRENCY = 1_000  # of an account in a region
UNRESERVED_MIN = 100
CLIENT_CONTEXT_BYTES_MAX = 3_583


class Lambda(Functions):
    """AWS Lambda in one region."""

    name = "lambda"
    operations = operations


def _describe(service: Lambda, call: Call, function: Function) -> Response:
    return model.describe(function, service.arn(call, function), service.host.runtime.wall())


def _check_revision(function: Function, request: Request) -> None:
    if request.get("RevisionId") and request["RevisionId"] != function.revision:
        raise ServiceError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/"
            "GetAlias API to retrieve the latest Revision Id",
            412,
            Type="User",
        )


def _check_quiet(service: Lambda, call: Call, function: Function) -> None:
    """A function that is being created or updated takes no further change."""
    now = service.host.runtime.wall()
    arn = service.arn(call, function)
    if function.state(now) == "Pending":
        raise _conflict(
            "The operation cannot be performed at this time. The function is currently in the "
            "following state: Pending"
        )
    if function.last_update(now) == "InProgress":
        raise _conflict(
            "The operation cannot be performed at this time. An update is in progress for "
            f"resource: {arn}"
        )


def _conflict(message: str) -> ServiceError:
    return ServiceError("ResourceConflictException", message, 409, Type="User")


@operations("CreateFunction")
def create_function(
    service: Lambda, call: Call, request: Request
) -> Response | Awaitable[Response]:
    """Create a function from a zip file."""
    if not (request.get("VpcConfig") or {}).get("SubnetIds"):
        return _create(service, call, request, None)
    return _create_in_network(service, call, request)


async def _create_in_network(service: Lambda, call: Call, request: Request) -> Response:
    network = await service.networks.wanted(call.account, request["VpcConfig"])
    return _create(service, call, request, network)


def _create(service: Lambda, call: Call, request: Request, network: Network | None) -> Response:
    name = model.parse_reference(request["FunctionName"], call.region, call.account).name
    model.validate_name(name)
    fields = model.configuration_changes(request)
    for member in ("Runtime", "Handler"):
        if not request.get(member):
            raise invalid(f"{member} is mandatory for functions created with deployment packages.")
    tags = dict(request.get("Tags") or {})
    model.validate_tags(tags)
    package = packages.package_of(request["Code"])
    if service.records.get(call.account, name) is not None:
        raise _conflict(f"Function already exist: {name}")
    now = service.host.runtime.wall()
    ready_at = now + service.control_plane_delay_s()
    function = Function(
        name=name,
        code_sha256=model.code_sha256(package),
        code_bytes=len(package),
        created_at=now,
        modified_at=now,
        active_at=ready_at,
        updated_at=now,
        revision=service.new_id(),
        tags=tags,
        network=network,
        **fields,
    )
    if network is not None:
        service.networks.move(call.account, service.arn(call, function), network)
    service.packages.put(call.account, name, function.code_sha256, package)
    service.records.put(call.account, name, function)
    return _describe(service, call, function)


@operations("GetFunction")
def get_function(service: Lambda, call: Call, request: Request) -> Response:
    """Describe a function. Its package cannot be fetched: there is no Location."""
    function = service.find(call, request)
    response: Response = {
        "Configuration": _describe(service, call, function),
        "Code": {"RepositoryType": "S3"},
    }
    if function.tags:
        response["Tags"] = dict(function.tags)
    if function.reserved is not None:
        response["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
    return response


@operations("GetFunctionConfiguration")
def get_function_configuration(service: Lambda, call: Call, request: Request) -> Response:
    """Describe a function's configuration."""
    return _describe(service, call, service.find(call, request))


@operations("ListFunctions")
def list_functions(service: Lambda, call: Call, request: Request) -> Response:
    """List the account's functions, by name, a page at a time."""
    if request.get("MasterRegion"):
        raise invalid("MasterRegion is not offered here")
    functions = service.records.list(call.account)
    functions, marker = _page(functions, request)
    response: Response = {"Functions": [_describe(service, call, f) for f in functions]}
    if marker:
        response["NextMarker"] = marker
    return response


def _page(functions: list[Function], request: Request) -> tuple[list[Function], str]:
    if request.get("Marker"):
        try:
            after = base64.urlsafe_b64decode(request["Marker"]).decode()
        except (binascii.Error, ValueError):
            raise invalid("Marker is not one that ListFunctions gave") from None
        functions = [function for function in functions if function.name > after]
    limit = min(request.get("MaxItems") or PAGE_MAX, PAGE_MAX)
    if limit < 1:
        raise constraint(limit, "maxItems", "have value greater than or equal to 1")
    if len(functions) <= limit:
        return functions, ""
    return functions[:limit], base64.urlsafe_b64encode(functions[limit - 1].name.encode()).decode()


@operations("ListVersionsByFunction")
def list_versions_by_function(service: Lambda, call: Call, request: Request) -> Response:
    """List a function's versions: there is but `$LATEST`."""
    function = service.find(call, request)
    latest = _describe(service, call, function)
    latest["FunctionArn"] += ":$LATEST"
    return {"Versions": [latest]}


@operations("UpdateFunctionCode")
def update_function_code(service: Lambda, call: Call, request: Request) -> Response:
    """Replace a function's code."""
    function = service.find(call, request)
    if request.get("Publish") or request.get("PublishTo"):
        raise invalid("Publish is not offered here: there are no versions but $LATEST")
    package = packages.package_of(request)
    architecture = function.architecture
    if request.get("Architectures") is not None:
        architecture = model.architecture_of(request["Architectures"])
    _check_revision(function, request)
    _check_quiet(service, call, function)
    digest = model.code_sha256(package)
    fields = {
        "code_sha256": digest,
        "code_bytes": len(package),
        "architecture": architecture,
    }
    if request.get("DryRun"):
        return _describe(service, call, msgspec.structs.replace(function, **fields))
    if digest != function.code_sha256:
        service.packages.put(call.account, function.name, digest, package)
        service.packages.delete(call.account, function.name, function.code_sha256)
    return _describe(service, call, service.change(call, function, **fields))


@operations("UpdateFunctionConfiguration")
def update_function_configuration(
    service: Lambda, call: Call, request: Request
) -> Response | Awaitable[Response]:
    """Change what a request names of a function's configuration."""
    if request.get("VpcConfig"):
        return _update_in_network(service, call, request)
    return _update(service, call, request, service.find(call, request).network)


async def _update_in_network(service: Lambda, call: Call, request: Request) -> Response:
    """Move a function; empty lists take it out of its VPC, nothing at all leaves it where it is."""
    config = request["VpcConfig"]
    network = service.find(call, request).network
    if "SubnetIds" in config or "SecurityGroupIds" in config:
        network = await service.networks.wanted(call.account, config)
    return _update(service, call, request, network)


def _update(service: Lambda, call: Call, request: Request, network: Network | None) -> Response:
    function = service.find(call, request)
    fields = model.configuration_changes(request)
    _check_revision(function, request)
    _check_quiet(service, call, function)
    if network != function.network:
        service.networks.move(call.account, service.arn(call, function), network)
        fields["network"] = network
    return _describe(service, call, service.change(call, function, **fields))


@operations("DeleteFunction")
def delete_function(service: Lambda, call: Call, request: Request) -> Response:
    """Delete a function; what is under way is finished."""
    if request.get("Qualifier") == "$LATEST":
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    service.remove(call, service.find(call, request))
    return {}


@operations("Invoke")
def invoke(service: Lambda, call: Call, request: Request) -> Response | Awaitable[Response]:
    """Run a function on an event and wait for the result, or only check that it could run."""
    function = service.find(call, request)
    kind = request.get("InvocationType") or "RequestResponse"
    if kind not in {"RequestResponse", "DryRun"}:
        raise invalid(
            f"InvocationType {kind} is not offered here: events are run while the caller waits "
            "(RequestResponse)"
        )
    for member in ("DurableExecutionName", "TenantId"):
        if request.get(member):
            raise invalid(f"{member} is not offered here")
    if request.get("LogType") not in {None, "None", "Tail"}:
        raise constraint(request["LogType"], "logType", "satisfy enum value set: [None, Tail]")
    _check_payload(bytes(request.get("Payload") or b""))
    request = {**request, "ClientContext": _client_context(request.get("ClientContext") or "")}
    if function.state(service.host.runtime.wall()) == "Pending":
        raise _conflict(
            "The operation cannot be performed at this time. The function is currently in the "
            "following state: Pending"
        )
    if kind == "DryRun":
        return {"StatusCode": 204, "Payload": b"", "ExecutedVersion": "$LATEST"}
    return service.invoke(call, function, request)


def _check_payload(payload: bytes) -> None:
    if len(payload) > model.PAYLOAD_BYTES_MAX:
        raise ServiceError(
            "RequestTooLargeException",
            f"Request must be smaller than {model.PAYLOAD_BYTES_MAX} bytes for the InvokeFunction "
            "operation",
            413,
            Type="User",
        )
    if not payload:
        return
    try:
        msgspec.json.decode(payload, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        raise ServiceError(
            "InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
            400,
            Type="User",
        ) from None


def _client_context(encoded: str) -> str:
    """Return the client context's JSON on one line, as it goes to the handler."""
    if not encoded:
        return ""
    if len(encoded) > CLIENT_CONTEXT_BYTES_MAX:
        raise invalid(f"The client context is larger than {CLIENT_CONTEXT_BYTES_MAX} bytes")
    try:
        decoded = msgspec.json.decode(base64.b64decode(encoded, validate=True))
    except (binascii.Error, msgspec.DecodeError):
        raise ServiceError(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
            400,
            Type="User",
        ) from None
    return msgspec.json.encode(decoded).decode()


# Concurrency.


@operations("PutFunctionConcurrency")
def put_function_concurrency(service: Lambda, call: Call, request: Request) -> Response:
    """Cap how many events a function handles at once; 0 stops it."""
    function = service.find(call, request)
    reserved = request["ReservedConcurrentExecutions"]
    if reserved < 0:
        raise constraint(
            reserved, "reservedConcurrentExecutions", "have value greater than or equal to 0"
        )
    if reserved > _unreserved(service, call.account, function.name) - UNRESERVED_MIN:
        raise invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MIN}]."
        )
    service.revise(call, function, reserved=reserved)
    return {"ReservedConcurrentExecutions": reserved}


def _unreserved(service: Lambda, account: str, besides: str = "") -> int:
    return CONCURRENCY - sum(
        function.reserved or 0
        for function in service.records.list(account)
        if function.name != besides
    )


@operations("GetFunctionConcurrency")
def get_function_concurrency(service: Lambda, call: Call, request: Request) -> Response:
    """Tell the cap, if there is one."""
    function = service.find(call, request)
    if function.reserved is None:
        return {}
    return {"ReservedConcurrentExecutions": function.reserved}


@operations("DeleteFunctionConcurrency")
def delete_function_concurrency(service: Lambda, call: Call, request: Request) -> Response:
    """Lift the cap."""
    service.revise(call, service.find(call, request), reserved=None)
    return {}


@operations("GetAccountSettings")
def get_account_settings(service: Lambda, call: Call, request: Request) -> Response:
    """Tell the account's limits and usage in this region."""
    del request
    functions = service.records.list(call.account)
    return {
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": packages.UNZIPPED_BYTES_MAX,
            "CodeSizeZipped": packages.ZIPPED_BYTES_MAX,
            "ConcurrentExecutions": CONCURRENCY,
            "UnreservedConcurrentExecutions": _unreserved(service, call.account),
        },
        "AccountUsage": {
            "TotalCodeSize": sum(function.code_bytes for function in functions),
            "FunctionCount": len(functions),
        },
    }


# Resource policies.


@operations("AddPermission")
def add_permission(service: Lambda, call: Call, request: Request) -> Response:
    """Add a statement to a function's policy."""
    function = service.find(call, request)
    _check_revision(function, request)
    statement = policies.statement(request, service.arn(call, function))
    service.revise(call, function, policy=policies.added(function.policy, statement))
    return {"Statement": policies.as_json(statement)}


@operations("GetPolicy")
def get_policy(service: Lambda, call: Call, request: Request) -> Response:
    """Return a function's policy."""
    function = service.find(call, request)
    if not function.policy:
        raise policies.no_policy()
    return {"Policy": policies.document(function.policy), "RevisionId": function.revision}


@operations("RemovePermission")
def remove_permission(service: Lambda, call: Call, request: Request) -> Response:
    """Remove a statement from a function's policy."""
    function = service.find(call, request)
    _check_revision(function, request)
    remaining = policies.removed(function.policy, request["StatementId"])
    service.revise(call, function, policy=remaining)
    return {}


# Tags.


def _tagged(service: Lambda, call: Call, request: Request) -> Function:
    if not request["Resource"].startswith("arn:"):
        raise constraint(request["Resource"], "resource", "be the ARN of a function")
    return service.find(call, {"FunctionName": request["Resource"]})


@operations("TagResource")
def tag_resource(service: Lambda, call: Call, request: Request) -> Response:
    """Add tags, or replace their values."""
    function = _tagged(service, call, request)
    tags = {**function.tags, **request["Tags"]}
    model.validate_tags(tags)
    service.revise(call, function, tags=tags)
    return {}


@operations("ListTags")
def list_tags(service: Lambda, call: Call, request: Request) -> Response:
    """Return a function's tags."""
    return {"Tags": dict(_tagged(service, call, request).tags)}


@operations("UntagResource")
def untag_resource(service: Lambda, call: Call, request: Request) -> Response:
    """Remove tags by key."""
    function = _tagged(service, call, request)
    gone = request["TagKeys"]
    tags = {key: value for key, value in function.tags.items() if key not in gone}
    service.revise(call, function, tags=tags)
    return {}
