"""Stateful rules, as far as their headers go: `drop tcp any any -> 10.0.0.0/8 22 (sid:1;)`.

What a rule says beyond its header is taken only where it changes nothing: message, id, revision.
Every other keyword would make the rule match less than its header does, and is refused by name.

Source: Suricata User Guide, "Rules Format".
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

PASS, DROP, REJECT, ALERT = "pass", "drop", "reject", "alert"
ACTIONS = (PASS, DROP, REJECT, ALERT)  # in the order in which they are looked at by default
ONE_WAY, BOTH_WAYS = "->", "<>"
PROTOCOLS = ("ip", "tcp", "udp", "icmp")
LENGTH_MAX = 8_192
_KEYWORDS = ("msg", "sid", "rev", "metadata", "reference")
_FIELDS = 7  # of a header
_SID_MAX = 4_294_967_295
_OPTION = re.compile(r"""\s*([a-z0-9_.]+)\s*(?::\s*((?:"(?:\\.|[^"\\])*"|\\.|[^";\\])*))?;""")


class NotTakenError(ValueError):
    """A rule that cannot be, or is not offered."""


class HeaderRule(NamedTuple):
    """A rule that goes by a packet's header; addresses and ports as they were written."""

    action: str
    protocol: str
    source: str
    source_port: str
    direction: str
    target: str
    target_port: str
    sid: int


def parsed(text: str) -> list[HeaderRule]:
    """The rules of a text, in order. Raises NotTakenError."""
    lines = text.replace("\r\n", "\n").replace("\\\n", " ").split("\n")
    stripped = (line.strip() for line in lines)
    return _told_apart([_rule(line) for line in stripped if line and not line.startswith("#")])


def of_tuples(rules: Sequence[dict[str, Any]]) -> list[HeaderRule]:
    """The rules of a list in the API's own shape. Raises NotTakenError."""
    return _told_apart([_of_tuple(rule) for rule in rules])


def _told_apart(rules: list[HeaderRule]) -> list[HeaderRule]:
    there: dict[int, None] = {}
    for rule in rules:
        if rule.sid in there:
            raise NotTakenError(f"Two rules have the sid {rule.sid}")
        there[rule.sid] = None
    return rules


def _of_tuple(rule: dict[str, Any]) -> HeaderRule:
    header = rule["Header"]
    sid = 0
    for option in rule["RuleOptions"]:
        settings = option.get("Settings") or [""]
        sid = _read_option(option["Keyword"], settings[0], sid)
    return _made(
        rule["Action"].lower(),
        header["Protocol"].lower(),
        header["Source"],
        header["SourcePort"],
        BOTH_WAYS if header["Direction"] == "ANY" else ONE_WAY,
        header["Destination"],
        header["DestinationPort"],
        sid,
    )


def _rule(line: str) -> HeaderRule:
    if len(line) > LENGTH_MAX:
        raise NotTakenError(f"A rule has at most {LENGTH_MAX} characters")
    head, _, tail = line.partition("(")
    fields = list(_fields(head))
    if len(fields) != _FIELDS or not tail.endswith(")"):
        raise NotTakenError(f"The rule '{line}' is not ACTION PROTOCOL FROM -> TO (OPTIONS)")
    action, protocol, source, source_port, direction, target, target_port = fields
    if direction not in {ONE_WAY, BOTH_WAYS}:
        raise NotTakenError(f"The direction '{direction}' is neither -> nor <>")
    sid = _sid(tail[:-1])
    return _made(action, protocol, source, source_port, direction, target, target_port, sid)


def _fields(text: str) -> Iterator[str]:
    """The words of a header; a list is one word, whatever blanks are in it."""
    depth, word = 0, ""
    for character in f"{text} ":
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character.isspace() and depth == 0:
            if word:
                yield word
            word = ""
        else:
            word += character
    if word:
        yield word


def _sid(text: str) -> int:
    sid = at = 0
    for found in _OPTION.finditer(text):
        if found.start() != at:
            break
        at = found.end()
        sid = _read_option(found[1], found[2] or "", sid)
    if text[at:].strip():
        raise NotTakenError(f"The options '{text[at:].strip()}' cannot be read")
    return sid


def _read_option(keyword: str, value: str, sid: int) -> int:
    """Take an option; return the rule's id as far as it is known."""
    name, _, inner = keyword.partition(":")  # the API takes `sid:1` as a keyword too
    if name not in _KEYWORDS:
        raise NotTakenError(f"The keyword '{name}' is not offered here")
    if name != "sid":
        return sid
    text = (value or inner).strip()
    if not text.isdecimal() or not 1 <= int(text) <= _SID_MAX:
        raise NotTakenError(f"The sid '{text}' is not valid")
    return int(text)


def _made(  # noqa: PLR0913, PLR0917 - what a header has
    action: str,
    protocol: str,
    source: str,
    source_port: str,
    direction: str,
    target: str,
    target_port: str,
    sid: int,
) -> HeaderRule:
    if action not in ACTIONS:
        raise NotTakenError(f"The action '{action}' is not offered here")
    if protocol not in PROTOCOLS:
        raise NotTakenError(f"The protocol '{protocol}' is not offered here")
    if not sid:
        raise NotTakenError("A rule must have a sid")
    if action == REJECT and protocol not in {"tcp", "ip"}:
        raise NotTakenError(f"Only TCP can be rejected, and not {protocol}")
    if protocol in {"ip", "icmp"} and {source_port.lower(), target_port.lower()} != {"any"}:
        raise NotTakenError(f"Ports of the protocol '{protocol}' must be any")
    return HeaderRule(action, protocol, source, source_port, direction, target, target_port, sid)
