"""The most usual call of all, from a client's parameters to its answer in one step.

`usualcalls` shortens the way from botocore's endpoint to the host. Here the whole call is one:
parameters are written in one walk (`itemwalks`), the request's headers are known but for a few
words, nobody looks at its signature (the program's host says so), and the answer is read in one
walk. The condition is that nobody but botocore, and the hooks of boto3's DynamoDB resources, has a
say in any of the operation's events. What is unusual about a call goes botocore's way from the
start. What is unusual about an answer goes botocore's way, too: it finds the answer already there
when it sends, under the number that was drawn for it.
"""

# ruff: noqa: SLF001 - the short way is made of what botocore's long way is made of

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from zlib import crc32

import orjson

from antipodes.runtime.itemwalks import Reader, Types, Unusual, Walk, Writer
from antipodes.runtime.modulespace import ModuleSpace, installed_source
from antipodes.runtime.signing import timestamp
from antipodes.runtime.substitutes import CURRENT
from antipodes.runtime.usualcalls import OURS, Pending, ShortWay, described, parser_of

_OK = 200
_TIMES_MAX = 1024
_ROUNDED_UP = 0.999  # of a second, perhaps
_TRACE = re.compile(r"Root=([0-9a-f-]+);Sampled=[01]")
_TRACE_SAFE = "-=;:+&[]{}\"',"  # in a trace header, as botocore's handler has it
_UNSIGNED = "0" * 64
_DYNAMODB = "boto3.dynamodb.transform"
_COPY = "antipodes.runtime.shapewalks.quicken_transforms.<locals>.copy_dynamodb_params"
_INJECT = f"{_DYNAMODB}.TransformationInjector.inject_"
_BUILD = [
    "botocore.handlers.generate_idempotent_uuid",
    "botocore.handlers._handle_request_validation_mode_member",
    "botocore.discovery.block_endpoint_discovery_required_operations",
]
_RELEASE = "botocore.retries.standard.RetryQuotaChecker.release_retry_quota"
_BEFORE = [
    "botocore.handlers.add_recursion_detection_header",
    "botocore.handlers.inject_api_version_header_if_needed",
]
# Who handles which event of a client when nobody else registered.
_CLIENT = {
    "provide-client-params": [],
    "before-parameter-build": _BUILD,
    "before-endpoint-resolution": [],
    "before-call": _BEFORE,
    "after-call": [_RELEASE],
}
# And of the client of a DynamoDB resource.
_RESOURCE = {
    **_CLIENT,
    "provide-client-params": [_COPY],
    "before-parameter-build": [
        f"{_INJECT}condition_expressions",
        f"{_INJECT}attribute_value_input",
        *_BUILD,
    ],
    "after-call": [_RELEASE, f"{_INJECT}attribute_value_output"],
}


class _Request:
    """What is known of a request beforehand."""

    def __init__(
        self,
        url: str,
        headers: list[tuple[str, str]],
        signed_names: tuple[str, str],
        scope: str,
    ) -> None:
        self.url = url
        self.headers = headers
        self.signed_names = signed_names  # without a trace's header, and with it
        self.scope = scope
        self._program: Any = None
        self._lane: Callable[[bytes, str], Any] | None = None

    def lane(
        self, program: Any, sent: Callable[[], list[tuple[str, str]]]
    ) -> Callable[[bytes, str], Any] | None:
        """Return a program's shorter way for requests like what would be sent, if it has one."""
        if self._program is not program:
            self._program = program
            self._lane = program.lane({name.lower(): value for name, value in sent()})
        return self._lane


class _Door:
    """What is known of an operation's calls beforehand."""

    def __init__(self, client: Any, operation: Any, resource: "_Resource | None") -> None:
        self.operation = operation
        self.resource = resource
        types = None if resource is None else resource.types
        self.write: Walk = Writer(types).walk(operation.input_shape)
        parser = parser_of(client._endpoint._response_parser_factory)
        self.read: Walk | None = None
        if operation.output_shape is not None:
            self.read = Reader(types, parser).walk(operation.output_shape)
        self.config = dict(vars(client._client_config))
        self.session = client._endpoint.http_session
        self.heeded = [parameter.member_name for parameter in operation.context_parameters]
        self.requests: dict[tuple[Any, ...], _Request | None] = {}
        self.attempts_max = 0
        self.quota: Any = None
        self.checks_sum = operation.service_model.service_name == "dynamodb"


