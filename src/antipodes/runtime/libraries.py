"""botocore and s3transfer for customer code in the simulation: loaded once, with substitutes.

They are loaded from source a second time, beside Python's own copy, into a module space that all
programs borrow from. Their clocks, their chance and their environment are those of whatever program
calls them, and their HTTP session hands requests to that program's host instead of a socket. What
they cache (service models, above all) is the same for everybody.
"""

import importlib
import io
import sys
from functools import cache
from types import ModuleType
from typing import Any

from antipodes.runtime import directcalls, shortcuts, usualcalls
from antipodes.runtime.modulespace import ModuleSpace, installed_source
from antipodes.runtime.substitutes import CURRENT, Facade, shared_substitutes, sys_module

# botocore's own holds a set in hash order and the kernel's version: not the same everywhere.
USER_AGENT = "Boto3 antipodes-simulation"


def complete(space: ModuleSpace, path: list[str]) -> None:
    """Give a space the substitutes that depend on it."""

    def import_module(name: str, package: str | None = None) -> ModuleType:
        level = len(name) - len(name.lstrip("."))
        return space.import_(
            name.lstrip("."), {"__package__": package}, fromlist=("",), level=level
        )

    space.modules["importlib"] = Facade(importlib, import_module=import_module)
    space.modules["sys"] = sys_module(space.visible, path)
    space.modules["builtins"] = ModuleType("builtins")
    vars(space.modules["builtins"]).update(space.builtins)


@cache
def libraries(*, quick: bool = True) -> ModuleSpace:
    """Load botocore's sources once more: with the substitutes, and if wanted, the shortcuts."""
    space = ModuleSpace(_find, substitutes=shared_substitutes())
    complete(space, list(sys.path))
    httpsession: Any = space.load("botocore.httpsession")
    session = _session_class(space.load("botocore.awsrequest"))
    httpsession.URLLib3Session = session
    if quick:  # after the session, which other modules take by name
        shortcuts.install(space)
        usual = usualcalls.install(space, session, _RawBody, USER_AGENT)
        directcalls.install(space, usual)
    loaders: Any = space.load("botocore.loaders")
    loader = loaders.create_loader()
    loaders.create_loader = lambda *_: loader
    return space


def _find(name: str) -> Any:
    """Find botocore's modules, s3transfer's, and uuid, which draws; others are Python's own."""
    if name.partition(".")[0] in {"botocore", "s3transfer", "uuid"}:
        return installed_source(name)
    return None


class _RawBody(io.BytesIO):
    """An answer's body in the shape that botocore knows from urllib3."""

    def stream(self, **_: Any) -> Any:
        """Yield everything there is."""
        while chunk := self.read(1 << 16):
            yield chunk


def _session_class(awsrequest: Any) -> type:
    class HostSession:
        """Instead of botocore's HTTP session: the host answers, the program waits."""

        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def send(self, request: Any) -> Any:
            answer = request.context.pop(usualcalls.ANSWER, None)
            if answer is None:
                answer = self._send(request)
            elif isinstance(answer, Exception):
                raise answer
            status, fields, data = answer
            return awsrequest.AWSResponse(request.url, status, fields, _RawBody(data))

        def _send(self, request: Any) -> Any:
            body = request.body or b""
            if hasattr(body, "read"):
                body = body.read()
            if isinstance(body, str):
                body = body.encode()
            headers = [
                (_text(name), USER_AGENT if name.lower() == "user-agent" else _text(value))
                for name, value in request.headers.items()
            ]
            program: Any = CURRENT.get()
            return program.wait(program.send(request.method, request.url, headers, bytes(body)))

        def close(self) -> None:
            pass

    return HostSession


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
