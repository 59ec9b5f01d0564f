"""What customer code in the simulation gets instead of the machine: time, chance, environment.

The substitutes are shared by all programs of a process and keep no state: each asks the *program*
that runs in the current greenlet (a context variable) for its clock, its random stream, its
variables and its output. So botocore can be loaded once, with substitutes for its own imports, and
waits, signs and draws in whatever program calls it.
"""

import calendar
import contextvars
import datetime as real_datetime  # noqa: ICN001 - `datetime` is what it is replaced by
import os as real_os
import random as real_random
import sys as real_sys
import threading as real_threading
import time as real_time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NoReturn, Protocol, TextIO


class Program(Protocol):
    """What a running program has to offer to the substitutes."""

    environ: dict[str, str]
    random: real_random.Random  # what the module's own functions draw from
    entropy: real_random.Random  # the machine's: no seed a customer sets changes it
    stdout: TextIO
    signs: bool  # whether anybody looks at the signatures of its requests
    pending: Any  # an answer that botocore is to find when it sends (usualcalls.Pending)

    def send(self, method: str, url: str, headers: Any, body: bytes, /) -> Any:
        """Hand a request to its host."""

    def lane(self, headers: dict[str, str], /) -> Callable[[bytes, str], Any] | None:
        """Find a shorter way for many requests with that head."""

    def wait(self, awaitable: Any) -> Any: ...
    def now(self) -> float: ...
    def wall(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


CURRENT: contextvars.ContextVar[Program] = contextvars.ContextVar("program")


class HardExit(BaseException):
    """`os._exit`: the environment is gone."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Facade(ModuleType):
    """A module that passes on what it does not define itself."""

    def __init__(self, behind: ModuleType, **own: Any) -> None:
        super().__init__(behind.__name__)
        vars(self).update(own)
        self._behind = behind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        return getattr(self._behind, name)


def _refusal(what: str) -> Callable[..., NoReturn]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(f"{what} cannot be used by a function in the simulation")

    return refuse


# time


def _now() -> float:
    return CURRENT.get().now()


def _wall() -> float:
    return CURRENT.get().wall()


def _ns(clock: Callable[[], float]) -> Callable[[], int]:
    return lambda: int(clock() * 1e9)


def _gmtime(seconds: float | None = None) -> real_time.struct_time:
    return real_time.gmtime(_wall() if seconds is None else seconds)


def _strftime(format: str, moment: Any = None) -> str:  # noqa: A002 - time's own name
    return real_time.strftime(format, _gmtime() if moment is None else moment)


def _asctime(moment: Any = None) -> str:
    return real_time.asctime(_gmtime() if moment is None else moment)


class _Unbound:
    """A callable that, like a builtin, is not bound when it is put into a class (logging does)."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def _time_module() -> ModuleType:
    clocks: dict[str, Callable[[], float]] = {"time": _wall}
    for name in ("monotonic", "perf_counter", "process_time", "thread_time"):
        clocks[name] = _now
    gmtime = _Unbound(_gmtime)
    return Facade(
        real_time,
        **clocks,
        **{f"{name}_ns": _ns(clock) for name, clock in clocks.items()},
        sleep=_sleep,
        gmtime=gmtime,
        localtime=gmtime,  # TZ is UTC
        mktime=lambda moment: float(calendar.timegm(moment)),
        strftime=_strftime,
        asctime=_asctime,
        ctime=lambda seconds=None: _asctime(_gmtime(seconds)),
        timezone=0,
        altzone=0,
        daylight=0,
        tzname=("UTC", "UTC"),
        tzset=lambda: None,
    )


# datetime: subclasses that every real date and datetime counts as an instance of.

_UTC = real_datetime.UTC


class _AsDate(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, real_datetime.date)


class _AsDateTime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, real_datetime.datetime)


class _Date(real_datetime.date, metaclass=_AsDate):
    @classmethod
    def today(cls) -> "_Date":
        return cls.fromtimestamp(_wall())

    @classmethod
    def fromtimestamp(cls, seconds: float, /) -> "_Date":
        moment = real_datetime.datetime.fromtimestamp(seconds, _UTC)
        return cls(moment.year, moment.month, moment.day)


class _DateTime(real_datetime.datetime, metaclass=_AsDateTime):
    @classmethod
    def now(cls, tz: real_datetime.tzinfo | None = None) -> "_DateTime":
        return cls.fromtimestamp(_wall(), tz)

    @classmethod
    def utcnow(cls) -> "_DateTime":
        return cls.fromtimestamp(_wall())

    @classmethod
    def today(cls) -> "_DateTime":
        return cls.fromtimestamp(_wall())

    @classmethod
    def fromtimestamp(cls, seconds: float, tz: real_datetime.tzinfo | None = None) -> "_DateTime":
        moment = super().fromtimestamp(seconds, tz or _UTC)
        return moment if tz is not None else moment.replace(tzinfo=None)

    def timestamp(self) -> float:
        if self.tzinfo is None:
            return self.replace(tzinfo=_UTC).timestamp()
        return super().timestamp()

    def astimezone(self, tz: real_datetime.tzinfo | None = None) -> "_DateTime":
        aware = self.replace(tzinfo=_UTC) if self.tzinfo is None else self
        return super(_DateTime, aware).astimezone(tz or _UTC)


