"""Service models, read straight from the data files of the installed botocore.

Operation names, shapes and errors are botocore's: the model speaks first. But importing botocore
costs 88 ms and 13 MB, and its loader keeps every sentence of documentation. A region needs neither,
so the JSON is read directly when a service is first used (6 ms for dynamodb, 45 ms for ec2, the
largest), documentation is dropped, and shapes become objects only when something touches them.

Two nouns carry everything: a `Shape` is a type with its constraints; a `Member` is one *use* of a
shape under a name, with the traits that say where and how it is written (a trait on the use wins
over the same trait on the shape). Inputs, outputs, list elements and map values are members too.

Left out: paginators, waiters, endpoints, event streams (no operation offered needs them).
Modelled on botocore.model.
"""

import importlib.util
import re
import zlib
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import orjson

_HEAD_BYTES = 8192  # of compressed JSON: metadata comes first in every model


class Shape:
    """A type of the model: its kind, its parts, its constraints."""

    def __init__(self, model: "Model", name: str, raw: dict[str, Any]) -> None:
        self._model = model
        self._raw = raw
        self.name = name
        self.kind: str = raw["type"]
        self.min: float | None = raw.get("min")
        self.max: float | None = raw.get("max")
        self.pattern: str | None = raw.get("pattern")
        self.enum: tuple[str, ...] = tuple(raw.get("enum", ()))
        self.required: tuple[str, ...] = tuple(raw.get("required", ()))
        self.sensitive: bool = raw.get("sensitive", False)
        self.document: bool = raw.get("document", False)
        self.union: bool = raw.get("union", False)
        self.exception: bool = raw.get("exception", False)
        self.event_stream: bool = raw.get("eventstream", False)
        self.payload: str | None = raw.get("payload")

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    @cached_property
    def members(self) -> Mapping[str, "Member"]:
        """The members of a structure, by API name, in the model's order."""
        raw = self._raw.get("members", {})
        return {name: Member(self._model, name, use) for name, use in raw.items()}

    @cached_property
    def member(self) -> "Member":
        """The element of a list."""
        return Member(self._model, "member", self._raw["member"])

    @cached_property
    def key(self) -> "Member":
        """The key of a map."""
        return Member(self._model, "key", self._raw["key"])

    @cached_property
    def value(self) -> "Member":
        """The value of a map."""
        return Member(self._model, "value", self._raw["value"])

    @cached_property
    def traits(self) -> Mapping[str, Any]:
        """What the shape itself says of how it is written."""
        return {key: self._raw[key] for key in Member.INHERITED if key in self._raw}

    @cached_property
    def itself(self) -> "Member":
        """The shape as a member without traits of its own: an error at the top of an answer."""
        return Member(self._model, self.name, {"shape": self.name})

    @property
    def error_code(self) -> str:
        """The code of an error shape in the query protocols: its own, or the shape's name."""
        return str(self._raw.get("error", {}).get("code", self.name))

    @property
    def error_status(self) -> int:
        """The HTTP status of an error shape."""
        status = self._raw.get("error", {}).get("httpStatusCode")
        return int(status) if status else 500 if self._raw.get("fault") else 400

    @cached_property
    def regex(self) -> re.Pattern[str] | None:
        """The pattern as Python can run it; None where there is none or it cannot."""
        return compiled(self.pattern) if self.pattern else None

    @cached_property
    def message_member(self) -> str:
        """How this error shape spells its message."""
        for name in self.members:
            if name.lower() == "message":
                return name
        return ""


