"""Customers' sites: what a file may say of them, how far they are, and whose an address is."""

import pytest

from antipodes.world.atlas import Site, load_atlas
from antipodes.world.errors import InvalidWorld
from antipodes.world.sites import SitePart, made_of, read_sites, written
from antipodes.world.world import World

CALL_CENTRE = """
[[site]]
name = "call-centre"
near = "london"
networks = ["10.20.0.0/16"]
listen = { "10.20.0.5:5060" = "127.0.0.1:9000", "10.21.0.1:80" = "127.0.0.1:9001" }

[[site]]
name = "depot"
lat = 48.1
lon = 11.6
listen = { "10.30.0.1:80" = "127.0.0.1:9002" }
link = "internet"
"""


def a_world(text: str = CALL_CENTRE) -> World:
    return World(load_atlas(), ("eu-west-2", "us-west-2"), sites=read_sites(text))


def test_a_site_is_near_a_city_or_at_a_point() -> None:
    first, second = read_sites(CALL_CENTRE)
    london = load_atlas().city("london")
    assert (first.name, first.lat, first.country, first.link) == (
        "call-centre",
        london.lat,
        "GB",
        "private",
    )
    assert first.networks == ("10.20.0.0/16", "10.21.0.1/32")
    assert (second.lat, second.lon, second.link) == (48.1, 11.6, "internet")
    assert second.networks == ("10.30.0.1/32",)


def test_an_address_leads_to_one_site_or_none() -> None:
    world = a_world()
    assert world.site_of("10.20.255.1") == "site/call-centre"
    assert world.site_of("10.21.0.1") == "site/call-centre"
    assert world.site_of("10.30.0.1") == "site/depot"
    assert world.site_of("10.21.0.2") is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("london", "atlantis"), "call-centre: near"),
        (('near = "london"', ""), "either what city"),
        (('near = "london"', 'near = "london"\nlat = 1.0\nlon = 1.0'), "either what city"),
        (('near = "london"', 'near = "london"\nlon = 1.0'), "either what city"),
        (("10.20.0.0/16", "10.20.0.1/16"), "no network"),
        (("10.20.0.0/16", "8.8.0.0/16"), "not private"),
        (("10.21.0.1:80", "8.8.8.8:80"), "not a private address"),
        (("10.20.0.0/16", "172.16.0.0/12"), "172.31.0.0/16 is the default network of regions"),
        (("10.21.0.1:80", "172.31.0.5:80"), "172.31.0.0/16 is the default network of regions"),
        (("10.21.0.1:80", "10.21.0.1"), "no address and port"),
        (("10.21.0.1:80", "10.21.0.1:70000"), "no address and port"),
        (("127.0.0.1:9001", "192.168.0.1:9001"), "not an address of this machine"),
        (('"internet"', '"carrier-pigeon"'), "link is private or internet"),
        (("10.30.0.1:80", "10.20.0.9:80"), "both have addresses"),
        (("[[site]]", "[[sites]]"), "tables [[site]]"),
        (("near =", "close ="), "unknown field"),
        (("]]", "]"), "sites:"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(change: tuple[str, str], complaint: str) -> None:
    text = CALL_CENTRE.replace(*change)
    with pytest.raises(InvalidWorld) as caught:
        read_sites(text)
    assert complaint in str(caught.value)


def test_a_private_link_leads_over_the_backbone() -> None:
    """A little longer than from the nearest edge location, and the same with any seed."""
    private, public = (Site("s", 51.5, -0.12, "GB", link=link) for link in ("private", "internet"))
    regions = ("eu-west-2", "us-west-2", "ap-southeast-2")
    way = {
        link: World(load_atlas(), regions, sites=(site,))
        for link, site in (("private", private), ("internet", public))
    }
    for region in regions:
        rtt_ms = way["private"].rtt_ms("site/s", region)
        assert rtt_ms == way["private"].rtt_ms("site/s", f"{region}/{_zone(region)}")
        edge = way["private"].nearest_edge("site/s")
        backbone_ms = way["private"].rtt_ms(edge, region)
        assert backbone_ms < rtt_ms < backbone_ms + 10
        other = World(load_atlas(), regions, seed=9, sites=(private,))
        assert other.rtt_ms("site/s", region) == rtt_ms
        assert way["internet"].rtt_ms("site/s", region) != rtt_ms
    # To cities and edge locations it is as far as over the internet.
    for place in ("city/london", "edge/FRA"):
        assert way["private"].rtt_ms("site/s", place) == way["internet"].rtt_ms("site/s", place)


def _zone(region: str) -> str:
    return load_atlas().region(region).zones[0].id


def test_what_is_written_is_read_again() -> None:
    parts = [
        SitePart("a", near="london", listen={"10.0.0.1:80": "127.0.0.1:9"}),
        SitePart("b", lat=1.5, lon=-2.0, networks=("10.1.0.0/16",), link="internet"),
    ]
    assert read_sites(written(parts)) == made_of(parts, load_atlas())
