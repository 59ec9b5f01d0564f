"""boto3 for a test that stands outside of a simulation: unmodified, blocking, in virtual time.

boto3 and botocore are loaded from source a second time, beside Python's own copy, into a module
space whose clocks, chance and environment are those of the *caller* that uses them (`caller.py`).
Only botocore's HTTP session is another: it hands the request to the caller, who lets the world go
on until the answer is there. Exceptions, conditions and the types of DynamoDB are Python's own
classes, so that a test, or the code it tests, catches and passes what it has imported itself.

One space serves the tests of a process. Code under test that makes its own clients (`loading.py`)
gets spaces of its own over the same botocore. Neither is the space of functions' handlers
(`runtime/libraries.py`): those must not see the machine at all, and theirs has shortcuts for speed.
"""

import importlib
import importlib.machinery
import importlib.util
import io
import sys
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import botocore.exceptions

from antipodes.runtime.contract import Gone, TimedOut
from antipodes.runtime.customer import Headers
from antipodes.runtime.libraries import USER_AGENT, complete
from antipodes.runtime.modulespace import Finder, ModuleSpace, Source
from antipodes.runtime.substitutes import CURRENT, shared_substitutes

_OWN = frozenset({"boto3", "botocore", "s3transfer", "uuid"})
# What tests name in their own imports, by the package that it is an attribute of.
_PYTHONS = (
    ("botocore", ("exceptions",)),
    ("boto3", ("exceptions",)),
    ("boto3.dynamodb", ("conditions", "types")),
)
EVERY_CALL = "provide-client-params"  # botocore's first event of any call
READ_S_MAX = 60.0  # botocore's default


class Sender(Protocol):
    """What the session asks of the caller."""

    def answer(
        self, method: str, url: str, headers: Headers, body: bytes, read_s_max: float
    ) -> Awaitable[tuple[int, Headers, bytes]]: ...

    def wait(self, awaitable: Awaitable[Any]) -> Any: ...


def boto3_in_virtual_time() -> Any:
    """boto3 with everything below it; loaded once per process."""
    return _shared().load("boto3")


@cache
def _shared() -> ModuleSpace:
    space = ModuleSpace(_find, substitutes=shared_substitutes())
    _furnish(space)
    httpsession: Any = space.load("botocore.httpsession")
    httpsession.URLLib3Session = _session_class(space.load("botocore.awsrequest"))
    loaders: Any = space.load("botocore.loaders")
    loader = loaders.create_loader()  # it keeps the services' models, which are many and large
    loaders.create_loader = lambda *_: loader
    return space


def space_of_code(find: Finder, activate: Callable[..., object]) -> ModuleSpace:
    """A space for code under test, with a boto3 of its own whose every call begins with `activate`.

    `find` finds what is loaded in the space; what neither it nor boto3 knows is Python's own.
    """

    def find_all(name: str) -> Source | None:
        return find(name) or (_find(name) if name.partition(".")[0] in {"boto3", "uuid"} else None)

    def begin_with_it(module: Any) -> None:
        made = module.Session.__init__

        def make(session: Any, *arguments: Any, **options: Any) -> None:
            made(session, *arguments, **options)
            session.events.register(EVERY_CALL, activate)

        module.Session.__init__ = make

    space = ModuleSpace(
        find_all,
        substitutes=shared_substitutes(),
        borrow={name: _shared() for name in ("botocore", "s3transfer")},
    )
    _furnish(space)
    space.on_load["boto3.session"] = begin_with_it
    return space


def _furnish(space: ModuleSpace) -> None:
    """Give a space the substitutes that depend on it, and Python's own classes."""
    complete(space, list(sys.path))
    for package, names in _PYTHONS:
        own = {name: importlib.import_module(f"{package}.{name}") for name in names}
        space.modules.update({f"{package}.{name}": module for name, module in own.items()})
        space.on_load[package] = _adopting(own)


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
