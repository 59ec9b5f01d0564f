"""Latency, size, rate and charges of ways that were walked."""

from antipodes.fabric.network import topology as model
from antipodes.fabric.network.measures import Measures, measured
from tests.fabric.network.test_hubs import spoke
from tests.fabric.network.worlds import ZONES, Builder, route

DELAYS = {"zone": 0.5, "region": 70.0}


def one_way_ms(source: str, target: str) -> float:
    same = source.partition("/")[0] == target.partition("/")[0]
    return DELAYS["zone" if same else "region"]


def there(made: Builder, source: str, target: str) -> Measures:
    return measured(made.send(source, target).there.steps, one_way_ms)


def test_inside_a_zone_nothing_is_charged() -> None:
    made = Builder()
    made.network("n", "10.0.0.0/16")
    made.subnet("s", "n", "10.0.0.0/24")
    made.subnet("t", "n", "10.0.1.0/24")
    made.subnet("u", "n", "10.0.2.0/24", zone=ZONES[1])
    for name, subnet, address in (("a", "s", "0.5"), ("b", "t", "1.5"), ("c", "u", "2.5")):
        made.host(name, subnet, f"10.0.{address}")
    assert there(made, "a", "10.0.1.5") == Measures(0.0, 9001, 0.0, ())
    assert there(made, "a", "10.0.2.5") == Measures(0.5, 9001, 0.0, ("zone crossed",))


def test_a_hub_is_charged_once_for_each_time_it_is_entered() -> None:
    made = Builder()
    made.hub("hub")
    spoke(made, "one", 1, ZONES[0])
    spoke(made, "two", 2, ZONES[1])
    for name in ("one", "two"):
        made.attach("hub", name, "table", f"{name} 0")
    made.hub_table("table", "hub", p10_1_0_0__16="hub one", p10_2_0_0__16="hub two")
    found = there(made, "one host 0", "10.2.0.10")
    assert found.mtu == 8500
    assert found.latency_ms == 0.5
    assert found.charges == ("hub", "zone crossed")


def test_another_region_is_far_and_charged() -> None:
    made = Builder()
    made.network("x", "10.0.0.0/16")
    made.network("y", "10.1.0.0/16", region="eu-central-1")
    made.subnet("xs", "x", "10.0.0.0/24")
    made.subnet("ys", "y", "10.1.0.0/24", zone="eu-central-1/euc1-az1")
    made.host("a", "xs", "10.0.0.5")
    made.host("b", "ys", "10.1.0.5")
    made.peering("p", "x", "y")
    made.table("x main", "x", route("10.1.0.0/16", model.PEERING, "p"))
    made.table("y main", "y", route("10.0.0.0/16", model.PEERING, "p"))
    assert there(made, "a", "10.1.0.5") == Measures(70.0, 8500, 0.0, ("region crossed",))
