"""Customer code in the virtual body: an unmodified, blocking handler, in world time.

A `CustomerProgram` is what a worker process is in real time: modules from a package, globals that
stay between events, output, an end. Its handler runs inside `Runtime.run_blocking`. The machine is
replaced without patching anything: the customer's modules, boto3 and botocore are loaded into
module spaces whose imports of `time`, `random`, `datetime`, `os` and the like find substitutes, and
botocore's HTTP session hands each request to the host. Results and failures have the shapes that
AWS's Python runtime client gives them.

Not for the simulation: threads, processes, sockets, asyncio; they are refused when imported or
used. Computing takes no virtual time, however long it takes on the wall; code that computes for ten
seconds without ever waiting is taken for a loop without end, and stops the run.
"""

import io
import json
import random
import re
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import CoroutineType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple, TypeVar

import msgspec

from antipodes.runtime import watchdog
from antipodes.runtime.contract import Runtime, RuntimeFailure
from antipodes.runtime.libraries import complete, libraries
from antipodes.runtime.modulespace import ModuleSpace, installed_source, zipped_source
from antipodes.runtime.shapewalks import quicken_transforms
from antipodes.runtime.shortcuts import quicken_actions
from antipodes.runtime.substitutes import CURRENT, HardExit, shared_substitutes
from antipodes.runtime.watchdog import WATCHDOG, Stuck

T = TypeVar("T")

TASK_ROOT = "/var/task"
_BEHIND_THE_SCENES = f"{Path(__file__).parent}/"  # frames from here are not shown

# From source for every program: they keep state, or the time.
_PRIVATE = frozenset({"boto3", "logging", "uuid", "secrets", "tempfile"})
_REFUSED = frozenset(
    [
        "asyncio",
        "socket",
        "ssl",
        "subprocess",
        "multiprocessing",
        "select",
        "selectors",
        "signal",
        "_thread",
        "http.client",
        "http.server",
        "urllib.request",
        "urllib3",
        "requests",
        "ftplib",
        "smtplib",
        "socketserver",
    ]
)

Headers = list[tuple[str, str]]
# Body and trace to an answer with `status`, `headers` and `body`, to one that is awaited, or None.
Lane = Callable[[bytes, str], Any]
Send = Callable[[str, str, Headers, bytes], Awaitable[tuple[int, Headers, bytes]]]


class Reply(NamedTuple):
    """What became of an event: `response`, `error`, `init error` or `exit`."""

    kind: str
    payload: bytes = b""
    status: int = 0


@dataclass(slots=True)
class Context:
    """The handler's second argument, as AWS's runtime client makes it."""

    aws_request_id: str
    invoked_function_arn: str
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str
    remaining_ms: Callable[[], int]
    log: Callable[[str], object]
    client_context: Any = None
    identity: Any = field(
        default_factory=lambda: SimpleNamespace(
            cognito_identity_id=None, cognito_identity_pool_id=None
        )
    )
    tenant_id: str | None = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout."""
        return self.remaining_ms()


class Event(msgspec.Struct, frozen=True):
    """One event for a handler."""

    payload: bytes
    request_id: str
    arn: str
    deadline_wall: float
    trace: str = ""
    client_context: str = ""


class _Fault(Exception):
    """A handler that cannot be found; AWS's error type and message."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace or []


