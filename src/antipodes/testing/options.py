"""What a test asks for: the marker `antipodes`, the settings of the project, the environment.

The closest marker wins: on the test, then its class, then its module; what no marker says is in
pytest's settings (`antipodes_regions` and so on), else it has its usual value. ANTIPODES_SEED in
the environment overrides every seed, to play a failure again.
"""

import os
from dataclasses import dataclass, fields
from typing import Any

import pytest

SEED_VARIABLE = "ANTIPODES_SEED"
MARKER = "antipodes"
_HELP = {
    "regions": "codes of the regions, separated by blanks or commas",
    "speed": "how fast configured intervals pass in the fixture `world`",
    "seed": "of the fixtures `sim` and `world`",
    "seeds": "play every test of the fixture `sim` with seeds 1 to this number",
    "propagation_s": "seconds that routing changes take to the edge",
    "replication_delay": "of global tables: link, aws, or seconds",
    "resolvers": "how cities' resolvers keep names, as in: default=honour, tokyo=clamp:300",
}


class Misuse(Exception):
    """A marker or a setting that means nothing; the message names it."""


@dataclass(frozen=True)
class Options:
    """What kind of world a test needs."""

    regions: tuple[str, ...] = ("us-west-2", "eu-central-1")
    speed: float = 1.0
    seed: int = 1
    seeds: int = 0  # 0: the one seed
    propagation_s: float = 60.0
    replication_delay: str = "link"
    resolvers: tuple[tuple[str, str], ...] = ()
    fresh: bool = False  # of `world`: one of the test's own


def add_settings(parser: pytest.Parser) -> None:
    """Declare the project's settings and the command line's."""
    for name, text in _HELP.items():
        parser.addini(f"antipodes_{name}", text, default="")
    group = parser.getgroup("antipodes", "worlds of AWS-compatible regions")
    group.addoption(
        "--antipodes-seeds",
        type=int,
        default=0,
        metavar="N",
        help="play every test of the fixture `sim` with seeds 1 to N",
    )


def chosen(config: pytest.Config, item: Any) -> Options:
    """The options of a test, or of a function that tests are being made of. Raises Misuse."""
    given: dict[str, Any] = {}
    for marker in [*item.iter_markers(MARKER)][::-1]:
        if marker.args:
            raise Misuse(f"{MARKER}: name its arguments, as in seed=7")
        given.update(marker.kwargs)
    known = {field.name for field in fields(Options)}
    if unknown := sorted(given.keys() - known):
        raise Misuse(f"{MARKER}: there is no {unknown[0]}; there are {', '.join(sorted(known))}")
    for name in _HELP:
        text = str(config.getini(f"antipodes_{name}")).strip()
        if text:
            given.setdefault(name, text)
    if many := config.getoption("--antipodes-seeds"):
        given["seeds"] = many
    forced = forced_seed()
    if forced is not None:
        given.update(seed=forced, seeds=0)
    return _converted(given)


def forced_seed() -> int | None:
    """The seed that the environment asks for. Raises Misuse."""
    text = os.environ.get(SEED_VARIABLE, "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise Misuse(f"{SEED_VARIABLE}: {text!r} is not a number") from None


def _converted(given: dict[str, Any]) -> Options:
    makers: dict[str, Any] = {
        "speed": float,
        "seed": int,
        "seeds": int,
        "propagation_s": float,
        "replication_delay": _delay,
        "resolvers": _resolvers,
        "fresh": bool,
    }
    values: dict[str, Any] = {}
    for name, value in given.items():
        try:
            values[name] = _regions(value) if name == "regions" else makers[name](value)
        except (ValueError, TypeError):
            raise Misuse(f"{MARKER}: {name}: {value!r} will not do") from None
    return Options(**values)


def _delay(value: Any) -> str:
    from antipodes.replication.delays import parse  # noqa: PLC0415 - most tests never need it

    parse(str(value))
    return str(value)


def _resolvers(value: Any) -> tuple[tuple[str, str], ...]:
    from antipodes.fabric.dns.cache import parse_behaviour  # noqa: PLC0415 - as above

    pairs = value
    if isinstance(value, str):
        pairs = [pair.split("=") for pair in value.replace(",", " ").split()]
    found = {str(city): str(behaviour) for city, behaviour in dict(pairs).items()}
    for behaviour in found.values():
        parse_behaviour(behaviour)
    return tuple(sorted(found.items()))


def _regions(value: Any) -> tuple[str, ...]:
    listed = value.replace(",", " ").split() if isinstance(value, str) else value
    regions = tuple(str(region) for region in listed)
    if not regions:
        raise ValueError("no region")
    return regions