class _Resource:
    """boto3's (de)serialiser behind a resource's hooks, as long as nobody changed it."""

    def __init__(self, kinds: list[Any], types: Types) -> None:
        self._kinds = [vars(kind) for kind in kinds]
        self._known = [dict(kind) for kind in self._kinds]
        self.types = types

    def unchanged(self) -> bool:
        """Whether the classes are those that were looked at."""
        return self._kinds == self._known


def install(space: ModuleSpace, usual: ShortWay) -> None:
    """Let the clients of a space's botocore take the direct way."""
    client: Any = space.load("botocore.client")
    way, base = _DirectWay(space, usual), client.BaseClient
    original = base._make_api_call

    def _make_api_call(self: Any, operation_name: str, api_params: Any) -> Any:
        program: Any = CURRENT.get()
        if program.signs:
            return original(self, operation_name, api_params)
        door = way.door(self, operation_name)
        if door is not None:
            done = way.call(program, self, door, api_params)
            if done is not None:
                return done
        try:
            return original(self, operation_name, api_params)
        finally:
            program.pending = None

    base._make_api_call = _make_api_call


class _DirectWay:
    """The direct call."""

    def __init__(self, space: ModuleSpace, usual: ShortWay) -> None:
        self._usual = usual
        validate: Any = space.load("botocore.validate")
        credentials: Any = space.load("botocore.credentials")
        awsrequest: Any = space.load("botocore.awsrequest")
        history: Any = space.load("botocore.history")
        self._validating = validate.ParamValidationDecorator
        self._credentials = credentials.Credentials
        self._prepare = awsrequest.prepare_request_dict
        self._unsigned = usual.unsigned
        self._history = history.get_global_history_recorder()

    # Which operations of which clients.

    def door(self, client: Any, operation_name: str) -> _Door | None:
        """Return what is known of an operation, as long as nobody registers anything."""
        emitter = getattr(client.meta.events, "_emitter", None)
        registered = getattr(emitter, "_lookup_cache", None)
        known = vars(client).get("_antipodes_doors")
        if known is None or known[0] is not registered:
            known = client._antipodes_doors = (registered, {})
        doors: dict[str, _Door | None] = known[1]
        if operation_name not in doors:
            doors[operation_name] = self._make_door(client, operation_name)
        return doors[operation_name]

    def _make_door(self, client: Any, operation_name: str) -> _Door | None:
        operation = client._service_model.operation_model(operation_name)
        endpoint, events = client._endpoint, client.meta.events
        outer = self._usual.door(endpoint, operation)
        if (
            outer is None
            or endpoint._event_emitter is not events
            or client._ruleset_resolver is None
            or client._ruleset_resolver._event_emitter is not events
            or client._request_signer is not outer.signer
            or type(client._serializer) is not self._validating
            or type(outer.signer._credentials) is not self._credentials
            or operation.operation_context_parameters
            or operation.idempotent_members
            or operation.http_checksum
            or operation.http_checksum_required
            or operation.request_compression is not None
            or (operation.endpoint_discovery or {}).get("required")
            or operation.input_shape is None
        ):
            return None
        service_id = operation.service_model.service_id.hyphenize()
        handlers: dict[str, list[Any]] = {}
        for event in _CLIENT:
            name = events._alias_event_name(f"{event}.{service_id}.{operation_name}")
            handlers[event] = list(events._emitter._handlers.prefix_search(name))
        told = {event: [described(one) for one in found] for event, found in handlers.items()}
        resource = None
        if told == _RESOURCE:
            resource = _resource(handlers["after-call"][1].__self__)
        if told != _CLIENT and resource is None:
            return None
        door = _Door(client, operation, resource)
        door.attempts_max = outer.attempts_max
        door.quota = handlers["after-call"][0].__self__
        return door

    def _request(self, client: Any, door: _Door, params: dict[str, Any]) -> _Request | None:
        """Return what is known of a request with such parameters; None if it is not usual."""
        operation, signer = door.operation, client._request_signer
        context = {
            "client_region": client.meta.region_name,
            "client_config": client.meta.config,
            "has_streaming_input": operation.has_streaming_input,
            "auth_type": operation.resolved_auth_type,
            "unsigned_payload": operation.unsigned_payload,
            "auth_options": client._service_model.metadata.get("auth"),
        }
        if operation.auth and client.meta.config.auth_scheme_preference:
            return None
        url, more, _ = client._resolve_endpoint_ruleset(operation, params, context)
        made = client._serializer._serializer.serialize_to_request({}, operation)
        if "host_prefix" in made:
            return None
        made["headers"].update(more or {})
        agent = client._user_agent_creator.to_string()
        self._prepare(made, endpoint_url=url, user_agent=agent, context=context)
        outer = self._usual.door(client._endpoint, operation)
        texts = [text for pair in made["headers"].items() for text in pair]
        names = [name.lower() for name in made["headers"]]
        if (
            outer is None
            or made["method"] != "POST"
            or "?" in made["url"]
            or not all(type(text) is str and text.isascii() for text in texts)
            or not OURS.isdisjoint(names)
            or "x-amzn-trace-id" in names
            or len(set(names)) != len(names)
            or signer._region_name is None
            or not self._usual.signs_usually(outer, context)
        ):
            return None
        signing: dict[str, str] = context.get("signing") or {}
        credentials = signer._credentials
        names += ["host", "x-amz-date", *(["x-amz-security-token"] if credentials.token else [])]
        return _Request(
            made["url"],
            self._usual.sent_headers(made["headers"]),
            (self._signed(names), self._signed([*names, "x-amzn-trace-id"])),
            f"{signing.get('region') or signer._region_name}/"
            f"{signing.get('signing_name') or signer._signing_name}/aws4_request",
        )

    def _signed(self, names: list[str]) -> str:
        """Return the names of those headers that would be signed."""
        return ";".join(sorted(name for name in names if name not in self._unsigned))

    # One call.

    def call(self, program: Any, client: Any, door: _Door, params: Any) -> Any:
        """Make a call; None if the long way must be gone, from the start or from its answer."""
        endpoint, credentials = client._endpoint, client._request_signer._credentials
        if (
            endpoint.http_session is not door.session
            or vars(client._client_config) != door.config
            or endpoint._response_parser_factory._defaults
            or self._history._enabled
            or type(credentials) is not self._credentials
            or not (door.resource is None or door.resource.unchanged())
        ):
            return None
        who = (credentials.access_key, credentials.token, credentials.account_id)
        try:
            written = door.write(params)
            key = (*who, *[params.get(name) for name in door.heeded])
            request = door.requests.get(key)
            if request is None:
                if key in door.requests:
                    return None
                request = door.requests[key] = self._request(client, door, params)
                if request is None:
                    return None
        except Exception:  # noqa: BLE001 - for the long way to tell
            return None
        drawn, wall = program.entropy.randbytes(16), program.wall()

        def sent(length: int = 0) -> list[tuple[str, str]]:
            number, time = _number(drawn), _time(wall)
            return _headers(program.environ, door, request, number, time, length, who)

        trace, answer = _trace(program.environ), None
        if trace is not None and (lane := request.lane(program, sent)) is not None:
            answer = _by_lane(lane, written, trace)
        if answer is None:
            body = json.dumps(written).encode()
            try:
                answer = program.wait(program.send("POST", request.url, sent(len(body)), body))
            except Exception as error:  # noqa: BLE001 - for the long way to judge
                program.pending = Pending(_number(drawn), _time(wall), error)
                return None
        try:
            parsed = _read(door, answer)
        except Exception:  # noqa: BLE001 - for the long way to tell
            program.pending = Pending(_number(drawn), _time(wall), answer)
            return None
        door.quota._quota.release(door.quota._NO_RETRY_INCREMENT)
        return parsed


