"""Finding the running world of a command, and asking it: over HTTP, as anybody could."""

import argparse
import contextlib
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

ANSWER_S_MAX = 60.0


class CommandError(Exception):
    """What a person should read instead of a traceback."""


def state(options: argparse.Namespace) -> Path:
    """The directory of the world that is meant."""
    return Path(options.state).absolute()


def world(options: argparse.Namespace) -> dict[str, Any]:
    """What a running world has announced. Raises CommandError."""
    from antipodes.runtime.statedirectory import read_world

    found = read_world(state(options))
    if found is None or not is_alive(found["pid"]):
        where = state(options)
        raise CommandError(f"no world runs from {where}: `antipodes up --detach` starts one")
    return found


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        with contextlib.suppress(PermissionError):
            os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ask(options: argparse.Namespace, method: str, path: str, body: Any = None) -> Any:
    """What the world answers, as data. Raises CommandError."""
    return json.loads(fetch(options, method, path, body))


def fetch(options: argparse.Namespace, method: str, path: str, body: Any = None) -> bytes:
    """What the world answers. Raises CommandError."""
    port = world(options)["port"]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/_antipodes{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ANSWER_S_MAX) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        with contextlib.suppress(ValueError, KeyError):
            raise CommandError(json.load(error)["message"]) from None
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"the world at port {port} does not answer: {error}") from None


def path(*parts: str) -> str:
    """A path of parts that may have anything in them."""
    return "".join(f"/{urllib.parse.quote(part, safe='')}" for part in parts)