class Member:
    """One use of a shape: its name here, and the traits that say how it is written."""

    INHERITED = ("locationName", "flattened", "timestampFormat", "xmlNamespace", "streaming")

    def __init__(self, model: "Model", name: str, use: dict[str, Any]) -> None:
        self.name = name
        self.shape = model.shape(use["shape"])
        traits = {**self.shape.traits, **use} if self.shape.traits else use
        self.location: str | None = traits.get("location")
        self.location_name: str | None = traits.get("locationName")
        self.wire_name: str = self.location_name or name
        self.query_name: str | None = traits.get("queryName")
        self.flattened: bool = traits.get("flattened", False)
        self.timestamp_format: str | None = traits.get("timestampFormat")
        self.xml_attribute: bool = traits.get("xmlAttribute", False)
        self.result_wrapper: str | None = traits.get("resultWrapper")
        self.json_value: bool = traits.get("jsonvalue", False)
        namespace = traits.get("xmlNamespace", {})
        if isinstance(namespace, str):
            namespace = {"uri": namespace}
        self.xml_namespace: str = namespace.get("uri", "")
        self.xml_prefix: str = namespace.get("prefix", "")

    def __repr__(self) -> str:
        return f"<{self.name}: {self.shape!r}>"

    @property
    def kind(self) -> str:
        """The kind of the shape used."""
        return self.shape.kind

    @cached_property
    def xml_name(self) -> str:
        """The element name: a flattened list goes by the name of its elements, if they have one."""
        if self.kind == "list" and self.flattened:
            return self.shape.member.location_name or self.wire_name
        return self.wire_name

    @cached_property
    def ec2_name(self) -> str:
        """The name in an EC2 request."""
        if self.query_name:
            return self.query_name
        name = self.location_name
        return name[0].upper() + name[1:] if name else self.name


class Operation:
    """One operation: its input, output and errors, and how HTTP carries it."""

    def __init__(self, model: "Model", raw: dict[str, Any]) -> None:
        self._raw = raw
        self.model = model
        self.name: str = raw["name"]
        self.method: str = raw.get("http", {}).get("method", "POST")
        self.uri: str = raw.get("http", {}).get("requestUri", "/")
        self.status: int = raw.get("http", {}).get("responseCode", 200)
        self.compresses: bool = "requestcompression" in raw
        self.deprecated: bool = raw.get("deprecated", False)

    def __repr__(self) -> str:
        return f"<{self.model.name}.{self.name}>"

    @cached_property
    def input(self) -> Member | None:
        """The input as a use of a structure, or None."""
        use = self._raw.get("input")
        return Member(self.model, self.name, use) if use else None

    @cached_property
    def output(self) -> Member | None:
        """The output as a use of a structure, or None."""
        use = self._raw.get("output")
        return Member(self.model, self.name, use) if use else None

    @cached_property
    def errors(self) -> tuple[Shape, ...]:
        """The error shapes that the model lists for this operation."""
        return tuple(self.model.shape(use["shape"]) for use in self._raw.get("errors", ()))

    @cached_property
    def streams_events(self) -> bool:
        """Whether input or output holds an event stream."""
        uses = (self.input, self.output)
        return any(m.shape.event_stream for u in uses if u for m in u.shape.members.values())


class Model:
    """One service: its metadata, operations and shapes."""

    def __init__(self, name: str, raw: dict[str, Any]) -> None:
        metadata: dict[str, Any] = raw["metadata"]
        self.name = name
        self._operations: dict[str, Any] = raw["operations"]
        self._shapes: dict[str, Any] = raw["shapes"]
        self._made_shapes: dict[str, Shape] = {}
        self._made_operations: dict[str, Operation] = {}
        self.metadata: Mapping[str, Any] = metadata
        self.protocol: str = metadata["protocol"]
        self.protocols: tuple[str, ...] = tuple(metadata.get("protocols", (self.protocol,)))
        self.api_version: str = metadata["apiVersion"]
        self.target_prefix: str = metadata.get("targetPrefix", "")
        self.json_version: str = metadata.get("jsonVersion", "1.0")
        self.query_compatible: bool = "awsQueryCompatible" in metadata

    def __repr__(self) -> str:
        return f"<model of {self.name}>"

    def shape(self, name: str) -> Shape:
        """Return the shape of that name; a KeyError is a broken model."""
        made = self._made_shapes.get(name)
        if made is None:
            made = self._made_shapes[name] = Shape(self, name, self._shapes[name])
        return made

    def operation(self, name: str) -> Operation | None:
        """Return the operation of that name, or None."""
        made = self._made_operations.get(name)
        if made is None and name in self._operations:
            made = self._made_operations[name] = Operation(self, self._operations[name])
        return made

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The names of all operations, in the model's order."""
        return tuple(self._operations)

    def operations(self) -> Iterator[Operation]:
        """Yield every operation."""
        for name, raw in self._operations.items():
            yield self._made_operations.setdefault(name, Operation(self, raw))

    @cached_property
    def error_shapes(self) -> Mapping[str, Shape]:
        """Every error shape, by its name and by its code in the query protocols."""
        names = [name for name, raw in self._shapes.items() if raw.get("exception")]
        by_code = {self.shape(name).error_code: self.shape(name) for name in reversed(names)}
        return by_code | {name: self.shape(name) for name in names}

    @cached_property
    def xml_namespace(self) -> str:
        """The namespace of XML answers: the service's, or what its inputs are written in."""
        if "xmlNamespace" in self.metadata:
            return str(self.metadata["xmlNamespace"])
        for operation in self._operations.values():
            namespace = operation.get("input", {}).get("xmlNamespace")
            if namespace:
                return str(namespace["uri"])
        return ""