class _Output(io.TextIOBase):
    """Standard output of a program."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def write(self, text: str) -> int:
        self._write(text.encode("utf-8", "replace"))
        return len(text)

    def writable(self) -> bool:
        return True


class CustomerProgram:
    """A function's code, loaded once, called with one event after another."""

    def __init__(  # noqa: PLR0913 - spelled out on purpose
        self,
        runtime: Runtime,
        *,
        files: Mapping[str, bytes],
        handler: str,
        variables: Mapping[str, str],
        chance: random.Random,
        output: Callable[[bytes], object],
        send: Send,
        lane: Callable[[dict[str, str]], Lane | None] | None = None,
        signs: bool = True,
    ) -> None:
        """`lane` finds a shorter way than `send` for requests with the same head, if there is one.

        `signs`: whether anybody looks at the signatures of its requests.
        """
        self.environ = dict(variables)
        self.random = chance
        self.entropy = random.Random(chance.getrandbits(128))  # noqa: S311 - repeatable on purpose
        self.stdout: Any = _Output(output)
        self.send = send
        self._find_lane = lane
        self.signs = signs
        self.pending: Any = None
        self._runtime = runtime
        self._files = files
        self._handler_name = handler
        self._handler: Callable[[Any, Context], Any] | None = None
        self._request_id = ""
        self._own: dict[str, ModuleType] = {}  # the customer's modules
        self._hidden: dict[str, ModuleType | None] = {}  # what they stand before meanwhile
        self.space = self._make_space()

    # What the substitutes ask for.

    def now(self) -> float:
        """Virtual seconds."""
        return self._runtime.now()

    def wall(self) -> float:
        """The host's clock."""
        return self._runtime.wall()

    def sleep(self, seconds: float) -> None:
        """Block in virtual time."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self.wait(self._runtime.sleep(seconds))

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Let the world go on until the awaitable is done."""
        self._leave()
        try:
            return self._runtime.wait(awaitable)
        finally:
            self._enter()

    def lane(self, headers: dict[str, str]) -> Lane | None:
        """A shorter way to the host for many requests with that head, if there is one."""
        found = None if self._find_lane is None else self._find_lane(headers)
        if found is None:
            return None
        answer = found

        def ask(body: bytes, trace: str) -> Any:
            self._leave()
            try:
                answered = answer(body, trace)
                waits = type(answered) is CoroutineType
                return self._runtime.wait(answered) if waits else answered
            finally:
                self._enter()

        return ask

    # Running.

    def run(self, event: Event | None) -> Reply:
        """Load the handler, or call it with an event. To be run inside `run_blocking`."""
        assert event is None or self._handler is not None, "the handler was not loaded"
        CURRENT.set(self)
        self._enter()
        try:
            if event is None:
                self._load()
                return Reply("ready")
            return self._call(event)
        except HardExit as exit_:
            return Reply("exit", status=exit_.status)
        except SystemExit as exit_:
            return Reply("exit", status=_exit_status(exit_, self.stdout))
        except Stuck:
            raise RuntimeFailure(
                f"the handler {self._handler_name} computed for {watchdog.COMPUTING_S_MAX:g} s "
                "without waiting: in the simulation it would never end"
            ) from None
        except _Fault as fault:
            error = _error(fault.message, fault.kind, "", fault.trace)
            return self._failed("init error", error)
        except Exception as problem:  # noqa: BLE001 - the customer's own, while loading
            error = _error(str(problem), type(problem).__name__, "", self._trace(problem))
            return self._failed("init error", error)
        finally:
            self._leave()

    def _call(self, event: Event) -> Reply:
        assert self._handler is not None
        self._request_id = event.request_id
        if event.trace:
            self.environ["_X_AMZN_TRACE_ID"] = f"Root={event.trace};Sampled=0"
        try:
            payload = json.loads(event.payload.decode())
            result = self._handler(payload, self._context(event))
        except Exception as problem:  # noqa: BLE001 - the customer's own
            trace = self._trace(problem)
            error = _error(str(problem), type(problem).__name__, event.request_id, trace)
            return self._failed("error", error)
        if isinstance(result, bytes):
            return Reply("response", result)
        try:
            return Reply("response", to_json(result, ascii_only=self._ascii_only()))
        except (TypeError, ValueError) as problem:
            message = f"Unable to marshal response: {problem}"
            return self._failed(
                "error", _error(message, "Runtime.MarshalError", event.request_id, [])
            )

    def _ascii_only(self) -> bool:
        """AWS's runtimes before Python 3.12 escape what is not ASCII."""
        return self.environ.get("AWS_EXECUTION_ENV", "")[-2:] in {".8", ".9", "10", "11"}

    def _failed(self, kind: str, error: dict[str, Any]) -> Reply:
        lines = [f"[ERROR] {error['errorType']}: {error['errorMessage']}"]
        lines.append("Traceback (most recent call last):")
        for element in error["stackTrace"]:
            lines.extend(element.splitlines())
        self.stdout.write("\r".join(lines) + "\n")
        return Reply(kind, to_json(error, ascii_only=self._ascii_only()))

    def _context(self, event: Event) -> Context:
        def remaining_ms() -> int:
            return max(0, int((event.deadline_wall - self.wall()) * 1000))

        client: Any = None
        if event.client_context:
            fields = json.loads(event.client_context)
            client = SimpleNamespace(
                custom=fields.get("custom"),
                env=fields.get("env"),
                client=SimpleNamespace(**(fields.get("client") or {})),
            )
        return Context(
            aws_request_id=event.request_id,
            invoked_function_arn=event.arn,
            function_name=self.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            function_version=self.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            memory_limit_in_mb=self.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
            log_group_name=self.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
            log_stream_name=self.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
            remaining_ms=remaining_ms,
            log=self.stdout.write,
            client_context=client,
        )

    # Loading.

    def _load(self) -> None:
        module_name, dot, name = self._handler_name.rpartition(".")
        if not dot:
            raise _Fault(
                "Runtime.MalformedHandlerName",
                f"Bad handler '{self._handler_name}': not enough values to unpack "
                "(expected 2, got 1)",
            )
        try:
            module = self.space.import_(module_name.replace("/", "."), fromlist=("",))
        except ImportError as error:
            raise _Fault(
                "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
            ) from error
        except SyntaxError as error:
            where = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
            message = f"Syntax error in module '{module_name}': {error}"
            raise _Fault("Runtime.UserCodeSyntaxError", message, [where]) from error
        if not hasattr(module, name):
            raise _Fault(
                "Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'"
            )
        self._handler = getattr(module, name)

    def _make_space(self) -> ModuleSpace:
        own = zipped_source(self._files, TASK_ROOT)

        def find(name: str) -> Any:
            source = own(name)
            if source is None and name.partition(".")[0] in _PRIVATE:
                source = installed_source(name)
            return source

        shared = libraries()
        vendored = {path.partition("/")[0].removesuffix(".py") for path in self._files}
        space = ModuleSpace(
            find,
            substitutes=shared_substitutes(),
            borrow={n: shared for n in ("botocore", "s3transfer") if n not in vendored},
            refused=_REFUSED,
            refused_below=TASK_ROOT,
            own_builtins={"print": self._print},
        )
        complete(space, [TASK_ROOT])
        space.announce = self._show
        space.on_load["logging"] = self._set_up_logging
        space.on_load["boto3.dynamodb.transform"] = quicken_transforms
        space.on_load["boto3.resources.action"] = quicken_actions
        return space

    def _print(self, *values: object, file: Any = None, **named: Any) -> None:
        print(*values, file=self.stdout if file is None else file, **named)

    def _set_up_logging(self, logging: Any) -> None:
        """Give the program's root logger the handler that AWS's runtime client installs."""
        program = self

        class Handler(logging.Handler):  # type: ignore[misc] # the program's own copy of logging
            def emit(self, record: Any) -> None:
                record.aws_request_id = program._request_id
                program.stdout.write(self.format(record))

        handler = Handler()
        handler.setFormatter(
            logging.Formatter(
                "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
                "%Y-%m-%dT%H:%M:%S",
            )
        )
        logging.getLogger().addHandler(handler)

    # Entering and leaving: what is the process's own while the program runs.

    def _enter(self) -> None:
        """Show the program's modules to libraries that look for them, and set the watchdog."""
        for name, module in self._own.items():
            if self.space.loaded.get(name) is module:  # its import did not fail in the end
                self._hidden[name] = sys.modules.get(name)
                sys.modules[name] = module
        WATCHDOG.enter()

    def _show(self, name: str, module: ModuleType) -> None:
        """Show a module of the customer's that is about to run."""
        if (module.__file__ or "").startswith(TASK_ROOT):
            self._own[name] = module
            self._hidden.setdefault(name, sys.modules.get(name))
            sys.modules[name] = module

    def _leave(self) -> None:
        WATCHDOG.leave()
        for name, module in self._hidden.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
        self._hidden.clear()

    def _trace(self, problem: BaseException) -> list[str]:
        """Return the frames of an exception from the customer's first on, as text."""
        frames = traceback.extract_tb(problem.__traceback__)
        while frames and not frames[0].filename.startswith(TASK_ROOT):
            frames.pop(0)
        lines = []
        for frame in frames:
            if frame.filename.startswith(_BEHIND_THE_SCENES):
                continue
            text = f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n'
            source = self._files.get(frame.filename.removeprefix(f"{TASK_ROOT}/"))
            line = frame.line
            if source is not None and frame.lineno is not None:
                line = source.decode("utf-8", "replace").splitlines()[frame.lineno - 1].strip()
            lines.append(f"{text}    {line}\n" if line else text)
        return lines


