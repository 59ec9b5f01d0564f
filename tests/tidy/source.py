"""Files of the project as the tidy rules see them: text, lines, syntax tree.

A rule is a function from a `Source` to complaints, `line: what is wrong: what to do instead`.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE = "src/antipodes/"


@dataclass(frozen=True)
class Source:
    """One Python file; `path` is relative to the project and uses slashes."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def folders(self) -> list[str]:
        """The folders below `src/antipodes/`, outermost first; none for files elsewhere."""
        return self.path.removeprefix(PACKAGE).split("/")[:-1]

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def shipped(self) -> bool:
        """Whether it is part of the package, rather than a test or a script."""
        return self.path.startswith(PACKAGE)

    @property
    def test(self) -> bool:
        return self.path.startswith("tests/")


Rule = Callable[[Source], Iterator[str]]
FunctionDef = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[FunctionDef]:
    """Every function and method, nested ones included."""
    for node in ast.walk(tree):
        if isinstance(node, FunctionDef):
            yield node


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's body, without those of functions and classes inside it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, FunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def called(node: ast.AST) -> str:
    """The dotted name that a call calls (`time.sleep`), or "" where it has none."""
    return dotted(node.func) if isinstance(node, ast.Call) else ""


def dotted(node: ast.AST) -> str:
    """The dotted name that an expression is, or ""."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def project_sources() -> list[Source]:
    """All Python files of the project."""
    return [
        Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for folder in ("src", "tests", "bench", "examples", "scripts")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]
