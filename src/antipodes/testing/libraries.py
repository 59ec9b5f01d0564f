"""boto3 for a test that stands outside of a simulation: unmodified, blocking, in virtual time.

boto3 and botocore are loaded from source a second time, beside Python's own copy, into a module
space whose clocks, chance and environment are those of the *caller* that uses them (`caller.py`).
Only botocore's HTTP session is another: it hands the request to the caller, who lets the world go
on until the answer is there. Exceptions, conditions and the types of DynamoDB are Python's own
classes, so that a test, or the code it tests, catches and passes what it has imported itself.

One space serves all simulations of a process. It is not the space of functions' handlers
(`runtime/libraries.py`): those must not see the machine at all, and theirs has shortcuts for speed.
"""

import importlib
import importlib.machinery
import importlib.util
import io
import sys
from collections.abc import Awaitable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import botocore.exceptions

from antipodes.runtime.contract import Gone, TimedOut
from antipodes.runtime.customer import Headers
from antipodes.runtime.libraries import USER_AGENT, complete
from antipodes.runtime.modulespace import ModuleSpace, Source
from antipodes.runtime.substitutes import CURRENT, shared_substitutes

_OWN = frozenset({"boto3", "botocore", "s3transfer", "uuid"})
# What tests name in their own imports, by the package that it is an attribute of.
_PYTHONS = (
    ("botocore", ("exceptions",)),
    ("boto3", ("exceptions",)),
    ("boto3.dynamodb", ("conditions", "types")),
)
READ_S_MAX = 60.0  # botocore's default


class Sender(Protocol):
    """What the session asks of the caller."""

    def answer(
        self, method: str, url: str, headers: Headers, body: bytes, read_s_max: float
    ) -> Awaitable[tuple[int, Headers, bytes]]: ...

    def wait(self, awaitable: Awaitable[Any]) -> Any: ...


@cache
def boto3_in_virtual_time() -> Any:
    """Load boto3 with everything below it; once per process."""
    space = ModuleSpace(_find, substitutes=shared_substitutes())
    complete(space, list(sys.path))
    for package, names in _PYTHONS:
        own = {name: importlib.import_module(f"{package}.{name}") for name in names}
        space.modules.update({f"{package}.{name}": module for name, module in own.items()})
        space.on_load[package] = _adopting(own)
    httpsession: Any = space.load("botocore.httpsession")
    httpsession.URLLib3Session = _session_class(space.load("botocore.awsrequest"))
    loaders: Any = space.load("botocore.loaders")
    loader = loaders.create_loader()  # it keeps the services' models, which are many and large
    loaders.create_loader = lambda *_: loader
    return space.load("boto3")


def _adopting(own: dict[str, ModuleType]) -> Any:
    def adopt(package: ModuleType) -> None:
        vars(package).update(own)
        if package.__name__ == "botocore":  # a mark that is compared by identity
            vars(package)["UNSIGNED"] = botocore.UNSIGNED

    return adopt


def _find(name: str) -> Source | None:
    """Find what is loaded a second time, compiled already where Python keeps that."""
    top, *rest = name.split(".")
    if top not in _OWN:
        return None
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin)
    package = bool(spec.submodule_search_locations)
    if rest:
        stem = path.parent.joinpath(*rest)
        package = (stem / "__init__.py").is_file()
        path = stem / "__init__.py" if package else stem.with_suffix(".py")
    if not path.is_file():
        return None
    code = importlib.machinery.SourceFileLoader(name, str(path)).get_code(name)
    return Source(code, str(path), package) if code is not None else None


class _RawBody(io.BytesIO):
    """An answer's body in the shape that botocore knows from urllib3."""

    def stream(self, **_: Any) -> Any:
        """Yield everything there is."""
        while chunk := self.read(1 << 16):
            yield chunk


def _session_class(awsrequest: Any) -> type:
    class CallerSession:
        """Instead of botocore's HTTP session: the caller sends, and the world goes on."""

        def __init__(self, *_: Any, timeout: Any = None, **__: Any) -> None:
            read_s = timeout[1] if isinstance(timeout, tuple) else timeout
            self._read_s_max = float(read_s or READ_S_MAX)

        def send(self, request: Any) -> Any:
            caller: Any = CURRENT.get()
            body = request.body or b""
            body = body.read() if hasattr(body, "read") else body
            answer = caller.answer(
                request.method,
                request.url,
                _plain(request.headers),
                body.encode() if isinstance(body, str) else bytes(body),
                self._read_s_max,
            )
            try:
                status, answered, data = caller.wait(answer)
            except TimedOut as error:
                raise botocore.exceptions.ReadTimeoutError(
                    endpoint_url=request.url, error=error
                ) from None
            except Gone as error:
                raise botocore.exceptions.EndpointConnectionError(
                    endpoint_url=request.url, error=error
                ) from None
            fields = awsrequest.HeadersDict()
            for name, value in answered:
                fields[name] = value
            return awsrequest.AWSResponse(request.url, status, fields, _RawBody(data))

        def close(self) -> None:
            pass

    return CallerSession


def _plain(headers: Any) -> Headers:
    """Headers as text; the user agent's would differ from machine to machine."""
    return [
        (_text(name), USER_AGENT if _text(name).lower() == "user-agent" else _text(value))
        for name, value in headers.items()
    ]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