def _resource(injector: Any) -> _Resource | None:
    """Return what is behind a resource's hooks, if it is as boto3 has made it."""
    transform = type(injector)
    kinds = [type(injector._serializer), type(injector._deserializer)]
    names = getattr(getattr(kinds[0], "serialize", None), "__globals__", {})
    if (
        kinds != [names.get("TypeSerializer"), names.get("TypeDeserializer")]
        or vars(injector._serializer)
        or vars(injector._deserializer)
        or described(type(injector._transformer)) != f"{_DYNAMODB}.ParameterTransformer"
    ):
        return None
    for kind, module in (
        (transform, _DYNAMODB),
        *[(kind, "boto3.dynamodb.types") for kind in kinds],
    ):
        source = installed_source(module)
        for function in vars(kind).values():
            code = getattr(function, "__code__", None)
            if code is not None and (source is None or code.co_filename != source.filename):
                return None
    return _Resource([transform, *kinds], Types(names))


def _number(drawn: bytes) -> str:
    """Return the UUID of version 4 that Python's `uuid` makes of random bytes."""
    digits = drawn.hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


@lru_cache(_TIMES_MAX)
def _whole_time(second: int) -> str:
    return timestamp(float(second))


def _time(wall: float) -> str:
    second = int(wall)
    # What is left of a second may be rounded up to the next one.
    return _whole_time(second) if wall - second < _ROUNDED_UP else timestamp(wall)


