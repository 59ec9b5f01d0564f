"""The usual call of the JSON protocol, straight from botocore's endpoint to the host.

Between a client's parameters and its answer botocore builds a request three times over and asks
seven times who wants to have a say. Where nobody but botocore itself does, and the answer is the
usual one, all that is known beforehand: the call is signed, sent and read here. Whatever is unusual
about a call (handlers of the customer's, other signatures, texts that are not ASCII) goes the long
way from the start. Whatever is unusual about its answer (any status but 200, no answer, a wrong
checksum) goes the long way from there: botocore finds the answer already there when it sends, and
retries and raises as ever.
"""

# ruff: noqa: SLF001 - the short way is made of what botocore's long way is made of

from hashlib import sha256
from typing import Any, NamedTuple
from zlib import crc32

from antipodes.runtime.modulespace import ModuleSpace
from antipodes.runtime.signing import authorization, timestamp
from antipodes.runtime.substitutes import CURRENT

ANSWER = "antipodes-answer"  # in a request's context: what came of it already

_OK = 200
# Who handles which event when nobody else registered: the condition for the short way.
_USUAL = {
    "request-created": [
        "botocore.signers.RequestSigner.handler",
        "botocore.retries.standard.MaxAttemptsSeeder.seed_max_attempts",
        "botocore.useragent.UserAgentString.rebuild_and_replace_user_agent_handler",
        "botocore.handlers.add_retry_headers",
    ],
    "choose-signer": [
        "botocore.handlers.set_operation_specific_signer",
        "botocore.handlers._set_auth_scheme_preference_signer",
    ],
    "before-sign": [],
    "before-send": [],
    "before-parse": [],
    "response-received": [],
    "needs-retry": ["botocore.retries.standard.RetryHandler.needs_retry"],
}
# Headers that the long way adds, replaces or heeds.
OURS = frozenset(
    [
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "authorization",
        "content-length",
        "date",
        "host",
        "transfer-encoding",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
    ]
)


class _Door(NamedTuple):
    """What is known of an operation's calls beforehand."""

    name: str
    signer: Any
    attempts_max: int
    versions: dict[tuple[Any, ...], Any]  # the signature chosen, by what it was chosen from


class Pending(NamedTuple):
    """What was sent under which number, and the answer that botocore is to find when it sends."""

    number: str
    time: str
    answer: Any


def install(space: ModuleSpace, session: type, raw_body: Any, user_agent: str) -> "ShortWay":
    """Let endpoints of a space's botocore take the short way."""
    endpoint: Any = space.load("botocore.endpoint")
    way = ShortWay(space, session, raw_body, user_agent)
    original = endpoint.Endpoint.make_request

    def make_request(self: Any, operation_model: Any, request_dict: Any) -> Any:
        door = way.door(self, operation_model)
        context = request_dict["context"]
        if door is not None:
            done = way.call(self, door, operation_model, request_dict)
            if done is not None:
                return done
        assert CURRENT.get().pending is None, "what was sent would be sent again"
        if ANSWER not in context:
            return original(self, operation_model, request_dict)
        signed_at = context["timestamp"]
        try:
            return original(self, operation_model, request_dict)
        finally:
            if context["retries"]["attempt"] == 1:
                context["timestamp"] = signed_at

    endpoint.Endpoint.make_request = make_request
    return way


