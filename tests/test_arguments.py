"""What people write on the command line, and what they are told when it cannot be."""

import argparse
from collections.abc import Callable

import pytest

from antipodes.arguments import choice, percent, speed, with_unit

MILLISECONDS, OFFSET = with_unit("ms"), with_unit("s", signed=True)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (percent, "5%", 0.05),
        (percent, "0.5", 0.5),
        (MILLISECONDS, "300ms", 300.0),
        (MILLISECONDS, "300", 300.0),
        (OFFSET, "-180s", -180.0),
        (choice, "sao-paulo=clamp:300+stale", ("sao-paulo", "clamp:300+stale")),
        (speed, "10", 10.0),
    ],
)
def test_what_is_written_is_read(read: Callable[[str], object], text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "complaint"),
    [
        (percent, "101%", "not a share"),
        (percent, "nan", "not a number"),
        (percent, "%", "not a number"),
        (MILLISECONDS, "nan", "not a number"),
        (MILLISECONDS, "inf", "not a number"),
        (MILLISECONDS, "300s", "not a number"),
        (MILLISECONDS, "-1ms", "negative"),
        (OFFSET, "soon", "not a number"),
        (choice, "honour", "NAME=VALUE"),
        (choice, "=honour", "NAME=VALUE"),
        (choice, "default=", "NAME=VALUE"),
        (speed, "0.5", "between"),
        (speed, "nan", "not a number"),
    ],
)
def test_what_cannot_be_is_said_in_words(
    read: Callable[[str], object], text: str, complaint: str
) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=complaint):
        read(text)
