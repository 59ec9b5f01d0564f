"""Write the pages of services that are made from code: docs/services/dynamodb.md (`make pages`).

Operations come from botocore's model and from what is registered; refused parameters from the code
that refuses them; differences and limits from where they are decided. With `--check`, nothing is
written: the exit status says whether the page is up to date.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore.session

from antipodes.regional.dynamodb import (
    attributes,
    backupapi,
    indexes,
    indexrows,
    recovery,
    restores,
    tableapi,
    tagapi,
    throughput,
    transactions,
)
from antipodes.regional.dynamodb.api import DynamoDB
from antipodes.regional.dynamodb.differences import DIFFERENCES, NOT_OFFERED, TESTS
from antipodes.regional.dynamodb.refusals import REFUSED

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "services" / "dynamodb.md"
PACKAGE = ROOT / "src" / "antipodes" / "regional" / "dynamodb"
KB, MB = 1 << 10, 1 << 20

HEAD = """\
# DynamoDB

Tables, items, expressions, indexes, transactions, PartiQL, backups, and replicas in other regions.

<!-- Made by `make pages` from the code: change differences.py, refusals.py or scripts/pages.py. -->

- Requests and answers are those of AWS, checked by botocore's model; the wording of errors is what
  clients know. Numbers are exact to 38 digits. Consumed capacity is counted exactly.
- An acknowledged write is on disk before its answer leaves: it survives `kill -9` of its region,
  with `--durability power` also a power cut. A change of a table is made whole or not at all.
- Transactions are atomic in their region and idempotent by token for ten minutes.
- A PartiQL statement is parsed once and run as the operation that it stands for, so streams,
  indexes, replicas and capacity are those of that operation. A `SELECT` whose `WHERE` names
  partition keys (`=`, `IN`, `OR`) reads them, any other scans.
- Expired items are removed by the region that wrote them last, marked by `userIdentity` in that
  region's stream only. Time to live cannot be turned on or off again within half an hour.
- [Streams](dynamodbstreams.md) have an API of their own. [Replication](../replication.md),
  [global tables](../globaltables.md) and [multi-region strong
  consistency](../multi-region-strong-consistency.md) say what replicas promise.
- A backup is a table as it was at one moment, copied while it is written to. Point-in-time recovery
  keeps what every change took away, and brings a table back to any second. A restored replica is a
  table of one region.
"""


def operations() -> Iterator[str]:
    """A line for every operation of botocore's model."""
    model = botocore.session.get_session().get_service_model("dynamodb")
    offered = {*DynamoDB.operations}
    for name in sorted(model.operation_names):
        if name not in offered:
            yield f"| {name} | refused by name (501): {NOT_OFFERED[name]} |"
            continue
        refused = ", ".join(f"`{parameter}`" for parameter in REFUSED.get(name, ()))
        yield f"| {name} | offered{f'; refuses {refused}' if refused else ''} |"


def refusals() -> list[str]:
    """What is refused by name within requests, as the code says it."""
    found: set[str] = set()
    for file in sorted(PACKAGE.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "not_offered":
                (argument,) = node.args
                if not isinstance(argument, ast.Name):
                    found.add(_spoken(argument))
    # What is only a place for a parameter's name says nothing here.
    return sorted((text for text in found if not text.isupper()), key=str.lower)


def _spoken(argument: ast.expr) -> str:
    """The text of a string, with what is filled in as its name in capitals."""
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    assert isinstance(argument, ast.JoinedStr), ast.dump(argument)
    parts = (
        str(part.value) if isinstance(part, ast.Constant) else _name(part)
        for part in argument.values
    )
    return "".join(parts)


def _name(part: ast.expr) -> str:
    assert isinstance(part, ast.FormattedValue)
    name = part.value.value if isinstance(part.value, ast.Subscript) else part.value
    return ast.unparse(name).rpartition(".")[2].upper()


def limits() -> Iterator[str]:
    """A line for every limit, from the constants that keep it."""
    for what, value in (
        ("tables of an account in a region", f"{tableapi.TABLES_MAX:,}"),
        ("tables made, changed or deleted at once", f"{tableapi.BUSY_MAX}"),
        (
            "units of a table, of an account",
            f"{throughput.TABLE_UNITS_MAX:,}, {throughput.ACCOUNT_UNITS_MAX:,}",
        ),
        ("decreases of capacity a day, then one an hour", f"{throughput.DECREASES_A_DAY}"),
        ("switches to on-demand a day", f"{throughput.TO_ON_DEMAND_MAX}"),
        ("local and global indexes of a table", f"{indexes.LOCAL_MAX}, {indexes.GLOBAL_MAX}"),
        ("attributes projected into all indexes", f"{indexes.PROJECTED_MAX}"),
        ("tags of a table", f"{tagapi.TAGS_MAX}"),
        ("an item", f"{attributes.ITEM_BYTES_MAX // KB} KB"),
        (
            "partition and sort key",
            f"{indexrows.PARTITION_KEY_BYTES_MAX:,} and {indexrows.SORT_KEY_BYTES_MAX:,} bytes",
        ),
        (
            "keys of a BatchGetItem, and its answer",
            f"{transactions.GETS_MAX}, {transactions.RESPONSE_BYTES_MAX // MB} MB",
        ),
        ("writes of a BatchWriteItem", f"{transactions.WRITES_MAX}"),
        ("items of a transaction together", f"{transactions.TRANSACTION_BYTES_MAX // MB} MB"),
        ("restores at once", f"{restores.RESTORES_MAX}"),
        ("days of point-in-time recovery", f"{recovery.DAYS_MAX}"),
        ("backups in a page of ListBackups", f"{backupapi.BACKUPS_PER_PAGE}"),
    ):
        yield f"| {what} | {value} |"


def differences() -> Iterator[str]:
    """The differences from AWS, by area."""
    for area in dict.fromkeys(difference.area for difference in DIFFERENCES):
        yield f"### {area[:1].upper()}{area[1:]}"
        yield ""
        yield "| AWS | here | shown by |"
        yield "|---|---|---|"
        for difference in DIFFERENCES:
            if difference.area == area:
                test = f"`{difference.shown_by.rpartition('::')[2]}`" if difference.shown_by else ""
                yield f"| {difference.aws} | {difference.here} | {test} |"
        yield ""


def page() -> str:
    """The page, from the code as it is."""
    lines = [
        HEAD,
        "## Operations",
        "",
        "| operation | state |",
        "|---|---|",
        *operations(),
        "",
        "Within requests, refused by name rather than ignored: " + "; ".join(refusals()) + ".",
        "",
        "## Settings of a world",
        "",
        "| `antipodes up` | |",
        "|---|---|",
        "| `--throttling` | capacity can be short: token buckets with five minutes of bursts |",
        "| `--control-plane-delay S` | tables are CREATING, UPDATING, DELETING for so long |",
        "| `--replication-delay D` | what global tables take beyond the way |",
        "| `--strong-region-sets` | strongly consistent tables keep to AWS's sets of regions |",
        "| `--ttl-delay S` | expired items stay so long |",
        "| `--durability power` | writes are safe from power cuts before they are answered |",
        "",
        "## Limits",
        "",
        "| what | most |",
        "|---|---|",
        *limits(),
        "",
        "## Otherwise than in AWS",
        "",
        f"The tests named here are in `{TESTS}`.",
        "",
        *differences(),
    ]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is up to date."""
    if "--check" in arguments:
        if PAGE.read_text(encoding="utf-8") == page():
            return 0
        sys.stderr.write(f"{PAGE.relative_to(ROOT)} is out of date: `make pages` writes it\n")
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
