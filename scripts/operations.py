"""Write the table of EC2's operations: docs/services/ec2-operations.md (`make pages`).

What is offered comes from what is registered, an area for each module of operations and named as
its first line says; what there would be comes from botocore's model.
"""

import inspect
import re
from pathlib import Path
from types import ModuleType

import botocore.session

from antipodes.regional.ec2 import api

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "services" / "ec2-operations.md"
_BEFORE = ("EC2's operations on ", "EC2's operations of ", "EC2's operations that ")


def area(module: ModuleType) -> str:
    """What a module's operations are about."""
    first = inspect.cleandoc(module.__doc__ or "").partition("\n")[0].removesuffix(".")
    for words in _BEFORE:
        first = first.removeprefix(words)
    return re.split("[:;]|, and ", first)[0].replace("`", "")


def page() -> str:
    """The page, from the code as it is."""
    offered: dict[str, list[str]] = {}
    for name in api.Ec2.operations:
        offered.setdefault(api.Ec2.operations.module_of(name), []).append(name)
    modules = [
        module
        for name in api.__all__
        if inspect.ismodule(module := getattr(api, name)) and module.__name__ in offered
    ]
    model = botocore.session.get_session().get_service_model("ec2")
    lines = [
        "# EC2's operations",
        "",
        "<!-- Made by `make pages` from what is registered: change scripts/operations.py. -->",
        "",
        f"[EC2](ec2.md) offers {sum(map(len, offered.values()))} operations, of the",
        f"{len(model.operation_names)} that AWS's model has. The others are answered 501 by name;",
        "parameters that are not offered and would change what happens are refused by name.",
        "",
        "| on | operations |",
        "|---|---|",
        *(
            f"| {area(module)} | {', '.join(sorted(offered[module.__name__]))} |"
            for module in sorted(modules, key=area)
        ),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
