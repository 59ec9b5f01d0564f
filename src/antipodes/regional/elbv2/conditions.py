"""Conditions of rules: which requests a rule is for.

A request is reduced to `Facts`; a condition holds when any of its values does; a rule is for a
request when all its conditions hold. Wildcards are matched in linear steps, without backtracking
into earlier stars, so no pattern of a customer's can hold the balancer up, nor can its regular
expressions (`regexes.py`). Those are looked for anywhere in a host, a path or a header's value, as
the anchors in AWS's examples suggest; where a text is too long for one, it does not match.

Case matters in paths and methods only; header names and values, hosts and query strings are
compared without it (load-balancer-listeners).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

from antipodes.regional.elbv2.model import Condition, invalid
from antipodes.regional.elbv2.regexes import BadRegex, Regex, TooLong

VALUES_PER_RULE_MAX = 5
WILDCARDS_PER_RULE_MAX = 5
VALUE_LENGTH_MAX = 128
HEADER_NAME_LENGTH_MAX = 40

# Field -> the member that holds its values, and whether a rule may have several of it.
_CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
_SEVERAL = ("http-header", "query-string")
_PLAIN = ("host-header", "path-pattern")  # their values may stand in `Values` directly
_BY_REGEX = ("host-header", "path-pattern", "http-header")
_ESCAPING = ("http-header", "query-string")
_METHOD = re.compile(r"[A-Z_-]{1,40}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HOST = re.compile(r"[A-Za-z0-9.*?-]+")
_PATH = re.compile(r"[A-Za-z0-9_.$/~\"'@:+&;*?!%()=,#\\-]+")


class Facts(NamedTuple):
    """What conditions ask about a request; header names are in lower case."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Sequence[tuple[str, str]]
    host: str
    source_ip: str


Test = Callable[[Facts], bool]
Token = tuple[str, str]  # ("*", ""), ("?", "") or ("", a character)


# Patterns.


def parse_pattern(pattern: str, *, escapes: bool) -> tuple[Token, ...]:
    r"""Return a pattern's tokens; with `escapes`, `\*`, `\?` and `\\` mean themselves."""
    tokens: list[Token] = []
    characters = iter(pattern)
    for character in characters:
        if character in "*?":
            tokens.append((character, ""))
        elif character == "\\" and escapes:
            tokens.append(("", next(characters, "\\")))
        else:
            tokens.append(("", character))
    return tuple(tokens)


def pattern_matches(tokens: Sequence[Token], text: str) -> bool:
    """Whether a whole text matches: on a mismatch only the last star takes one character more."""
    at = token = 0
    star, star_at = -1, 0
    while at < len(text):
        kind, literal = tokens[token] if token < len(tokens) else ("end", "")
        if kind == "*":
            star, star_at = token, at
            token += 1
        elif kind == "?" or (kind == "" and literal == text[at]):
            token += 1
            at += 1
        elif star >= 0:
            star_at += 1
            token, at = star + 1, star_at
        else:
            return False
    return all(kind == "*" for kind, _ in tokens[token:])


def _any_pattern(values: Iterable[str], *, fold: bool, escapes: bool) -> Callable[[str], bool]:
    patterns = [parse_pattern(v.lower() if fold else v, escapes=escapes) for v in values]

    def matches(text: str) -> bool:
        folded = text.lower() if fold else text
        return any(pattern_matches(pattern, folded) for pattern in patterns)

    return matches


def _any_regex(values: Iterable[str], *, fold: bool) -> Callable[[str], bool]:
    regexes = [Regex(value, fold=fold) for value in values]

    def matches(text: str) -> bool:
        try:
            return any(regex.found(text) for regex in regexes)
        except TooLong:
            return False

    return matches


def _any_of(config: dict[str, Any], *, fold: bool, escapes: bool) -> Callable[[str], bool]:
    if config.get("RegexValues"):
        return _any_regex(config["RegexValues"], fold=fold)
    return _any_pattern(config["Values"], fold=fold, escapes=escapes)


# Tests.


def test_of(condition: Condition) -> Test:
    """Return a condition as a test of requests."""
    field = condition["Field"]
    config: dict[str, Any] = condition[_CONFIGS[field]]
    if field == "host-header":
        hosts = _any_of(config, fold=True, escapes=False)
        return lambda facts: hosts(facts.host)
    if field == "path-pattern":
        paths = _any_of(config, fold=False, escapes=False)
        return lambda facts: paths(facts.path)
    if field == "http-header":
        name = config["HttpHeaderName"].lower()
        wanted = _any_of(config, fold=True, escapes=True)
        return lambda facts: any(wanted(v) for header, v in facts.headers if header == name)
    values = config["Values"]
    if field == "http-request-method":
        return lambda facts: facts.method in values
    if field == "source-ip":
        return _source_test(values)
    return _query_test(values)


def _source_test(values: Sequence[str]) -> Test:
    networks = [ip_network(value) for value in values]

    def test(facts: Facts) -> bool:
        try:
            address = ip_address(facts.source_ip)
        except ValueError:
            return False
        return any(address in network for network in networks)

    return test


def _query_test(values: Sequence[dict[str, str]]) -> Test:
    pairs = [
        (
            _any_pattern([pair["Key"]] if "Key" in pair else ["*"], fold=True, escapes=True),
            _any_pattern([pair["Value"]], fold=True, escapes=True),
        )
        for pair in values
    ]

    def test(facts: Facts) -> bool:
        return any(key(name) and value(text) for key, value in pairs for name, text in facts.query)

    return test


