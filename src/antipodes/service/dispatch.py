"""From an HTTP request to a service's operation and back: what stands behind a region's API door.

The credential scope names service, region and account; the service's model names the operation,
reads and checks its input; the service's table has the handler. A synchronous handler is answered
inline, without a task. Whatever goes wrong becomes the protocol's own error: a `ServiceError` is
the caller's mistake or the world's; anything else is our bug, logged with its traceback and
answered 500, never 400.

What AWS has and Antipodes has not is answered 501 by name, so that no client takes it for success
or tries again. Hot operations may be answered by a `FastHandler` in `Dispatcher.fast`, by target;
not while there are `injections`, which see every call that a customer makes. `Dispatcher.express`
does so from the wire's bytes (`service.express`); `handle` is for everything and everyone else.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from antipodes.runtime.contract import Accepted, Address, DiskFull, RuntimeFailure
from antipodes.service import accounts, signatures
from antipodes.service.contract import (
    Call,
    Handler,
    Host,
    Permit,
    Request,
    Response,
    Service,
    ServiceError,
)
from antipodes.service.drawing import uuid
from antipodes.service.express import FastHandler, Heads, Lane, headers_of, wire_answer
from antipodes.service.http import HttpRequest, HttpResponse, encode_response
from antipodes.service.planes import HOMES
from antipodes.wire import models, protocols
from antipodes.wire.errors import WireError
from antipodes.wire.protocols import Failure, Incoming
from antipodes.wire.rest import Message
from antipodes.wire.routes import Match
from antipodes.wire.validation import validate

Forward = Callable[[str, HttpRequest], Awaitable[HttpResponse]]
Answer = HttpResponse | Awaitable[HttpResponse]
# Asked about a call, its service and its operation before it is handled; may raise ServiceError.
Injection = Callable[[Call, str, str], None]
# Asked about a customer's call, by service and operation; may raise ServiceError.
Admission = Callable[[str, str], None]

NOT_OFFERED = "NotImplemented"
NOT_OFFERED_STATUS = 501
CREDENTIALS_MAX = 4096
_FORBIDDEN = 403

# The JSON protocols have names of their own for what is wrong with a signature.
_JSON_CODES = {
    "IncompleteSignature": "IncompleteSignatureException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}
_LOG = logging.getLogger(__name__)


class _Caller:
    """What a credential scope says, worked out once for each."""

    __slots__ = ("access_key", "account", "region", "signs_as")

    def __init__(self, text: str, account: str) -> None:
        credential = signatures.parse_credential(text)
        self.access_key = credential.access_key
        self.region = credential.region
        self.signs_as = credential.service
        self.account = accounts.account_of(credential.access_key, account)


class _Exchange:
    """One request on its way through, as far as it is understood."""

    def __init__(self, request: HttpRequest, request_id: str) -> None:
        self.method = request.method
        self.incoming = Incoming(request.method, request.target, request.headers, request.body)
        self.request_id = request_id
        self.protocol = protocols.protocol_of(self.incoming, None)
        self.model: models.Model | None = None
        self.operation: models.Operation | None = None


class Dispatcher:
    """The API of one host: all its services behind one handler."""

    def __init__(
        self,
        host: Host,
        services: Mapping[str, Service],
        *,
        forward: Forward | None = None,
        secret_of: Callable[[str], str] = accounts.secret_of,
        admit: Admission | None = None,
    ) -> None:
        """`admit` is asked about customers' calls, hot operations aside; it may refuse them."""
        self.fast: dict[str, FastHandler] = {}
        self._heads = Heads(self._hot)
        self.injections: list[Injection] = []
        self._host = host
        self._services = services
        self._forward = forward
        self._secret_of = secret_of
        self._admit = admit
        self._verifies = host.settings.verify_signatures
        self._chance = host.runtime.chance("request-ids")
        self._callers: dict[str, _Caller] = {}
        self._names: dict[tuple[str, str], str] = {}

    def handle(self, request: HttpRequest, permit: Permit | None = None) -> Answer:
        """Answer one request: at once where its handler does, else when awaited.

        `permit` is asked about what is for this host, before it is done.
        """
        exchange: _Exchange | None = None
        try:
            caller = self._caller(request.headers, request.target)
            target = request.headers.get("x-amz-target", "")
            number = self.request_id(long=target.startswith("DynamoDB"))
            plain = not self.injections and "content-encoding" not in request.headers
            fast = self.fast.get(target) if plain and permit is None else None
            if fast is not None and caller.region == self._host.place and not self._verifies:
                body = fast(caller.account, request.body)
                if body is not None:
                    if trace := _trace(request):
                        self._note(trace, caller.account, target)
                    return HttpResponse(200, headers_of(number, body), body)
            exchange = _Exchange(request, number)
            return self._answer(request, caller, exchange, permit)
        except Exception as error:  # noqa: BLE001 - the family is told apart in _failed
            exchange = exchange or _Exchange(request, self.request_id())
            return self._failed(exchange, error)

    def express(self, data: bytes, accepted: Accepted) -> bytes | None:
        """Answer a request of a hot operation that came in one piece; None: it goes the usual way.

        A request that is declined after all has drawn no number: the usual way does.
        """
        if self.injections:
            return None
        read = self._heads.read(data)
        if read is None:
            return None
        head, body = read
        try:
            answer = head.handler(head.account, body)
        except Exception as error:  # noqa: BLE001 - the family is told apart in _failed
            request = HttpRequest("POST", "/", dict(head.headers), body, accepted)
            return encode_response(self._failed(_Exchange(request, self.request_id()), error))
        if answer is None:
            return None
        if accepted.trace:
            self._note(accepted.trace, head.account, head.target)
        return wire_answer(self.request_id(long=True), answer)

    def lane(self, headers: dict[str, str]) -> Lane | None:
        """Return what answers a hot operation's requests with that head; None: go the usual way.

        For callers inside the host, who have no need of bytes, or of a request as a value.
        """
        found = None if "content-encoding" in headers else self._hot(headers)
        if found is None:
            return None
        account, handler = found
        target = headers["x-amz-target"]

        def answer(body: bytes, trace: str) -> HttpResponse | None:
            if self.injections:
                return None
            try:
                answered = handler(account, body)
            except Exception as error:  # noqa: BLE001 - the family is told apart in _failed
                place = self._host.place
                accepted = Accepted(place, "", Address(place, "api"), trace)
                request = HttpRequest("POST", "/", headers, body, accepted)
                return self._failed(_Exchange(request, self.request_id(long=True)), error)
            if answered is None:
                return None
            if trace:
                self._note(trace, account, target)
            return HttpResponse(200, headers_of(self.request_id(long=True), answered), answered)

        return answer

    def _hot(self, headers: dict[str, str]) -> tuple[str, FastHandler] | None:
        """Say whose request of a hot operation has such headers, and who answers it."""
        handler = self.fast.get(headers.get("x-amz-target", ""))
        if handler is None or self._verifies:
            return None
        try:
            caller = self._caller(headers, "/")
        except ServiceError:
            return None
        return (caller.account, handler) if caller.region == self._host.place else None

    async def call(
        self,
        service: str,
        operation: str,
        request: dict[str, Any],
        *,
        account: str,
        trace: str = "",
    ) -> Response:
        """Call a service of this host from within. Raises ServiceError."""
        offered = self._services.get(service)
        handler = offered.operations.get(operation) if offered is not None else None
        modelled = models.service(service).operation(operation)
        if handler is None or modelled is None:
            raise _not_offered(service, operation)
        try:
            validate(modelled, request)
        except WireError as error:
            raise ServiceError(error.code, error.message, error.status) from error
        request_id = self.request_id(long=service.startswith("dynamodb"))
        call = Call(account, self._host.place, request_id, trace=trace)
        try:
            result = handler(offered, call, request)
            if not (isinstance(result, dict) or result is None):
                result = await result
        except DiskFull as error:
            message = f"Nothing was written: {error}"
            raise ServiceError("ServiceUnavailable", message, 503) from error
        return result or {}

    def request_id(self, *, long: bool = False) -> str:
        """Make a request's number: a UUID, or DynamoDB's 52 characters."""
        if long:
            return f"{self._chance.getrandbits(208):052X}"
        return uuid(self._chance)

    def _caller(self, headers: Mapping[str, str], target: str) -> _Caller:
        text = signatures.credential_text(headers, target)
        caller = self._callers.get(text)
        if caller is None:
            caller = _Caller(text, self._host.settings.account)
            if len(self._callers) >= CREDENTIALS_MAX:
                self._callers.clear()
            self._callers[text] = caller
        return caller

    def _note(self, trace: str, account: str, target: str) -> None:
        """Note a traced call that was answered at once."""
        runtime = self._host.runtime
        service, _, operation = target.partition("_")
        name = f"{service.lower()}.{operation.rpartition('.')[2]}"
        runtime.journal.span(trace, name, runtime.now(), account=account)

    def _call(self, request: HttpRequest, caller: _Caller, request_id: str) -> Call:
        trace = _trace(request)
        token = request.headers.get("x-amz-security-token", "")
        principal = accounts.principal_of(token) if token else ""
        region, key = self._host.place, caller.access_key
        return Call(caller.account, region, request_id, key, trace, principal)

    def _answer(
        self,
        request: HttpRequest,
        caller: _Caller,
        exchange: _Exchange,
        permit: Permit | None,
    ) -> Answer:
        name = self._service_name(caller.signs_as, exchange.incoming)
        service = self._services.get(name)
        exchange.model = model = models.service(name)
        exchange.protocol = protocols.protocol_of(exchange.incoming, model)
        region = self._region(name, service, caller)
        if region != self._host.place and self._forward is not None:
            return self._finish(exchange, self._forward(region, request))
        if self._verifies:
            secret = self._secret_of(caller.access_key)
            signatures.verify(request, secret, self._host.runtime.wall())
        match = protocols.identify(model, exchange.protocol, exchange.incoming)
        exchange.operation = match.operation
        if self._admit is not None:
            self._admit(name, match.operation.name)
        handler = service.operations.get(match.operation.name) if service is not None else None
        if handler is None or service is None:
            raise _not_offered(name, match.operation.name)
        if permit is not None:
            handler = _permitted(permit, name, match.operation.name, handler)
        call = self._call(request, caller, exchange.request_id)
        for inject in self.injections:
            inject(call, name, match.operation.name)
        return self._run(service, handler, call, exchange, match)

    def _region(self, name: str, service: Service | None, caller: _Caller) -> str:
        """Return the region that must answer: the one signed for, or a global service's home.

        Where AWS has one endpoint for the world (iam), clients that were given an endpoint of ours
        sign for their own region, and mean home. Where it has one in the home region only
        (globalaccelerator), a client of another region would find no such host in AWS.
        """
        home = service.home if service is not None and service.home else HOMES.get(name, "")
        if not home or home == caller.region:
            return caller.region
        if "globalEndpoint" in models.metadata(name):
            return home
        raise ServiceError(
            "SignatureDoesNotMatch",
            f"Credential should be scoped to a valid region: {name} is a global service and "
            f"answers in {home} only, not in {caller.region}",
            403,
        )

    def _run(
        self, service: Service, handler: Handler, call: Call, exchange: _Exchange, match: Match
    ) -> Answer:
        """Read, check, handle, write."""
        runtime = self._host.runtime
        started = runtime.now() if call.trace else 0.0
        parameters = protocols.parse_request(match, exchange.protocol, exchange.incoming)
        validate(match.operation, parameters)
        result = handler(service, call, parameters)

        def write(response: Response | None) -> HttpResponse:
            if call.trace:
                name = f"{service.name}.{match.operation.name}"
                runtime.journal.span(call.trace, name, started, account=call.account)
            return _http(
                protocols.serialise_response(
                    match.operation, exchange.protocol, response or {}, exchange.request_id
                ),
                exchange,
            )

        if isinstance(result, dict) or result is None:
            return write(result)
        return self._finish(exchange, _then(result, write))

    async def _finish(self, exchange: _Exchange, answer: Awaitable[HttpResponse]) -> HttpResponse:
        """Wait for an answer; what goes wrong meanwhile becomes one."""
        try:
            return await answer
        except Exception as error:  # noqa: BLE001 - the family is told apart in _failed
            return self._failed(exchange, error)

    def _failed(self, exchange: _Exchange, error: Exception) -> HttpResponse:
        """Turn a mistake of the caller's, or a bug of ours, into the protocol's error."""
        if isinstance(error, ServiceError):
            failure = Failure(error.code, error.message, error.status, error.members)
        elif isinstance(error, WireError):
            failure = Failure(error.code, error.message, error.status)
        elif isinstance(error, DiskFull):
            failure = Failure("ServiceUnavailable", f"Nothing was written: {error}", 503)
        elif isinstance(error, RuntimeFailure):
            failure = Failure("ServiceUnavailable", f"Something is out of reach: {error}", 503)
        else:
            failure = self._our_bug(exchange, error)
        if exchange.protocol not in {"query", "ec2", "rest-xml"}:
            failure.code = _JSON_CODES.get(failure.code, failure.code)
        if exchange.model is None:
            self._guess_model(exchange)
        if exchange.model is not None and exchange.model.name.startswith("dynamodb"):
            # DynamoDB answers 400 to what is wrong with a signature; other services 403.
            failure.status = 400 if failure.status == _FORBIDDEN else failure.status
            if isinstance(error, DiskFull):
                failure.code, failure.status = "InternalServerError", 500
        try:
            return self._told(exchange, failure)
        except Exception as second:  # noqa: BLE001 - an error that cannot be written is our bug
            return self._told(exchange, self._our_bug(exchange, second))

    def _told(self, exchange: _Exchange, failure: Failure) -> HttpResponse:
        message = protocols.serialise_error(
            exchange.model, exchange.operation, exchange.protocol, failure, exchange.request_id
        )
        return _http(message, exchange)

    def _our_bug(self, exchange: _Exchange, error: Exception) -> Failure:
        doing = exchange.operation or exchange.incoming.path
        _LOG.error("%s: %r in %s", self._host.place, error, doing, exc_info=error)
        return Failure("InternalFailure", f"Antipodes has a bug: {error!r} in {doing}", 500)

    def _guess_model(self, exchange: _Exchange) -> None:
        """An unsigned request names no service; its target may."""
        prefix = exchange.incoming.headers.get("x-amz-target", "").rpartition(".")[0]
        for name in self._services if prefix else ():
            if models.metadata(name).get("targetPrefix") == prefix:
                exchange.model = models.service(name)

    def _service_name(self, signs_as: str, incoming: Incoming) -> str:
        """Return botocore's name of the service that a request is for.

        Several services may sign alike: elb and elbv2 (told apart by Version), dynamodb and
        dynamodbstreams (by target), apigateway and apigatewayv2 (by path).
        """
        mark = _mark(incoming)
        name = self._names.get((signs_as, mark)) if mark else None
        if name is None:
            name = self._find_name(signs_as, mark, incoming)
            if mark and len(self._names) < CREDENTIALS_MAX:
                self._names[signs_as, mark] = name
        return name

    def _find_name(self, signs_as: str, mark: str, incoming: Incoming) -> str:
        def fits(name: str) -> bool:
            return _is_marked(name, mark) if mark else _has_route(name, incoming)

        offered = [name for name in self._services if models.signing_name(name) == signs_as]
        for name in offered:
            if fits(name):
                return name
        known = models.by_signing_name().get(signs_as, ())
        for name in known:
            if fits(name):
                return name
        if offered or known:
            return (*offered, *known)[0]
        raise ServiceError(
            NOT_OFFERED,
            f"Antipodes knows no service that signs as {signs_as!r}",
            NOT_OFFERED_STATUS,
        )


