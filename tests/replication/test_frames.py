"""Frames come out as they went in, wherever the stream cuts them."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.replication.frames import FrameReceiver
from antipodes.runtime.contract import Runtime
from antipodes.runtime.virtual import Simulation
from tests.runtime.worlds import FakeLinks

# What looks like a frame, or like the end of one, within a frame.
INSIDE = st.sampled_from([b"\0\0\0\1\xc0", b"\0\0\0\0", b"\0\0\0\2\xc4\0", b"x", b""])


def framed(message: Any) -> bytes:
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(4, "big") + data


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    simulation = Simulation(FakeLinks())
    yield simulation.boot("a")
    simulation.close()


@given(
    messages=st.lists(st.lists(INSIDE, max_size=3), max_size=4),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=20),
)
def test_frames_are_heard_whole_and_in_order_however_they_come(
    runtime: Runtime, messages: list[list[bytes]], sizes: list[int]
) -> None:
    heard: list[Any] = []

    def take(_: FrameReceiver, message: Any) -> bool:
        heard.append(message)
        return True

    receiver = FrameReceiver(runtime, take, lambda _: None)
    receiver.open = True
    rest = b"".join(framed(message) for message in messages)
    for size in [*sizes, len(rest)]:
        if rest:
            receiver.data_received(rest[:size])
            rest = rest[size:]
    assert heard == messages
