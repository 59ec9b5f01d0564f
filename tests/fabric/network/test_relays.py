"""Doors and relays: a service of a network that is not joined."""

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.packets import TCP, UDP
from tests.fabric.network.worlds import Builder, kinds, told


def linked(*targets: tuple[str, int], groups: tuple[str, ...] | None = None) -> Builder:
    """A door in a network, and a relay in another of the same prefix."""
    made = Builder()
    for name in ("near", "far"):
        made.network(name, "10.0.0.0/16")
        made.subnet(f"{name} subnet", name, "10.0.0.0/24")
    made.host("client", "near subnet", "10.0.0.1")
    made.host("server", "far subnet", "10.0.0.1")
    ports = model.RelayPort(TCP, 443, targets)
    made.relay("relay", "far subnet", "10.0.0.9", ports, groups=groups)
    made.door("door", "near subnet", "10.0.0.7", "relay")
    return made


def test_both_ends_have_the_same_address() -> None:
    both = linked(("10.0.0.1", 8443)).send("client", "10.0.0.7")
    assert told(both) == ("delivered", "delivered")
    assert kinds(both)[-1] == "interface server"
    assert str(both.there.packet) == "tcp 10.0.0.9:40000 > 10.0.0.1:8443"
    assert both.back is not None
    assert str(both.back.packet) == "tcp 10.0.0.7:443 > 10.0.0.1:40000"
    assert both.back.end.hop.id == "client"


def test_what_a_relay_does_not_send_on() -> None:
    made = linked()
    assert told(made.send("client", "10.0.0.7")) == ("no target", "")
    assert told(made.send("client", "10.0.0.7", 80)) == ("not offered", "")
    assert told(made.send("client", "10.0.0.7", protocol=UDP)) == ("not offered", "")
    made.doors["door"] = model.Door("door", "somewhere else")
    assert told(made.send("client", "10.0.0.7")) == ("unknown", "")
    made.doors["door"] = model.Door("door")
    assert told(made.send("client", "10.0.0.7")) == ("not joined", "")


def test_a_relays_groups_see_who_comes_by_the_door() -> None:
    made = linked(("10.0.0.1", 443), groups=("relays",))
    rule = model.GroupRule("clients", ("10.0.0.1/32",))
    made.group("relays", "far", [rule])
    assert told(made.send("client", "10.0.0.7")) == ("delivered", "delivered")
    made.group("relays", "far", [model.GroupRule("others", ("10.9.0.0/16",))])
    assert told(made.send("client", "10.0.0.7")) == ("refused by groups", "")


def test_a_relay_is_also_somebody_in_its_own_network() -> None:
    made = linked(("10.0.0.1", 443))
    assert told(made.send("server", "10.0.0.9")) == ("delivered", "delivered")
    assert told(made.send("server", "10.0.0.7")) == ("no such address", "")
