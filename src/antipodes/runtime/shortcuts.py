"""Shortcuts in the simulation's copy of botocore: the same results for less work.

A simulated second may hold thousands of calls, and two thirds of a call's cost are botocore working
out again what it worked out before: its user agent, who handles an event, the rules that lead to an
endpoint, headers kept as an e-mail's. The functions here stand in for such methods of the copy that
`libraries` loads. Each gives what the original gives for all inputs, draws no chance and reads the
clock as often; where an input is unusual it asks the original. What is remembered is remembered
under everything that it was made from.
"""

# ruff: noqa: SLF001 - what the shortcuts stand in for is botocore's own

from collections.abc import ItemsView, Iterable, Iterator, Mapping
from email.message import Message
from email.policy import compat32
from functools import lru_cache
from types import FunctionType, MethodType
from typing import Any

from antipodes.runtime.modulespace import ModuleSpace
from antipodes.runtime.shapewalks import quicken_parsing, quicken_validation
from antipodes.runtime.signing import authorization, timestamp
from antipodes.runtime.substitutes import CURRENT

_NAMES_MAX = 4096
_CODE_VARARGS, _CODE_VARKEYWORDS = 0x04, 0x08  # inspect's names are CO_VARARGS and so on


def install(space: ModuleSpace) -> None:
    """Put the shortcuts into a space's botocore."""
    _headers(space.load("botocore.compat"))
    _header_dictionaries(space.load("botocore.awsrequest"), space.load("botocore.parsers"))
    _requests(space.load("botocore.awsrequest"), space.load("botocore.endpoint"))
    _user_agents(space.load("botocore.useragent"))
    _events(space.load("botocore.hooks"))
    model: Any = space.load("botocore.model")
    model.hyphenize_service_id = lru_cache(_NAMES_MAX)(model.hyphenize_service_id)
    quicken_validation(space.load("botocore.validate"))
    quicken_parsing(space.load("botocore.parsers"))
    _signatures(space.load("botocore.auth"))
    _endpoints(space.load("botocore.regions"))


# Headers of a request: a message as in e-mail, whose policy asks of every value what it may be.


def _plain(message: Message, name: str, value: Any) -> Any:
    if type(value) is bytes or (type(value) is str and value.isascii()):
        return value
    return message.policy.header_fetch_parse(name, value)


def _stores_as_given() -> bool:
    """Whether this Python's e-mail keeps headers without a look at them; later ones look."""
    try:
        return compat32.header_store_parse("a:\n", "b\n") == ("a:\n", "b\n")
    except ValueError:
        return False


def _headers(compat: Any) -> None:
    def items(self: Any) -> list[tuple[str, Any]]:
        return [(name, _plain(self, name, value)) for name, value in self._headers]

    def get(self: Any, name: str, failobj: Any = None) -> Any:
        wanted = name.lower()
        for known, value in self._headers:
            if known.lower() == wanted:
                return _plain(self, known, value)
        return failobj

    def set_item(self: Any, name: str, value: Any) -> None:
        self._headers.append((name, value))

    compat.HTTPHeaders.items = items
    compat.HTTPHeaders.get = get
    compat.HTTPHeaders.__getitem__ = get
    if _stores_as_given():
        compat.HTTPHeaders.__setitem__ = set_item


# Headers as prepared and as answered: a dictionary that ignores case. It is kept under names in
# lower case; the original makes an object of every name.