def _datetime_module() -> ModuleType:
    for kind, name in ((_Date, "date"), (_DateTime, "datetime")):
        kind.__name__ = kind.__qualname__ = name
        kind.__module__ = "datetime"
    return Facade(real_datetime, date=_Date, datetime=_DateTime)


# random and os


class _Random(real_random.Random):
    """A generator that is seeded from the machine's entropy unless told otherwise."""

    def __init__(self, seed: Any = None) -> None:
        super().__init__(CURRENT.get().entropy.getrandbits(128) if seed is None else seed)

    def seed(self, a: Any = None, version: int = 2) -> None:
        super().seed(CURRENT.get().entropy.getrandbits(128) if a is None else a, version)


class _SystemRandom(_Random):
    def seed(self, *_: Any, **__: Any) -> None:
        super().seed()


def _drawing(name: str) -> Callable[..., Any]:
    def draw(*arguments: Any, **named: Any) -> Any:
        return getattr(CURRENT.get().random, name)(*arguments, **named)

    draw.__name__ = name
    return draw


def _random_module() -> ModuleType:
    functions = {
        name: _drawing(name)
        for name in real_random.__all__
        if name[0].islower() and callable(getattr(real_random.Random, name, None))
    }
    return Facade(real_random, Random=_Random, SystemRandom=_SystemRandom, **functions)


class _Os(Facade):
    @property
    def environ(self) -> dict[str, str]:
        return CURRENT.get().environ


def _getenv(key: str, default: Any = None) -> Any:
    return CURRENT.get().environ.get(key, default)


def _putenv(key: str, value: str) -> None:
    CURRENT.get().environ[key] = value


def _unsetenv(key: str) -> None:
    CURRENT.get().environ.pop(key, None)


def _urandom(count: int) -> bytes:
    return CURRENT.get().entropy.randbytes(count)


def _sleep(seconds: float) -> None:
    CURRENT.get().sleep(seconds)


def _exit(status: int) -> NoReturn:
    raise HardExit(status)


def _os_module() -> ModuleType:
    refused = ("fork", "forkpty", "system", "popen", "posix_spawn", "kill", "killpg", "execv")
    return _Os(
        real_os,
        getenv=_getenv,
        putenv=_putenv,
        unsetenv=_unsetenv,
        urandom=_urandom,
        getpid=lambda: 1,
        register_at_fork=lambda **_: None,
        _exit=_exit,
        **{name: _refusal(f"os.{name}") for name in refused},
    )


# sys, per space, since every space has a table of modules of its own.


class _Sys(Facade):
    @property
    def stdout(self) -> TextIO:
        return CURRENT.get().stdout

    @property
    def stderr(self) -> TextIO:
        return CURRENT.get().stdout


def sys_module(modules: Mapping[str, ModuleType], path: list[str]) -> ModuleType:
    """Return a `sys` with a table of modules, a path and an output of its own."""
    return _Sys(real_sys, modules=modules, path=path, argv=["bootstrap"])


# Threads, which a simulation cannot run.


class _Thread(real_threading.Thread):
    start = _refusal("a thread")


def _nobody_comes(timeout: float | None) -> None:
    """Wait for another thread: there is none, so only time passes."""
    if timeout is None:
        raise RuntimeError("a function in the simulation waits for a thread that does not exist")
    CURRENT.get().sleep(max(0.0, timeout))


class _Condition(real_threading.Condition):
    def wait(self, timeout: float | None = None) -> bool:
        _nobody_comes(timeout)
        return False


class _Event(real_threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            _nobody_comes(timeout)
        return self.is_set()


def shared_substitutes() -> dict[str, ModuleType]:
    """Return the substitutes that are the same for every module space."""
    import atexit  # noqa: PLC0415 - only its name is needed
    import concurrent.futures  # noqa: PLC0415 - as above

    no_threads = _refusal("a pool of threads (pass use_threads=False to boto3's transfers)")
    futures = Facade(
        concurrent.futures, ThreadPoolExecutor=no_threads, ProcessPoolExecutor=no_threads
    )
    return {
        "time": _time_module(),
        "datetime": _datetime_module(),
        "random": _random_module(),
        "os": _os_module(),
        "threading": Facade(
            real_threading,
            Thread=_Thread,
            Timer=_refusal("a thread"),
            Condition=_Condition,
            Event=_Event,
        ),
        "concurrent": Facade(concurrent, futures=futures),
        "concurrent.futures": futures,
        "atexit": Facade(atexit, register=lambda function, *_, **__: function),
    }
