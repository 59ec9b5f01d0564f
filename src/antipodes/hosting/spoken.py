"""What `antipodes break` says, as faults: records that any world can install.

It knows words only, so that the command line need not load what checks them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

LINK_ENDS = 2
# Kinds that name something at a place, and the record's field for what they name.
NAMED = {"control-plane": "service", "accelerator-zone": "zone"}
# What else can be said of each kind.
OPTIONS = {
    "region": ("dark", "pause"),
    "zone": ("dark",),
    "edge": ("dark",),
    "link": ("latency", "jitter", "loss", "bandwidth", "one_way"),
    "clock": ("offset", "drift"),
    "control-plane": ("region",),
    "accelerator-zone": (),
}


class NotSaid(Exception):
    """Something is missing, or says nothing; the message says what to write."""


def check_options(kind: str, options: Mapping[str, Any]) -> None:
    """Refuse what is said in vain of a kind, and a clock of which nothing is. Raises NotSaid."""
    names = dict.fromkeys(name for taken in OPTIONS.values() for name in taken)
    said = [name for name in names if not _is_unsaid(options.get(name))]
    for name in said:
        if name not in OPTIONS[kind]:
            raise NotSaid(f"--{name.replace('_', '-')} says nothing of a broken {kind}")
    if kind == "clock" and not said:
        raise NotSaid("say how wrong the clock is: --offset 180s, --drift 500ppm")


def _is_unsaid(value: object) -> bool:
    return value is None or value is False or value == ""


def faults_of(kind: str, named: Sequence[str], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The faults that a kind, what is named, and the options of `break` stand for."""
    if kind == "link":
        if len(named) != LINK_ENDS:
            raise NotSaid("a link has two ends: antipodes break link us-west-2 eu-central-1")
        return _of_link(named[0], named[1], options)
    if len(named) != 1:
        raise NotSaid(f"name one {NAMED.get(kind, kind)}")
    if kind in NAMED:
        where = {"region": options["region"]} if options["region"] else {}
        return [{"kind": kind, NAMED[kind]: named[0], **where}]
    return [{"kind": "dark-place", "place": named[0]}]


def _of_link(a: str, b: str, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is wrong with a link; where nothing is said, nothing passes."""
    ends = {"a": a, "b": b, "both_ways": not options["one_way"]}
    latency, jitter, loss = options["latency"], options["jitter"], options["loss"]
    found: list[dict[str, Any]] = []
    if latency is not None or jitter is not None:
        slow = {"extra_ms": latency or 0.0, "jitter_ms": jitter or 0.0}
        found.append({"kind": "slow-link", **ends, **slow})
    if loss is not None:
        found.append({"kind": "lossy-link", **ends, "loss": loss})
    if options["bandwidth"] is not None:
        found.append({"kind": "narrow-link", **ends, "bandwidth_mbit_s": options["bandwidth"]})
    return found or [{"kind": "cut-link", **ends}]
