"""What `antipodes break` says, as faults: records that any world can install.

It knows words only, so that the command line need not load what checks them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

LINK_ENDS = 2
# Kinds that name something at a place, and the record's field for what they name.
NAMED = {"control-plane": "service", "accelerator-zone": "zone"}


class NotSaid(Exception):
    """Something is missing; the message says what to write."""


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
