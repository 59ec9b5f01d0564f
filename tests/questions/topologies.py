"""Networks of the usual shapes, each with two of its hosts, by the names of the shapes."""

from collections.abc import Callable

import msgspec

from antipodes.fabric.network import topology as model
from antipodes.world.atlas import load_atlas
from tests.fabric.network.worlds import ZONES, Builder, W, route

EIGHT = (
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
    "ap-south-1",
)
Shape = tuple[model.Topology, str, str]


def zone_of(region: str, number: int) -> str:
    return load_atlas().region(region).zones[number - 1].place


def named(made: Builder, **names: str) -> model.Topology:
    return msgspec.structs.replace(made.topology(), names=names)


def one_network() -> Shape:
    """Two zones with a translator in each, and a subnet with many hosts."""
    made = Builder()
    made.network("shop", "10.0.0.0/16")
    made.gateway("internet gateway", "shop")
    for number, zone in enumerate(ZONES[:2], 1):
        made.subnet(f"public {number}", "shop", f"10.0.{number}.0/24", zone=zone, table="public")
        made.subnet(
            f"app {number}", "shop", f"10.0.1{number}.0/24", zone=zone, table=f"app {number} table"
        )
        made.subnet(f"data {number}", "shop", f"10.0.2{number}.0/24", zone=zone)
        address = f"10.0.{number}.9"
        made.translator(f"nat {number}", f"public {number}", address, f"198.19.0.{number}")
        made.table(
            f"app {number} table",
            "shop",
            route("0.0.0.0/0", model.TRANSLATOR, f"nat {number}"),
        )
        for host in range(12 if number == 1 else 2):
            made.host(f"web {number} {host}", f"app {number}", f"10.0.1{number}.{20 + host}")
        made.host(f"database {number}", f"data {number}", f"10.0.2{number}.5")
    made.table("public", "shop", route("0.0.0.0/0", model.GATEWAY, "internet gateway"))
    return made.topology(), "web 1 0", "internet"


def hub_and_spokes() -> Shape:
    """Spokes that reach what is shared, and not each other."""
    made = Builder()
    made.hub("core")
    names = ["shared", "blue", "green", "red", "yellow"]
    for number, name in enumerate(names):
        _on_hub(made, "core", name, f"10.{number}", "spoke" if number else "shared table")
    made.hub_table("spoke", "core", p10_0_0_0__16="core shared")
    spokes = {f"p10_{number}_0_0__16": f"core {name}" for number, name in enumerate(names)}
    made.hub_table("shared table", "core", **spokes)
    return named(made, **{"blue 1 host": "app"}), "app", "shared 2 host"


def _on_hub(  # noqa: PLR0913 - where it is, and what it is attached to
    made: Builder, hub: str, name: str, space: str, table: str, *, region: str = W
) -> None:
    made.network(name, f"{space}.0.0/16", region=region)
    subnets = []
    for number in (1, 2):
        zone = zone_of(region, number)
        subnets.append(made.subnet(f"{name} {number}", name, f"{space}.{number}.0/24", zone=zone))
        made.host(f"{name} {number} host", f"{name} {number}", f"{space}.{number}.10")
    made.attach(hub, name, table, *subnets)
    made.table(f"{name} main", name, route("10.0.0.0/8", model.HUB, hub))


def mesh(*regions: str) -> Shape:
    """A hub with a network in each region, all joined."""
    made = Builder()
    routes: dict[str, dict[str, str]] = {}
    for number, region in enumerate(regions):
        made.hub(f"hub {region}", region)
        _on_hub(made, f"hub {region}", region, f"10.{number}", f"table {region}", region=region)
        routes[region] = {f"p10_{number}_0_0__16": f"hub {region} {region}"}
    for number, left in enumerate(regions):
        for far, right in enumerate(regions[:number]):
            there, back = made.join(
                f"hub {left}", f"hub {right}", f"table {left}", f"table {right}"
            )
            routes[left][f"p10_{far}_0_0__16"] = there
            routes[right][f"p10_{number}_0_0__16"] = back
    for region in regions:
        made.hub_table(f"table {region}", f"hub {region}", **routes[region])
    return made.topology(), f"{regions[0]} 1 host", f"{regions[-1]} 2 host"


def peers() -> Shape:
    """Three networks, one of them in another region, whose table leads nowhere."""
    made = Builder()
    for number, (name, region) in enumerate((("a", W), ("b", W), ("c", "eu-central-1"))):
        made.network(name, f"10.{number}.0.0/16", region=region)
        made.subnet(f"{name} 1", name, f"10.{number}.1.0/24", zone=zone_of(region, 1))
        made.host(f"{name} host", f"{name} 1", f"10.{number}.1.10")
    made.peering("ab", "a", "b", active=False)
    made.peering("ac", "a", "c")
    made.table("a main", "a", route("10.2.0.0/16", model.PEERING, "ac"))
    return made.topology(), "a host", "c host"


def sites() -> Shape:
    """A site by two pairs of tunnels on a hub, and another on a gateway of a network's own."""
    made = Builder()
    made.hub("core")
    for number, name in enumerate(("apps", "data", "more", "rest")):
        _on_hub(made, "core", name, f"10.{number}", "table")
        made.table(f"{name} main", name, route("192.168.0.0/16", model.HUB, "core"))
    for number, attachment in enumerate(("first", "first", "second", "second"), 1):
        made.lines[f"t{number}"] = model.Line(
            f"t{number}", "office", model.Ref("attachment", attachment), number != 2
        )
    made.attachments["first"] = model.Attachment("first", "core", model.LINE, "t1", (), "table")
    made.attachments["second"] = model.Attachment("second", "core", model.LINE, "t3", (), "table")
    made.network("old", "10.9.0.0/16")
    made.subnet("old 1", "old", "10.9.1.0/24")
    made.host("old host", "old 1", "10.9.1.10")
    to_plant = model.LineRoute("plant", ("192.168.2.0/24",), ("t5",))
    made.private_gateways["private"] = model.PrivateGateway("private", "old", (to_plant,))
    made.lines["t5"] = model.Line("t5", "plant", model.Ref(model.PRIVATE, "private"))
    for name, prefix in (("office", "192.168.1.0/24"), ("plant", "192.168.2.0/24")):
        to_hub = model.LineRoute("inside", ("10.0.0.0/8",), ("t1", "t3"))
        made.sites[name] = model.Site(name, W, (prefix,), (to_hub,) if name == "office" else ())
    made.hub_table("table", "core", p192_168_1_0__24="first", p10_0_0_0__16="core apps")
    return made.topology(), "apps 1 host", "192.168.1.7"


SHAPES: dict[str, Callable[[], Shape]] = {
    "one network": one_network,
    "hub and spokes": hub_and_spokes,
    "two regions": lambda: mesh(*EIGHT[:2]),
    "three regions": lambda: mesh(*EIGHT[:3]),
    "eight regions": lambda: mesh(*EIGHT),
    "peers": peers,
    "sites": sites,
}