def _permitted(permit: Permit, name: str, operation: str, handler: Handler) -> Handler:
    """A handler that asks first."""

    def permitted(service: Any, call: Call, parameters: Request) -> Any:
        permit(name, operation, call, parameters)
        return handler(service, call, parameters)

    return permitted


def _trace(request: HttpRequest) -> str:
    """The trace that a request belongs to, by its header or by its connection."""
    header = request.headers.get("x-amzn-trace-id")
    told = header.partition("Root=")[2].partition(";")[0] if header else ""
    return told or request.accepted.trace


def _mark(incoming: Incoming) -> str:
    """What in a request of an RPC protocol tells services apart that sign alike."""
    if "x-amz-target" in incoming.headers:
        return incoming.headers["x-amz-target"].rpartition(".")[0]
    if incoming.path.startswith("/service/"):
        return incoming.path.split("/")[2]
    return incoming.form.get("Version", "") if incoming.names_an_action else ""


def _has_route(name: str, incoming: Incoming) -> bool:
    model = models.service(name)
    if not model.protocol.startswith("rest-"):
        return False
    return protocols.route(model, incoming) is not None


def _is_marked(name: str, mark: str) -> bool:
    about = models.metadata(name)
    return mark in {about.get("targetPrefix"), about["apiVersion"]}


def _not_offered(service: str, operation: str) -> ServiceError:
    message = f"Antipodes does not offer {service}.{operation}"
    return ServiceError(NOT_OFFERED, message, NOT_OFFERED_STATUS)


async def _then(
    result: Awaitable[Response], write: Callable[[Response], HttpResponse]
) -> HttpResponse:
    return write(await result)


def _http(message: Message, exchange: _Exchange) -> HttpResponse:
    body = b"" if exchange.method == "HEAD" else message.body
    return HttpResponse(message.status, message.headers, body)
