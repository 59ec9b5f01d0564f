"""`antipodes network lint`: what is there for nothing, or is likely to be a mistake."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from antipodes.fabric.network.topology import Topology
from antipodes.questions.findings import Finding
from antipodes.questions.networks import Answer, Told, in_lines, names
from antipodes.questions.otherfindings import overlap_findings, rule_findings, zone_findings
from antipodes.questions.routefindings import route_findings

FOUND = 1


def add(actions: Any) -> argparse.ArgumentParser:
    """What it is asked for by."""
    parser: argparse.ArgumentParser = actions.add_parser(
        "lint", help="what is there for nothing, or looks like a mistake"
    )
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(answer=answer)
    return parser


def answer(told: Told, options: argparse.Namespace) -> Answer:
    """All findings, with status 1 if there are any. Raises QuestionError."""
    found = list(findings(told.topology))
    called = names(told.topology)
    if options.json:
        records = [
            {**one._asdict(), "names": [called.get(name) for name in one.ids]} for one in found
        ]
        return Answer(json.dumps(records, indent=2), bool(found) * FOUND)
    lines = [f"{one.kind}: {_named(one, called)}" for one in found] or ["nothing found"]
    return Answer(in_lines(lines), bool(found) * FOUND)


def findings(topology: Topology) -> Iterator[Finding]:
    """Everything that is found, kind by kind."""
    yield from route_findings(topology)
    yield from rule_findings(topology)
    yield from overlap_findings(topology)
    yield from zone_findings(topology)


def _named(one: Finding, called: dict[str, str]) -> str:
    """The sentence, with names beside ids."""
    said = one.said
    for name in dict.fromkeys(one.ids):
        if name in called:
            said = said.replace(name, f"{name} ({called[name]})", 1)
    return said