def _exit_status(exit_: SystemExit, stdout: Any) -> int:
    if exit_.code is None:
        return 0
    if isinstance(exit_.code, int):
        return exit_.code
    stdout.write(f"{exit_.code}\n")
    return 1


def _error(message: str, kind: str, request_id: str, trace: list[str]) -> dict[str, Any]:
    return {
        "errorMessage": message,
        "errorType": kind,
        "requestId": request_id,
        "stackTrace": trace,
    }


_ENCODERS = {ascii_only: json.JSONEncoder(ensure_ascii=ascii_only) for ascii_only in (True, False)}


def to_json(value: Any, *, ascii_only: bool) -> bytes:
    """Encode as AWS's runtime client does: a Decimal as the number it shows."""
    try:
        return _ENCODERS[ascii_only].encode(value).encode()
    except TypeError:  # there are decimals in it, perhaps
        return _to_json(value, ascii_only=ascii_only)


def _to_json(value: Any, *, ascii_only: bool) -> bytes:
    mark = "\x00decimal:"
    decimals = False

    def default(other: Any) -> Any:
        nonlocal decimals
        if isinstance(other, Decimal):
            if other.is_nan():
                return float("nan")
            decimals = True
            return f"{mark}{other}"
        raise TypeError(f"Object of type {type(other).__name__} is not JSON serializable")

    text = json.dumps(value, default=default, ensure_ascii=ascii_only)
    if decimals:
        text = re.sub(r'"\\u0000decimal:([^"]*)"', r"\1", text)
    return text.encode()