def compiled(pattern: str) -> re.Pattern[str] | None:
    """Compile a model's pattern, written for Java or ECMAScript; None if Python cannot say it.

    What Python spells otherwise is a few Unicode classes and surrogate pairs. A pattern that
    still does not compile is not checked: refusing what AWS takes would be the worse mistake.
    """
    pattern = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", "\U00010000-\U0010ffff")
    if "[[:" in pattern or r"\p{" in pattern or "&&" in pattern:
        return None
    try:
        return re.compile(pattern, re.ASCII)
    except (re.error, OverflowError):
        return None


@cache
def data_directory() -> Path:
    """Where the installed botocore keeps its models; found without importing it."""
    spec = importlib.util.find_spec("botocore")
    assert spec is not None, "botocore is a dependency of this package"
    assert spec.origin is not None, "botocore is a package with a file"
    return Path(spec.origin).parent / "data"


def _model_file(name: str) -> Path | None:
    if not re.fullmatch(r"[a-z0-9-]+", name):
        return None
    found = sorted((data_directory() / name).glob("*/service-2.json*"))
    return found[-1] if found else None


def _without_documentation(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: _without_documentation(v) for k, v in node.items() if not _is_prose(k, v)}
    if isinstance(node, list):
        return [_without_documentation(v) for v in node]
    return node


def _is_prose(key: str, value: Any) -> bool:
    return isinstance(value, str) and key in {"documentation", "deprecatedMessage"}


def _merge(base: dict[str, Any], extra: Mapping[str, Any]) -> None:
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


@cache
def service(name: str) -> Model:
    """Return the model of a service by botocore's name for it; a KeyError if it has none."""
    file = _model_file(name)
    if file is None:
        raise KeyError(name)
    data = file.read_bytes()
    raw = orjson.loads(zlib.decompress(data, 31) if file.suffix == ".gz" else data)
    extras = file.with_name("service-2.sdk-extras.json")
    if extras.exists():
        _merge(raw, orjson.loads(extras.read_bytes())["merge"])
    raw.pop("examples", None)
    return Model(name, _without_documentation(raw))


@cache
def metadata(name: str) -> Mapping[str, Any]:
    """Return a service's metadata from the first bytes of its model, without reading the rest."""
    file = _model_file(name)
    if file is None:
        raise KeyError(name)
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    if file.suffix == ".gz":
        head = zlib.decompressobj(31).decompress(head)
    found = re.search(rb'"metadata"\s*:\s*(\{.*?\}),\s*"operations"', head, re.DOTALL)
    result: Mapping[str, Any] = orjson.loads(found[1]) if found else service(name).metadata
    return result


def signing_name(name: str) -> str:
    """Return the name that a service has in a credential scope."""
    about = metadata(name)
    return str(about.get("signingName", about["endpointPrefix"]))


@cache
def by_signing_name() -> Mapping[str, tuple[str, ...]]:
    """Every service that botocore knows, by signing name: reads 400 heads, so ask it last."""
    found: dict[str, tuple[str, ...]] = {}
    for directory in sorted(data_directory().iterdir()):
        if _model_file(directory.name) is not None:
            signs_as = signing_name(directory.name)
            found[signs_as] = (*found.get(signs_as, ()), directory.name)
    return found
