"""Each shortcut in the simulation's botocore gives what the method gives that it stands in for."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from antipodes.runtime.libraries import libraries
from antipodes.runtime.modulespace import ModuleSpace
from antipodes.runtime.substitutes import CURRENT

PLAIN = libraries(quick=False)
REGION = "us-west-2"

names = st.sampled_from(["Host", "host", "X-A", "x-a", "X-a", "Content-Type", "te", "User-Agent"])
values = st.text("aä \t,=~", max_size=8)


def both(module: str) -> tuple[Any, Any]:
    return libraries().load(module), PLAIN.load(module)


@given(
    st.lists(st.tuples(names, values), max_size=8),
    st.lists(st.tuples(st.sampled_from(["set", "del", "pop", "update"]), names, values)),
)
def test_header_dictionaries_are_the_same(
    pairs: list[tuple[str, str]], steps: list[tuple[str, str, str]]
) -> None:
    told = []
    for awsrequest in both("botocore.awsrequest"):
        headers = awsrequest.HeadersDict(pairs)
        log: list[Any] = []
        for step, name, value in steps:
            match step:
                case "set":
                    headers[name] = value
                case "del" if name in headers:
                    del headers[name]
                case "pop":
                    log.append(headers.pop(name, None))
                case "update":
                    headers.update(awsrequest.HeadersDict({name: value}), Extra=value)
        copied = awsrequest.HeadersDict(headers)
        log += [list(headers), list(headers.items()), repr(copied), len(headers), dict(copied)]
        log += [headers.get("HOST"), "x-A" in headers, headers == dict(headers.items())]
        told.append(log)
    assert told[0] == told[1]


@given(
    st.sampled_from(["http://h", "https://h:443", "https://h:8443", "https://USER@[::1]"]),
    st.text("/.aé% +", max_size=9),
    st.sampled_from(["", "?", "?b=2&a=1", "?a=%20&a&b="]),
    st.lists(st.tuples(names, values), max_size=8),
    st.binary(max_size=9) | st.none() | st.dictionaries(values, values, max_size=3),
)
def test_signatures_are_the_same(
    host: str, path: str, query: str, headers: list[tuple[str, str]], data: Any
) -> None:
    url = f"{host}/{path}{query}"
    for token in ("", "token"):
        assert signed(libraries(), url, headers, data, token) == signed(
            PLAIN, url, headers, data, token
        )


def signed(
    space: ModuleSpace, url: str, headers: list[tuple[str, str]], data: Any, token: str
) -> Any:
    """What becomes of a request: its headers, or the error."""
    awsrequest: Any = space.load("botocore.awsrequest")
    auth: Any = space.load("botocore.auth")
    credentials: Any = space.load("botocore.credentials")
    request = awsrequest.AWSRequest("post", url, {}, data)
    for name, value in headers:
        request.headers[name] = value
    key = credentials.Credentials("AKIA", "secret", token or None)

    class Clock(Program):
        """A program that only has the time."""

        def wall(self) -> float:
            return 1_800_000_000.0

    before = CURRENT.set(Clock())
    try:
        auth.SigV4Auth(key, "service", REGION).add_auth(request)
    except Exception as error:  # noqa: BLE001 - compared
        return type(error)
    finally:
        CURRENT.reset(before)
    return list(request.headers.items()), list(request.prepare().headers.items())


class Program:
    """What a program must have."""

    environ: dict[str, str] = {}  # noqa: RUF012 - never written
    random = entropy = random.Random(1)
    stdout: Any = None
    signs = True

    pending: Any = None
    send: Any = None

    def lane(self, _: dict[str, str]) -> None:
        """No shorter way."""

    def wait(self, awaitable: Any) -> Any:
        """Never asked."""

    def now(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Never asked."""


@given(
    st.lists(
        st.sampled_from(
            [
                "before-call",
                "s3",
                "dynamodb",
                "elb",
                "application-autoscaling",
                "docs",
                "*",
                "config",
                "api",
                "gateway",
            ]
        ),
        max_size=4,
    )
)
def test_event_names_have_the_same_aliases(parts: list[str]) -> None:
    name = ".".join(parts)
    found = [hooks.EventAliaser(None)._alias_event_name(name) for hooks in both("botocore.hooks")]
    assert found[0] == found[1]


shapes = st.sampled_from(
    [
        ("dynamodb", "GetItem"),
        ("dynamodb", "PutItem"),
        ("s3", "PutObject"),
        ("lambda", "CreateFunction"),
        ("cloudwatch", "PutMetricData"),
    ]
)


def parameters(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Parameters that fit a shape, or nearly."""
    wrong: st.SearchStrategy[Any] = st.sampled_from(
        [None, "", "a", 0, -1, 1.5, True, b"b", [], {}, {"a": "b"}]
    )
    right = wrong
    if shape.type_name == "structure" and depth < 5:
        required = shape.metadata.get("required", [])
        members = {name: parameters(member, depth + 1) for name, member in shape.members.items()}
        right = st.fixed_dictionaries(
            {name: members[name] for name in required},
            optional={name: one for name, one in members.items() if name not in required},
        )
    elif shape.type_name == "map" and depth < 5:
        right = st.dictionaries(st.text(max_size=2), parameters(shape.value, depth + 1), max_size=2)
    elif shape.type_name == "list" and depth < 5:
        right = st.lists(parameters(shape.member, depth + 1), max_size=2)
    elif shape.type_name == "string":
        right = st.text(max_size=3)
    elif shape.type_name in {"integer", "long"}:
        right = st.integers(-1, 5)
    return st.one_of(*[right] * 6, wrong)


@given(st.data(), shapes)
def test_parameters_are_judged_in_the_same_words(
    data: st.DataObject, which: tuple[str, str]
) -> None:
    service, operation = which
    told: list[str] = []
    given_parameters: Any = None
    for space in (libraries(), PLAIN):
        loaders: Any = space.load("botocore.loaders")
        described = loaders.create_loader().load_service_model(service, "service-2")
        model: Any = space.load("botocore.model")
        shape = model.ServiceModel(described, service).operation_model(operation).input_shape
        if not told:
            given_parameters = data.draw(parameters(shape))
        validate: Any = space.load("botocore.validate")
        told.append(validate.ParamValidator().validate(given_parameters, shape).generate_report())
    assert told[0] == told[1]