class _Items(ItemsView[str, Any]):
    """The items of a `HeadersDict`."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self._mapping._dict.values())  # type: ignore[attr-defined] # a quick one's


class _HeaderDictionary:
    """The methods of a quick `HeadersDict`."""

    _dict: dict[str, tuple[str, Any]]  # by name in lower case: the name as first given, the value

    def __init__(self, /, *others: Any, **named: Any) -> None:
        self._dict = {}
        if len(others) == 1 and type(others[0]) is list:
            pairs = others[0]
            self._dict = {name.lower(): (name, value) for name, value in pairs}
            if len(self._dict) == len(pairs) and not named:
                return
            self._dict = {}  # some name came twice: its first spelling stays, its last value
        self.update(*others, **named)

    def update(self, other: Any = (), /, **named: Any) -> None:
        if type(other) is type(self):
            pairs: Iterable[tuple[Any, Any]] = list(other._dict.values())
        elif isinstance(other, Mapping) or hasattr(other, "keys"):
            pairs = ((name, other[name]) for name in other.keys())  # noqa: SIM118 - not a dict
        else:
            pairs = other
        for name, value in (*pairs, *named.items()):
            self[name] = value

    def __setitem__(self, name: Any, value: Any) -> None:
        lower = name.lower()
        held = self._dict.get(lower)
        self._dict[lower] = (name if held is None else held[0], value)

    def __getitem__(self, name: Any) -> Any:
        held = self._dict.get(name.lower())
        if held is None:
            raise KeyError(name)
        return held[1]

    def get(self, name: Any, default: Any = None) -> Any:
        held = self._dict.get(name.lower())
        return default if held is None else held[1]

    def __delitem__(self, name: Any) -> None:
        if name.lower() not in self._dict:
            raise KeyError(name)
        del self._dict[name.lower()]

    def __contains__(self, name: Any) -> bool:
        return name.lower() in self._dict

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._dict.values()])

    def items(self) -> ItemsView[str, Any]:
        return _Items(self)  # type: ignore[arg-type] # its methods are put into a mapping

    def __repr__(self) -> str:
        return repr(dict(self._dict.values()))


def _header_dictionaries(awsrequest: Any, parsers: Any) -> None:
    def lowercase_dict(headers: Any) -> Any:
        if type(headers) is kind:
            return {lower: value for lower, (_, value) in headers._dict.items()}
        return original(headers)

    kind, original = awsrequest.HeadersDict, parsers.lowercase_dict
    parsers.lowercase_dict = lowercase_dict
    for name, method in vars(_HeaderDictionary).items():
        if isinstance(method, FunctionType):
            setattr(kind, name, method)


def _requests(awsrequest: Any, endpoint: Any) -> None:
    def body_of(self: Any) -> Any:
        prepared = self._request_preparer._prepare_body(self)  # instead of the whole request
        return prepared.encode() if isinstance(prepared, str) else prepared

    def prepare_request(self: Any, request: Any) -> Any:
        """Encode and prepare the headers in one go, if they are texts and the body has a length."""
        headers, preparer = request.headers, request._request_preparer
        items = headers.items()
        if type(preparer) is not awsrequest.AWSRequestPreparer or type(headers) is not message:
            return original(self, request)
        body = preparer._prepare_body(request)
        length = preparer._determine_content_length(body)
        if length is None or not all([isinstance(value, str) for _, value in items]):  # noqa: C419 - quicker
            return original(self, request)
        encoded = [(name, value.encode()) for name, value in items]
        headers._headers += encoded  # the message has both then, and the last of a name counts
        prepared = awsrequest.HeadersDict(encoded)
        has_length = "Transfer-Encoding" in prepared or "Content-Length" in prepared
        if not has_length and request.method not in {"GET", "HEAD", "OPTIONS"}:
            prepared["Content-Length"] = str(length)
        url = preparer._prepare_url(request)
        return awsrequest.AWSPreparedRequest(
            request.method, url, prepared, body, request.stream_output, request.context
        )

    message, original = awsrequest.HTTPHeaders, endpoint.Endpoint.prepare_request
    awsrequest.AWSRequest.body = property(body_of)
    endpoint.Endpoint.prepare_request = prepare_request


# User agents: some forty pieces, cleaned letter by letter, twice for every request.


def _user_agents(useragent: Any) -> None:
    kind = useragent.UserAgentString
    slow = kind.to_string

    def features_of(self: Any) -> frozenset[str]:
        context = useragent.get_context()
        known = frozenset(self._client_features or ())
        return known if context is None else known | context.features

    def to_string(self: Any) -> str:
        config = self._client_config
        settings: tuple[Any, ...] = ()
        if config:
            settings = (
                getattr(config, "_supplied_user_agent", slow),  # None is a value of its own
                config.user_agent,
                (config.retries or {}).get("mode"),
                config.endpoint_discovery_enabled,
                config.user_agent_appid,
                config.user_agent_extra,
                bool(config.retries),
            )
        made_from = (
            settings,
            features_of(self),
            self._session_user_agent_name,
            self._session_user_agent_version,
            self._session_user_agent_extra,
            self._execution_env,
        )
        remembered = self.__dict__.get("_remembered")
        if remembered is None or remembered[0] != made_from:
            remembered = self._remembered = (made_from, slow(self))
        text: str = remembered[1]
        return text

    def feature_metadata(self: Any) -> list[Any]:
        """As the original, but in an order that does not depend on hashes."""
        features = ",".join(sorted(features_of(self)))
        if not features:
            return []
        size = useragent.UserAgentComponentSizeConfig(1024, ",")
        return [useragent.UserAgentComponent("m", features, size_config=size)]

    kind.to_string = to_string
    kind._build_feature_metadata = feature_metadata


# Events: every name is looked for among four hundred old names, every handler is inspected.


def _events(hooks: Any) -> None:
    kind, direct = hooks.EventAliaser, hooks.HierarchicalEmitter
    fill, slow_alias = kind.__init__, kind._alias_event_name
    usual = kind(None)
    alias_usual = lru_cache(_NAMES_MAX)(lambda name: slow_alias(usual, name))

    def start(self: Any, event_emitter: Any, event_aliases: Any = None) -> None:
        fill(self, event_emitter, event_aliases)
        self._usual = self._event_aliases == hooks.EVENT_ALIASES

    def alias(self: Any, event_name: str) -> Any:
        known = self._alias_name_cache.get(event_name)
        if known is None:
            known = alias_usual(event_name) if self._usual else slow_alias(self, event_name)
            self._alias_name_cache[event_name] = known
        return known

    def emit(self: Any, event_name: str, **named: Any) -> Any:
        name = self._alias_name_cache.get(event_name) or self._alias_event_name(event_name)
        emitter = self._emitter
        handlers = emitter._lookup_cache.get(name) if type(emitter) is direct else None
        if handlers is None:
            return emitter.emit(name, **named)
        named["event_name"] = name
        return [(handler, handler(**named)) for handler in handlers]

    def emit_until_response(self: Any, event_name: str, **named: Any) -> Any:
        name = self._alias_name_cache.get(event_name) or self._alias_event_name(event_name)
        emitter = self._emitter
        handlers = emitter._lookup_cache.get(name) if type(emitter) is direct else None
        if handlers is None:
            return emitter.emit_until_response(name, **named)
        named["event_name"] = name
        handler = response = None
        for handler in handlers:
            response = handler(**named)
            if response is not None:
                break
        return handler, response

    kind.__init__ = start
    kind._alias_event_name = alias
    kind.emit = emit
    kind.emit_until_response = emit_until_response
    hooks.accepts_kwargs = _accepting(hooks.accepts_kwargs)


def _accepting(original: Any) -> Any:
    """Return a quick `accepts_kwargs`."""

    def accepts_kwargs(function: Any) -> Any:
        """Return the name of the parameter for further named arguments, or None."""
        plain = function.__func__ if type(function) is MethodType else function
        if type(plain) is not FunctionType or vars(plain):  # decorated, perhaps
            return original(function)
        code = plain.__code__
        if not code.co_flags & _CODE_VARKEYWORDS:
            return None
        before = code.co_argcount + code.co_kwonlyargcount
        return code.co_varnames[before + bool(code.co_flags & _CODE_VARARGS)]

    return accepts_kwargs


# Signatures: the very same, in one pass over the headers.


def _signatures(auth: Any) -> None:
    kind = auth.SigV4Auth
    slow = kind.add_auth
    unsigned = frozenset(auth.SIGNED_HEADERS_BLACKLIST)

    @lru_cache(_NAMES_MAX)
    def host_of(url: str) -> str:
        return " ".join(auth._host_from_url(url).split())

    @lru_cache(_NAMES_MAX)
    def path_of(url: str) -> Any:
        return kind._normalize_url_path(None, auth.urlsplit(url).path)

    def add_auth(self: Any, request: Any) -> Any:
        if type(self) is not kind or self.credentials is None:
            return slow(self, request)
        time = request.context["timestamp"] = timestamp(CURRENT.get().wall())
        self._modify_request_before_signing(request)
        texts: dict[str, list[str]] = {}
        for name, value in request.headers.items():
            lower = name.lower()
            if lower not in unsigned:
                texts.setdefault(lower, []).append(" ".join(value.split()))
        if "host" not in texts:
            texts["host"] = [host_of(request.url)]
        lines = (request.method.upper(), path_of(request.url), self.canonical_query_string(request))
        digest = request.headers.get("X-Amz-Content-SHA256")
        request.headers["Authorization"] = authorization(
            self.credentials,
            (self._region_name, self._service_name),
            time,
            lines,
            texts,
            self.payload(request) if digest is None else digest,
        )
        return None

    kind.add_auth = add_auth
    auth.quick_host, auth.quick_path = host_of, path_of


# Endpoints: where each parameter of the rules comes from is the same for all calls of an operation.


def _endpoints(regions: Any) -> None:
    kind = regions.EndpointRulesetResolver

    def sources(self: Any, operation: Any) -> list[tuple[Any, ...]]:
        static = self._get_static_context_params(operation)
        dynamic = self._get_dynamic_context_params(operation)
        client = self._get_client_context_params()
        paths = operation.operation_context_parameters
        return [
            (
                name,
                static.get(name),
                dynamic.get(name),
                name in paths,
                client.get(name),
                definition.builtin,
            )
            for name, definition in self._param_definitions.items()
        ]

    def provider_params(self: Any, operation: Any, arguments: Any, context: Any) -> Any:
        builtins = self._get_customized_builtins(operation, arguments, context)
        key = ("sources", operation)
        if key not in self._instance_cache:
            self._instance_cache[key] = sources(self, operation)
        found: dict[str, Any] = {}
        for name, static, member, has_path, variable, builtin in self._instance_cache[key]:
            value = static
            if value is None and member is not None:
                value = arguments.get(member)
            if value is None and has_path:
                value = self._resolve_param_as_operation_context_param(name, operation, arguments)
            if value is None and variable is not None:
                value = self._client_context.get(variable)
            if value is None and builtin is not None:
                value = builtins.get(builtin)
                if builtin not in known or callable(value):
                    value = self._resolve_param_as_builtin(builtin, builtins)
            if value is not None:
                found[name] = value
                self._register_endpoint_feature_ids(name, value)
        return found

    known = frozenset(regions.EndpointResolverBuiltins.__members__.values())
    kind._get_provider_params = provider_params


# Actions of boto3's resources: which identifiers go into a request is the same every time.


def quicken_actions(action: Any) -> None:
    """Let `boto3.resources.action` put identifiers into requests without looking for paths."""
    original, attribute = action.create_request_parameters, action.xform_name

    def identifiers(request: Any) -> list[tuple[str, str]] | None:
        wanted = [one for one in request.params if one.source != "input"]
        if all(one.source == "identifier" and one.target.isalnum() for one in wanted):
            return [(one.target, attribute(one.name)) for one in wanted]
        return None

    def create_request_parameters(
        parent: Any, request_model: Any, params: Any = None, index: Any = None
    ) -> Any:
        marks = vars(request_model)
        if "_antipodes_identifiers" not in marks:
            marks["_antipodes_identifiers"] = identifiers(request_model)
        found = marks["_antipodes_identifiers"]
        if found is None or params is not None or index is not None:
            return original(parent, request_model, params, index)
        return {target: getattr(parent, name) for target, name in found}

    action.create_request_parameters = create_request_parameters
