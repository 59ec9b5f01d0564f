"""`antipodes network snapshot`: the networks as they are now, kept in a file to compare with."""

import argparse
from pathlib import Path
from typing import Any

import msgspec

from antipodes.fabric.network.together import together
from antipodes.fabric.network.topology import Topology
from antipodes.questions.networks import Answer, QuestionError, Told


def add(actions: Any) -> argparse.ArgumentParser:
    """What a snapshot is asked for by."""
    parser: argparse.ArgumentParser = actions.add_parser(
        "snapshot", help="keep the networks as they are now in a file"
    )
    parser.add_argument("file", help="JSON, by region")
    parser.set_defaults(answer=answer)
    return parser


def answer(told: Told, options: argparse.Namespace) -> Answer:
    """Write the file. Raises QuestionError."""
    data = msgspec.json.format(msgspec.json.encode(dict(told.by_region), order="sorted"), indent=1)
    try:
        Path(options.file).write_bytes(data + b"\n")
    except OSError as error:
        raise QuestionError(f"{options.file} cannot be written: {error.strerror}") from error
    return Answer(f"kept: {options.file}")


def read(file: str) -> Topology:
    """The networks that are kept in a file. Raises QuestionError."""
    try:
        told = msgspec.json.decode(Path(file).read_bytes(), type=dict[str, Any])
        return together(told.values())
    except OSError as error:
        raise QuestionError(f"{file} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, AttributeError, TypeError) as error:
        raise QuestionError(f"{file} is no snapshot: {error}") from error
