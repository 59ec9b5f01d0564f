"""Tidy rules on meaning: order, waiting, state, and tests that can fail."""

import ast
from collections.abc import Iterator
from functools import cache

from tests.tidy.source import (
    PACKAGE,
    ROOT,
    Source,
    called,
    dotted,
    functions,
    own_nodes,
)

SET_MAKERS = {"set", "frozenset"}
SET_METHODS = {"difference", "intersection", "symmetric_difference", "union"}
SET_TYPES = {"AbstractSet", "MutableSet", "Set", "frozenset", "set"}
# What takes any order and shows none.
ORDERLESS = {"all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"}
# What turns an order into something that shows it.
ORDERING = {"dict.fromkeys", "enumerate", "iter", "list", "map", "next", "reversed", "tuple", "zip"}

SYNCHRONOUS_FOLDERS = {"fabric", "wire", "world"}
MUTABLE_MAKERS = {"Counter", "bytearray", "defaultdict", "deque", "dict", "list", "set"}
FAKERS = {"mock", "pytest_mock", "unittest.mock"}
SLEEPS = {"asyncio.sleep", "time.sleep"}
JUDGES = ("assert_", "check_", "expect_", "judge_", "run_state_machine_as_test")


def has_an_order(source: Source) -> Iterator[str]:
    """Nothing iterates over a set where the order can show."""
    known = _set_names(source.tree)

    def is_set(node: ast.AST) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Call():
                name = called(node)
                method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                return name in SET_MAKERS or (method in SET_METHODS)
            case ast.BinOp(op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
                return is_set(node.left) or is_set(node.right)
            case _:
                return dotted(node) in known

    forgiven = {
        id(argument)
        for node in ast.walk(source.tree)
        if called(node) in ORDERLESS and isinstance(node, ast.Call)
        for argument in node.args
    }
    for node in ast.walk(source.tree):
        for place in _ordered_uses(node, forgiven):
            if is_set(place):
                yield (
                    f"{place.lineno}: {ast.unparse(place)} has no order: "
                    "sort it, or use a dict, which keeps the order of insertion"
                )


def _ordered_uses(node: ast.AST, forgiven: set[int]) -> Iterator[ast.expr]:
    """The expressions that a node goes through one by one, in an order that can show."""
    match node:
        case ast.For() | ast.AsyncFor():
            yield node.iter
        case ast.ListComp() | ast.DictComp() | ast.GeneratorExp():
            if id(node) not in forgiven:
                yield from (generator.iter for generator in node.generators)
        case ast.Call():
            joins = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
            if id(node) not in forgiven and (called(node) in ORDERING or joins):
                yield from node.args
            yield from (part.value for part in node.args if isinstance(part, ast.Starred))
        case ast.List() | ast.Tuple():
            yield from (part.value for part in node.elts if isinstance(part, ast.Starred))
        case _:
            pass


def _set_names(tree: ast.AST) -> set[str]:
    """Names and attributes that are annotated as sets, or only ever assigned what must be one."""
    sets: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            name = node.arg if isinstance(node, ast.arg) else dotted(node.target)
            annotation = node.annotation
            kind = annotation.value if isinstance(annotation, ast.Subscript) else annotation
            (sets if dotted(kind).rsplit(".", 1)[-1] in SET_TYPES else others).add(name)
        elif isinstance(node, ast.Assign):
            must_be = isinstance(node.value, ast.Set | ast.SetComp) or called(node.value) in (
                SET_MAKERS
            )
            for target in node.targets:
                names = {dotted(part) for part in ast.walk(target)}
                (sets if must_be else others).update({dotted(target)} if must_be else names)
        elif isinstance(node, ast.For | ast.comprehension | ast.NamedExpr):
            others.update(dotted(part) for part in ast.walk(node.target))
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            others.update(dotted(part) for part in ast.walk(node.optional_vars))
    return sets - others - {""}


def _promises(path: str, tree: ast.AST) -> Iterator[ast.AST]:
    """The methods of a file that are contracts: of protocols, and of what contract.py declares."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = {dotted(base).rsplit(".", 1)[-1] for base in node.bases}
            if "Protocol" in bases or path.endswith("/contract.py"):
                yield from node.body


@cache
def _promised_names() -> frozenset[str]:
    """The methods that some contract declares `async`: who fulfils it may not need to wait."""
    return frozenset(
        method.name
        for path in sorted((ROOT / PACKAGE).rglob("*.py"))
        for method in _promises(path.as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(method, ast.AsyncFunctionDef)
    )


def waits_if_async(source: Source) -> Iterator[str]:
    """A function is `async` if and only if it may wait."""
    if not source.shipped:
        return
    promises = {id(method) for method in _promises(source.path, source.tree)}
    methods = {
        id(child)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        for child in node.body
    }
    for function in functions(source.tree):
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        scope = any(dotted(d).endswith("asynccontextmanager") for d in function.decorator_list)
        fulfils = id(function) in methods and function.name in _promised_names()
        promised = fulfils or id(function) in promises
        waits = any(
            isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)
            or (isinstance(node, ast.comprehension) and node.is_async)
            for node in own_nodes(function)
        )
        if not (scope or promised or waits):
            yield f"{function.lineno}: {function.name} is async and never waits: take `async` away"


def is_synchronous(source: Source) -> Iterator[str]:
    """Ideas do no I/O: wire, fabric, world and models take the time as an argument."""
    if not source.shipped or not (
        source.name == "model.py" or SYNCHRONOUS_FOLDERS.intersection(source.folders[:1])
    ):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"{node.lineno}: waits: models compute, and whoever calls them waits"
        elif isinstance(node, ast.ImportFrom) and node.module == "antipodes.runtime.contract":
            for alias in node.names:
                if alias.name == "Runtime":
                    yield f"{node.lineno}: takes the Runtime: take the time as an argument"


def has_no_global_state(source: Source) -> Iterator[str]:
    """No container that waits at module level to be filled."""
    if not source.shipped:
        return
    for node in source.tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        value = node.value
        empty = (isinstance(value, ast.List) and not value.elts) or (
            isinstance(value, ast.Dict) and not value.keys
        )
        makes = called(value).rsplit(".", 1)[-1] in MUTABLE_MAKERS and not (
            isinstance(value, ast.Call) and called(value) in {"dict", "list", "set"} and value.args
        )
        if empty or makes:
            yield f"{node.lineno}: state at module level: give it to an object that is handed in"


def is_frozen(source: Source) -> Iterator[str]:
    """Records are frozen values."""
    if not source.shipped:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ClassDef):
            continue
        struct = any(dotted(base) in {"Struct", "msgspec.Struct"} for base in node.bases)
        frozen = any(
            word.arg == "frozen" and isinstance(word.value, ast.Constant) and word.value.value
            for word in node.keywords
        )
        if struct and not frozen:
            yield f"{node.lineno}: {node.name} can change: class {node.name}(Struct, frozen=True)"


def never_sleeps(source: Source) -> Iterator[str]:
    """Tests wait for what they need, never for a while."""
    if not source.test or source.path.startswith("tests/tidy/"):
        return
    # What waits for a condition of another process has to look again, and again.
    polls = {
        id(node)
        for function in functions(source.tree)
        if function.name == "wait"
        for loop in ast.walk(function)
        if isinstance(loop, ast.While)
        for node in ast.walk(loop)
    }
    for node in ast.walk(source.tree):
        line = 0
        if isinstance(node, ast.Call) and called(node) in SLEEPS and id(node) not in polls:
            line = node.lineno
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            line = node.lineno if SLEEPS.intersection(names) else 0
        if line:
            yield f"{line}: sleeps: wait for the condition, or run in virtual time"


def uses_the_real_thing(source: Source) -> Iterator[str]:
    """Real thing first, fake second, mock never."""
    if not source.test:
        return
    for node in ast.walk(source.tree):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if FAKERS.intersection(names):
            line = getattr(node, "lineno", 1)
            yield f"{line}: mocks: use the thing itself, or a fake of its contract"


def can_fail(source: Source) -> Iterator[str]:
    """A test that cannot fail is a defect."""
    if not source.test or not source.name.startswith("test_"):
        return
    for function in functions(source.tree):
        if function.name.startswith("test_") and not any(map(_judges, ast.walk(function))):
            yield f"{function.lineno}: {function.name} judges nothing: assert what must hold"


def _judges(node: ast.AST) -> bool:
    name = called(node).rsplit(".", 1)[-1]
    return (
        isinstance(node, ast.Assert)
        or called(node) in {"pytest.fail", "pytest.raises", "pytest.warns"}
        or name.lstrip("_").startswith(JUDGES)
    )


def is_a_whole_service(folder: str, files: set[str], pages: set[str]) -> Iterator[str]:
    """A service is a folder of the same few files, and a page of documentation."""
    for name in ("__init__.py", "api.py", "model.py"):
        if name not in files:
            yield f"{folder}: no {name}: every service has __init__, api and model"
    name = folder.rsplit("/", 1)[-1].rstrip("_")
    if name not in pages:
        yield f"{folder}: no page docs/services/{name}.md"


RULES = (
    has_an_order,
    waits_if_async,
    is_synchronous,
    has_no_global_state,
    is_frozen,
    never_sleeps,
    uses_the_real_thing,
    can_fail,
)