def _by_lane(lane: Callable[[bytes, str], Any], written: Any, trace: str) -> Any:
    """Return what a lane answers: only the host sees its bytes, so any JSON will do."""
    try:
        body = orjson.dumps(written)
    except TypeError:  # half a surrogate, or more than 64 bits
        return None
    answered = lane(body, trace)
    return answered and (answered.status, list(answered.headers), answered.body)


def _told(environ: dict[str, str]) -> str | None:
    """Return the trace that a request's header tells of, as it stands in the environment."""
    return environ.get("_X_AMZN_TRACE_ID") if "AWS_LAMBDA_FUNCTION_NAME" in environ else None


def _trace(environ: dict[str, str]) -> str | None:
    """Return the number of the trace, empty without one; None where it is not a usual one."""
    told = _told(environ)
    found = _TRACE.fullmatch(told) if told else None
    return found[1] if found is not None else None if told else ""


def _headers(  # noqa: PLR0913, PLR0917 - all that is told
    environ: dict[str, str],
    door: _Door,
    request: _Request,
    number: str,
    time: str,
    length: int,
    who: tuple[Any, ...],
) -> list[tuple[str, str]]:
    """Return the headers to send, in the order of the long way."""
    trace = _told(environ)
    headers = [*request.headers]
    if trace:
        headers.append(("X-Amzn-Trace-Id", quote(trace, safe=_TRACE_SAFE)))
    headers.append(("X-Amz-Date", time))
    if who[1]:
        headers.append(("X-Amz-Security-Token", who[1]))
    scope, names = f"{who[0]}/{time[:8]}/{request.scope}", request.signed_names[bool(trace)]
    proof = f"Credential={scope}, SignedHeaders={names}, Signature={_UNSIGNED}"
    headers += [
        ("Authorization", f"AWS4-HMAC-SHA256 {proof}"),
        ("amz-sdk-invocation-id", number),
        ("amz-sdk-request", f"attempt=1; max={door.attempts_max}"),
        ("Content-Length", str(length)),
    ]
    return headers


def _read(door: _Door, answer: Any) -> dict[str, Any]:
    """Return an answer as botocore's client does."""
    status, headers, data = answer
    lower = {name.lower(): value for name, value in headers}
    if status != _OK or len(lower) != len(headers) or not data:
        raise Unusual
    if door.checks_sum and lower.get("x-amz-crc32", "0") != str(crc32(data)):
        raise Unusual
    parsed: dict[str, Any] = {} if door.read is None else door.read(orjson.loads(data))
    if "Error" in parsed:
        raise Unusual
    about: dict[str, Any] = {}
    if "x-amzn-requestid" in lower:
        about["RequestId"] = lower["x-amzn-requestid"]
    about["HTTPStatusCode"] = status
    about["HTTPHeaders"] = lower
    about["RetryAttempts"] = 0
    parsed["ResponseMetadata"] = about
    return parsed
