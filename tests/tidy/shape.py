"""Tidy rules on shape: sizes, folders, names, and the words of a file."""

import ast
import re
from collections.abc import Iterator

from tests.tidy.source import FunctionDef, Source, functions

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
FOLDERS_MAX = 2  # antipodes/regional/sqs/

# Files that hold one deep idea in more lines: path -> lines allowed. Numbers only ever go down.
LONG_FILES: dict[str, int] = {}

VAGUE_MODULES = re.compile(
    r"(.*_)?(utils?|common|helpers?|misc|stuff|lib|shared|new|old|compat|v\d+|manager)"
)

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|WIP|TBD)\b")

# Abbreviations that AWS does not use itself -> the word.
ABBREVIATIONS = {
    "acct": "account",
    "addr": "address",
    "cb": "the callback's purpose",
    "cfg": "settings",
    "cnt": "count",
    "conn": "connection or stream",
    "ctx": "call, or what it really is",
    "dst": "destination",
    "evt": "event",
    "impl": "the noun that it is",
    "mgr": "the noun that it is",
    "msg": "message",
    "ptr": "position",
    "req": "request",
    "resp": "response",
    "src": "source",
    "srv": "server",
    "svc": "service",
    "tbl": "table",
    "tmp": "the noun that it is",
}

# Names of pytest's own, which tests have to use.
FIXTURES = {"tmp_path", "tmp_path_factory"}

REASONLESS = re.compile(
    r"#\s*(?:noqa:\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*|type:\s*ignore(?:\[[\w, -]+\])?)\s*"
)


def has_reason(source: Source) -> Iterator[str]:
    """Every module opens with its reason."""
    if not ast.get_docstring(source.tree):
        yield "1: no docstring: open the module with what it is and why it is there"


def fits_a_screen(source: Source) -> Iterator[str]:
    """Functions have at most 70 lines, decorators aside."""
    for function in functions(source.tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield (
                f"{function.lineno}: {function.name} has {lines} lines, the limit is "
                f"{FUNCTION_LINES_MAX}: let one function branch and leaves compute"
            )


def has_one_idea(source: Source) -> Iterator[str]:
    """Files have at most 500 lines, or the number that was granted, and no more."""
    lines, granted = len(source.lines), LONG_FILES.get(source.path)
    if granted is None and lines > FILE_LINES_MAX:
        yield f"1: {lines} lines, the limit is {FILE_LINES_MAX}: split it by its nouns"
    elif granted is not None and lines > granted:
        yield f"1: {lines} lines, it was granted {granted}: split it by its nouns"
    elif granted is not None and lines <= FILE_LINES_MAX:
        yield "1: fits the limit again: take it out of LONG_FILES"


def is_not_deep(source: Source) -> Iterator[str]:
    """No folder is deeper than antipodes/regional/sqs/."""
    if source.shipped and len(source.folders) > FOLDERS_MAX:
        yield f"1: {'/'.join(source.folders)} is too deep: a file beside its neighbours will do"


def is_named_for_a_noun(source: Source) -> Iterator[str]:
    """No utils, no common, no v2 beside a v1."""
    for name in (*source.folders, source.name.removesuffix(".py")):
        if VAGUE_MODULES.fullmatch(name):
            yield f"1: {name} says nothing: name the module for its noun, or replace the old one"


def is_finished(source: Source) -> Iterator[str]:
    """No note to come back later."""
    if source.path.startswith("tests/tidy/"):
        return
    for number, line in enumerate(source.lines, 1):
        if found := UNFINISHED.search(line):
            yield f"{number}: {found[0]}: do it, or write an issue"


def is_spelled_out(source: Source) -> Iterator[str]:
    """Names that we choose have no abbreviations of our own."""
    for line, name in _chosen_names(source):
        if source.test and name in FIXTURES:
            continue
        for part in re.findall(r"[a-z]+|[A-Z][a-z]*", name):
            if instead := ABBREVIATIONS.get(part.lower()):
                yield f"{line}: {name}: {part} is an abbreviation: {instead}"


def _chosen_names(source: Source) -> Iterator[tuple[int, str]]:
    yield 1, source.name.removesuffix(".py")
    for node in ast.walk(source.tree):
        if isinstance(node, FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr


def puts_qualifiers_last(source: Source) -> Iterator[str]:
    """Constants read subject, unit, qualifier: LATENCY_MS_MAX."""
    for node in source.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        for target in targets:
            name = target.id if isinstance(target, ast.Name) else ""
            if found := re.match(r"_?(MAX|MIN|NUM|TOTAL)_(\w+)", name):
                yield f"{node.lineno}: {name}: qualifiers come last: {found[2]}_{found[1]}"


def gives_reasons(source: Source) -> Iterator[str]:
    """An exception from a rule says why, on its line."""
    for number, line in enumerate(source.lines, 1):
        found = re.search(r"#\s*(noqa|type:\s*ignore)\b(?=.*)", line)
        if found and not REASONLESS.sub("", line[found.start() :]).strip(" -#()."):
            yield f"{number}: {found[0]} without a reason: say why on the same line"


RULES = (
    has_reason,
    fits_a_screen,
    has_one_idea,
    is_not_deep,
    is_named_for_a_noun,
    is_finished,
    is_spelled_out,
    puts_qualifiers_last,
    gives_reasons,
)