# What a caller may ask for.


def normalised(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """Return a rule's conditions as they are kept and shown; refuse what AWS would."""
    if not conditions:
        raise invalid("A condition must be specified")
    made = tuple(_normalised(condition) for condition in conditions)
    fields = [condition["Field"] for condition in made]
    for field in dict.fromkeys(fields):
        if field not in _SEVERAL and fields.count(field) > 1:
            raise invalid(f"A rule can only have one '{field}' condition")
    values = [value for condition in made for value in _texts(condition)]
    if len(values) > VALUES_PER_RULE_MAX:
        raise invalid(f"A rule can only have '{VALUES_PER_RULE_MAX}' condition values")
    wildcards = sum(_wildcards(condition) for condition in made)
    if wildcards > WILDCARDS_PER_RULE_MAX:
        raise invalid(f"A rule can only have '{WILDCARDS_PER_RULE_MAX}' condition wildcards")
    return made


def _texts(condition: Condition) -> list[Any]:
    config = condition[_CONFIGS[condition["Field"]]]
    return list(config.get("Values") or config["RegexValues"])


def _wildcards(condition: Condition) -> int:
    field = condition["Field"]
    config = condition[_CONFIGS[field]]
    if field in {"http-request-method", "source-ip"} or "Values" not in config:
        return 0
    texts = [
        text
        for value in _texts(condition)
        for text in (value.values() if isinstance(value, dict) else [value])
    ]
    escapes = field in _ESCAPING
    tokens = [token for text in texts for token in parse_pattern(text, escapes=escapes)]
    return sum(kind in {"*", "?"} for kind, _ in tokens)


def _normalised(condition: Condition) -> Condition:
    field = condition.get("Field") or _field_of(condition)
    member = _CONFIGS.get(field)
    if member is None:
        raise invalid(f"Condition field '{field}' must be one of '[{', '.join(_CONFIGS)}]'")
    others = [name for name in _CONFIGS.values() if name != member and condition.get(name)]
    if others:
        raise invalid(f"A condition on '{field}' cannot have '{others[0]}'")
    config = dict(condition.get(member) or {})
    plain = condition.get("Values")
    if plain and (config or field not in _PLAIN):
        raise invalid(f"Condition values of '{field}' must be specified in '{member}' only")
    regexes = list(condition.get("RegexValues") or config.get("RegexValues") or [])
    values = list(plain or config.get("Values") or [])
    if regexes:
        return _by_regex(field, config, regexes, values)
    if not values:
        raise invalid("A condition value must be specified")
    made: Condition = {"Field": field, member: {**config, "Values": values}}
    made[member].pop("RegexValues", None)
    _check_values(field, made[member])
    if field in _PLAIN:
        made["Values"] = values
    return made


def _by_regex(
    field: str, config: dict[str, Any], regexes: list[str], values: list[str]
) -> Condition:
    if field not in _BY_REGEX:
        raise invalid(f"A condition on '{field}' cannot have 'RegexValues'")
    if values:
        raise invalid("A condition has either values or regular expressions")
    for regex in regexes:
        _check_length(regex)
        try:
            Regex(regex)
        except BadRegex as error:
            raise invalid(f"The regular expression '{regex}' is not valid: {error}") from None
    kept = {name: value for name, value in config.items() if name != "Values"}
    made: Condition = {"Field": field, _CONFIGS[field]: {**kept, "RegexValues": regexes}}
    if field == "http-header":
        _check_header(config)
    else:
        made["RegexValues"] = regexes
    return made


def _field_of(condition: Condition) -> str:
    """The field may be left out where a configuration tells it."""
    given = [field for field, member in _CONFIGS.items() if condition.get(member)]
    return given[0] if len(given) == 1 else ""


def _check_values(field: str, config: dict[str, Any]) -> None:
    values = config["Values"]
    if field == "query-string":
        for pair in values:
            _check_pair(pair)
        return
    for value in values:
        _check_length(value)
        if field == "source-ip":
            _check_network(value)
    patterns = {"host-header": _HOST, "path-pattern": _PATH, "http-request-method": _METHOD}
    if field in patterns:
        for value in values:
            if patterns[field].fullmatch(value) is None:
                raise invalid(f"Condition value '{value}' contains a character that is not valid")
    if field == "http-header":
        _check_header(config)


def _check_length(value: str) -> None:
    if not 1 <= len(value) <= VALUE_LENGTH_MAX:
        raise invalid(f"Condition value '{value}' must have 1 to {VALUE_LENGTH_MAX} characters")


def _check_pair(pair: dict[str, str]) -> None:
    if not pair.get("Value"):
        raise invalid("A query string condition value must have a 'Value'")
    for text in (pair["Value"], pair.get("Key") or "*"):
        _check_length(text)


def _check_header(config: dict[str, Any]) -> None:
    name = config.get("HttpHeaderName") or ""
    if _TOKEN.fullmatch(name) is None or len(name) > HEADER_NAME_LENGTH_MAX:
        raise invalid(
            f"HTTP header name '{name}' must be a header's name of 1 to {HEADER_NAME_LENGTH_MAX} "
            "characters"
        )
    if name.lower() == "host":
        raise invalid("HTTP header name 'host' is not valid: use a 'host-header' condition")


def _check_network(value: str) -> None:
    network: IPv4Network | IPv6Network | None
    try:
        network = ip_network(value) if "/" in value else None
    except ValueError:
        network = None
    if network is None or str(network) == "255.255.255.255/32":
        raise invalid(f"Condition value '{value}' is not a valid CIDR block")
