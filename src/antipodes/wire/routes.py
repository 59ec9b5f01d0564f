"""Which operation a REST request names: a trie of path segments for each service.

A literal segment is preferred to a label, a label to a greedy one. Operations that share method and
path are told apart by what the template fixes in the query (`?versioning`), then by the required
query and header members that the request carries: `uploadId` makes a GET of an object `ListParts`.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from antipodes.wire.models import Operation

Query = Mapping[str, list[str]]


class Route(NamedTuple):
    """One operation, with what its template fixes and what tells it from its neighbours."""

    operation: Operation
    query: tuple[tuple[str, str], ...]
    required_query: tuple[str, ...]
    required_headers: tuple[str, ...]


class Match(NamedTuple):
    """An operation and the texts of its labels."""

    operation: Operation
    labels: dict[str, str]


class _Node:
    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.label: _Node | None = None
        self.greedy: _Node | None = None
        self.routes: dict[str, list[tuple[Route, tuple[str, ...]]]] = {}


class Routes:
    """All REST operations of a service."""

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        self._root = _Node()
        for operation in operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        path, _, query = operation.uri.partition("?")
        node = self._root
        labels = []
        for segment in _segments(path):
            if not segment.startswith("{"):
                node = node.literals.setdefault(segment, _Node())
                continue
            labels.append(segment.strip("{+}"))
            if segment.endswith("+}"):
                node.greedy = node.greedy or _Node()
                node = node.greedy
            else:
                node.label = node.label or _Node()
                node = node.label
        route = _route(operation, query)
        node.routes.setdefault(operation.method, []).append((route, tuple(labels)))

    def find(
        self, method: str, path: str, query: Query, headers: Mapping[str, str]
    ) -> Match | None:
        """Return the operation that a request names, with its labels, or None."""
        ends = path.endswith("/")
        return _find(self._root, _segments(path), 0, [], _Asked(method, query, headers, ends))


class _Asked(NamedTuple):
    method: str
    query: Query
    headers: Mapping[str, str]
    ends_in_slash: bool


def _segments(path: str) -> list[str]:
    """Split a path, without the empty segment that a slash at the end makes."""
    segments = path.removeprefix("/").split("/")
    return segments[:-1] if segments[-1] == "" else segments


def _route(operation: Operation, query: str) -> Route:
    fixed = []
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if name != "x-id":  # names the operation, and only newer clients send it
            fixed.append((name, value))
    required_query, required_headers = [], []
    if operation.input is not None:
        members = operation.input.shape.members
        for name in operation.input.shape.required:
            if members[name].location == "querystring":
                required_query.append(members[name].wire_name)
            elif members[name].location == "header":
                required_headers.append(members[name].wire_name.lower())
    return Route(operation, tuple(fixed), tuple(required_query), tuple(required_headers))


def _find(
    node: _Node, segments: list[str], index: int, labels: list[str], asked: _Asked
) -> Match | None:
    if index == len(segments):
        return _choose(node, labels, asked)
    literal = node.literals.get(unquote(segments[index]))
    if literal is not None:
        found = _find(literal, segments, index + 1, labels, asked)
        if found is not None:
            return found
    if node.label is not None:
        text = unquote(segments[index])
        found = _find(node.label, segments, index + 1, [*labels, text], asked)
        if found is not None:
            return found
    return _find_greedy(node, segments, index, labels, asked)


def _find_greedy(
    node: _Node, segments: list[str], index: int, labels: list[str], asked: _Asked
) -> Match | None:
    """Let a greedy label take as much as it can and leave a way to go on."""
    if node.greedy is None:
        return None
    for stop in range(len(segments), index, -1):
        taken = unquote("/".join(segments[index:stop]))
        if stop == len(segments) and asked.ends_in_slash:
            taken += "/"
        found = _find(node.greedy, segments, stop, [*labels, taken], asked)
        if found is not None:
            return found
    return None


def _choose(node: _Node, labels: list[str], asked: _Asked) -> Match | None:
    best: Match | None = None
    best_score: tuple[int, int, bool] | None = None
    for route, names in node.routes.get(asked.method, ()):
        if not all(_carries(asked.query, name, value) for name, value in route.query):
            continue
        present = [name in asked.query for name in route.required_query]
        present += [name in asked.headers for name in route.required_headers]
        carried = sum(1 if there else -1 for there in present)
        score = (len(route.query), carried, not route.operation.deprecated)
        if best_score is None or score > best_score:
            best = Match(route.operation, dict(zip(names, labels, strict=True)))
            best_score = score
    return best


def _carries(query: Query, name: str, value: str) -> bool:
    return name in query and (not value or value in query[name])
