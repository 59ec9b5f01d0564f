"""Where a verdict goes: the terminal, a JSON file, an HTML page, a JUnit file."""

import argparse
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import msgspec
import orjson

from antipodes.drills import report, table
from antipodes.drills.history import History
from antipodes.drills.model import Drill, DrillError
from antipodes.drills.verdict import Finding, Judgement, Verdict


def write(
    options: argparse.Namespace,
    drill: Drill,
    history: History,
    judgement: Judgement,
    **further: Any,
) -> None:
    """Show one run's verdict, and save it where the options say; `further` joins the JSON."""
    print(table.render(drill, history, judgement))
    if options.json:
        findings = [msgspec.to_builtins(finding) for finding in judgement.findings]
        save_json(options.json, {**judgement.figures, **further, "findings": findings})
    if options.html:
        save(Path(options.html), report.render(drill, history, judgement).encode())
        print(f"report:  {options.html}")
    if options.junit:
        save(Path(options.junit), junit(drill.name, judgement.findings).encode())
        print(f"junit:   {options.junit}")


def save_json(path: str, document: dict[str, Any]) -> None:
    """Write the figures."""
    save(Path(path), orjson.dumps(document, option=orjson.OPT_INDENT_2))
    print(f"figures: {path}")


def save(path: Path, content: bytes) -> None:
    """Write a file, its folder made if missing; raises DrillError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise DrillError(f"cannot write {path}: {error}") from None


def junit(name: str, findings: list[Finding]) -> str:
    """Findings as a JUnit test suite: one case each; what could not be judged is an error."""
    failures = sum(finding.verdict is Verdict.FAIL for finding in findings)
    errors = sum(finding.verdict is Verdict.UNKNOWN for finding in findings)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        (
            f'<testsuite name={quoteattr(name)} tests="{len(findings)}" failures="{failures}" '
            f'errors="{errors}">'
        ),
    ]
    for finding in findings:
        said = f"wanted {finding.wanted}, found {finding.found}"
        if finding.witness:
            said += f" ({finding.witness})"
        case = f"  <testcase classname={quoteattr(name)} name={quoteattr(finding.expectation)}"
        if finding.verdict is Verdict.PASS:
            lines.append(f"{case}/>")
        else:
            kind = "failure" if finding.verdict is Verdict.FAIL else "error"
            lines.append(f"{case}><{kind} message={quoteattr(said)}/></testcase>")
    return "\n".join([*lines, "</testsuite>", ""])
