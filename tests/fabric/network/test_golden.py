"""Networks of AWS's guides, with answers that were worked out by hand from their pages."""

import re
from pathlib import Path

import pytest

from antipodes.fabric.network.fabric import Fabric, from_interface
from antipodes.fabric.network.packets import Packet
from antipodes.fabric.network.reaching import reach
from antipodes.fabric.network.spaces import box_of
from tests.fabric.network.golden import FILES, Golden


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_packet_ends_as_the_guide_says(file: Path) -> None:
    text = file.read_text()
    assert re.search(r"^# Source: .+", text, re.MULTILINE)
    golden = Golden(text)
    assert golden.asks
    found = [f"{ask.line}\n    {said}" for ask in golden.asks for said in golden.complaints(ask)]
    assert not found, "\n" + "\n".join(found)
    for source, target, port, parts in golden.spreads:
        assert golden.used(source, target, port) >= parts


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_followed_as_a_set_it_ends_alike(file: Path) -> None:
    golden = Golden(file.read_text())
    fabric = Fabric(golden.made.topology())
    for ask in golden.asks:
        interface = golden.made.interfaces.get(ask.source)
        if interface is not None:
            packet = Packet.of(
                interface.addresses[0], ask.target, ask.protocol, ask.port, port=ask.from_port
            )
            ends = reach(fabric.node, from_interface(interface.id), box_of(packet))
            assert ask.ends[0] in {one.end.outcome for one in ends}