class ShortWay:
    """The usual call."""

    def __init__(self, space: ModuleSpace, session: type, raw_body: Any, user_agent: str) -> None:
        self._session = session
        self._raw_body = raw_body
        self._user_agent = user_agent
        self._endpoint: Any = space.load("botocore.endpoint")
        self._hooks: Any = space.load("botocore.hooks")
        self._standard: Any = space.load("botocore.retries.standard")
        self._auth: Any = space.load("botocore.auth")
        awsrequest: Any = space.load("botocore.awsrequest")
        self._response = awsrequest.AWSResponse
        self.unsigned = frozenset(self._auth.SIGNED_HEADERS_BLACKLIST)

    # Which operations of which endpoints.

    def door(self, endpoint: Any, operation: Any) -> _Door | None:
        """Return what is known of an operation, as long as nobody registers anything."""
        emitter: Any = getattr(endpoint._event_emitter, "_emitter", None)
        if type(emitter) is not self._hooks.HierarchicalEmitter:
            return None
        # Whoever registers or unregisters gives the emitter a new dictionary.
        registered = emitter._lookup_cache
        known = vars(endpoint).get("_antipodes_doors")
        if known is None or known[0] is not registered:
            known = endpoint._antipodes_doors = (registered, {})
        doors: dict[str, _Door | None] = known[1]
        if operation.name not in doors:
            doors[operation.name] = self._make_door(endpoint, emitter, operation)
        return doors[operation.name]

    def _make_door(self, endpoint: Any, emitter: Any, operation: Any) -> _Door | None:
        service_id = operation.service_model.service_id.hyphenize()
        handlers: dict[str, list[Any]] = {}
        for event, usual in _USUAL.items():
            name = endpoint._event_emitter._alias_event_name(
                f"{event}.{service_id}.{operation.name}"
            )
            handlers[event] = list(emitter._handlers.prefix_search(name))
            if [described(handler) for handler in handlers[event]] != usual:
                return None
        conditions = handlers["needs-retry"][0].__self__._retry_policy._retry_checker
        seeded = handlers["request-created"][1].__self__._max_attempts
        fits = (
            operation.service_model.resolved_protocol == "json"
            and not operation.has_streaming_input
            and not operation.has_streaming_output
            and not operation.has_event_stream_input
            and not operation.has_event_stream_output
            and not operation.unsigned_payload
            and type(endpoint) is self._endpoint.Endpoint
            and type(conditions) is self._standard.StandardRetryConditions
            and seeded > 1  # the last attempt tells that it was the last
            and conditions._max_attempts_checker._max_attempts == seeded
        )
        signer = handlers["request-created"][0].__self__
        return _Door(operation.name, signer, seeded, {}) if fits else None

    def signs_usually(self, door: _Door, context: dict[str, Any]) -> bool:
        """Whether Signature Version 4 with a signed body is what botocore would choose."""
        config, signing = context["client_config"], context.get("signing") or {}
        if "request_credentials" in signing or "identity_cache" in signing:
            return False
        key = (
            context.get("auth_type"),
            signing.get("signing_name"),
            signing.get("region"),
            config.signature_version,
            config.auth_scheme_preference,
        )
        if key not in door.versions:
            probe = {**context, "signing": dict(signing)} if signing else dict(context)
            version = door.signer._choose_signer(door.name, "standard", probe)
            chosen = probe.get("signing") or {}
            unusual = "payload_signing_enabled" in probe or chosen != signing
            door.versions[key] = None if unusual else self._auth.AUTH_TYPE_MAPS.get(version)
        return door.versions[key] is self._auth.SigV4Auth

    # One call.

    def call(self, endpoint: Any, door: _Door, operation: Any, request_dict: dict[str, Any]) -> Any:
        """Make a call; None if the long way must be gone, from the start or from its answer."""
        context, body = request_dict["context"], request_dict["body"]
        signer = door.signer
        if (
            type(body) is not bytes
            or request_dict["method"] != "POST"
            or "?" in request_dict["url"]
            or context.get("checksum")
            or "retries" in context
            or "payload_signing_enabled" in context
            or self._endpoint.history_recorder._enabled
            or type(endpoint.http_session) is not self._session
            or signer._credentials is None
            or signer._region_name is None
            or not self.signs_usually(door, context)
        ):
            return None
        names: dict[str, list[str]] = {}
        for name, value in request_dict["headers"].items():
            if type(value) is not str or not value.isascii() or not name.isascii():
                return None
            names[name.lower()] = [" ".join(value.split())]
        if not names.keys().isdisjoint(OURS) or len(names) != len(request_dict["headers"]):
            return None
        answer = self._answer(endpoint, door, request_dict, names)
        if isinstance(answer, Exception):
            context[ANSWER] = answer
            return None
        done = self._read(endpoint, operation, request_dict["url"], answer)
        if done is None:
            context[ANSWER] = answer
        return done

    def _answer(
        self, endpoint: Any, door: _Door, request_dict: dict[str, Any], names: dict[str, list[str]]
    ) -> Any:
        """Return what the host answers, or has answered already, or why it does not."""
        program, context = CURRENT.get(), request_dict["context"]
        pending, program.pending = program.pending, None
        if pending is not None:
            context["retries"] = {"attempt": 1, "invocation-id": pending.number}
            context["retries"]["max"] = door.attempts_max
            context["timestamp"] = pending.time
            return pending.answer
        endpoint._update_retries_context(context, 1)
        context["retries"]["max"] = door.attempts_max
        sent = self._signed(door, request_dict, names)
        try:
            return program.wait(
                program.send("POST", request_dict["url"], sent, request_dict["body"])
            )
        except Exception as error:  # noqa: BLE001 - for the long way to judge
            return error

    def sent_headers(self, headers: dict[str, str]) -> list[tuple[str, str]]:
        """Return botocore's own headers as they are sent."""
        return [
            (name, self._user_agent if name.lower() == "user-agent" else value)
            for name, value in headers.items()
        ]

    def _signed(
        self, door: _Door, request_dict: dict[str, Any], names: dict[str, list[str]]
    ) -> list[tuple[str, str]]:
        """Return the headers to send, in the order of the long way."""
        signer, context = door.signer, request_dict["context"]
        credentials = signer._credentials.get_frozen_credentials()
        signing = context.get("signing") or {}
        time = context["timestamp"] = timestamp(CURRENT.get().wall())
        added = [("X-Amz-Date", time)]
        if credentials.token:
            added.append(("X-Amz-Security-Token", credentials.token))
        to_sign = {name: texts for name, texts in names.items() if name not in self.unsigned}
        for name, value in added:
            to_sign[name.lower()] = [" ".join(value.split())]
        to_sign["host"] = [self._auth.quick_host(request_dict["url"])]
        proof = authorization(
            credentials,
            (
                signing.get("region") or signer._region_name,
                signing.get("signing_name") or signer._signing_name,
            ),
            time,
            ("POST", self._auth.quick_path(request_dict["url"]), ""),
            to_sign,
            sha256(request_dict["body"]).hexdigest(),
        )
        retries = context["retries"]
        return [
            *self.sent_headers(request_dict["headers"]),
            *added,
            ("Authorization", proof),
            ("amz-sdk-invocation-id", retries["invocation-id"]),
            ("amz-sdk-request", f"attempt=1; max={retries['max']}"),
            ("Content-Length", str(len(request_dict["body"]))),
        ]

    def _read(self, endpoint: Any, operation: Any, url: str, answer: Any) -> Any:
        """Return an answer as botocore's endpoint does, or None if it is not the usual one."""
        status, headers, data = answer
        if status != _OK:
            return None
        response = self._response(url, status, headers, self._raw_body(data))
        if operation.service_model.service_name == "dynamodb":
            checksum = response.headers.get("x-amz-crc32")
            if checksum is not None and checksum != str(crc32(data)):
                return None
        parsed = parser_of(endpoint._response_parser_factory).parse(
            {
                "headers": response.headers,
                "status_code": status,
                "context": {"operation_name": operation.name},
                "body": response.content,
            },
            operation.output_shape,
        )
        if type(parsed) is not dict or "Error" in parsed:
            return None
        parsed["ResponseMetadata"]["RetryAttempts"] = 0
        return response, parsed


def parser_of(factory: Any) -> Any:
    """Return a factory's parser, which keeps nothing of what it parses: the same every time."""
    known = vars(factory).get("_antipodes_parser")
    if known is None or known[0] != factory._defaults:
        known = (dict(factory._defaults), factory.create_parser("json"))
        factory._antipodes_parser = known
    return known[1]


def described(handler: Any) -> str:
    """Return where a handler was defined, under which name."""
    function = getattr(handler, "__func__", handler)
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
