"""What zones were like is kept for who goes by it, and for nobody else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from antipodes.edge.route53.model import CidrCollection, HostedZone, RecordSet
from antipodes.edge.route53.zones import Zone, Zones
from antipodes.fabric.dns.names import to_wire
from antipodes.fabric.dns.rdata import RTYPES
from tests.edge.route53.asked import a

PLACES = 3
NAMES = ("a", "b.a", "c.b.a", "\\052.d")
ASKED = ("a", "b.a", "c.b.a", "x.d", "d", "nothing")
NAME = to_wire("example.com")


class Told:
    """Places that hear of the same zones, and how many of them do so late or not at all."""

    def __init__(self, *, forgets: bool) -> None:
        self.zones = Zones()
        self.version = [0] * PLACES
        self._coming: list[list[int]] = [[] for _ in range(PLACES)]
        self._cut = [False] * PLACES
        self._forgets = forgets
        self._number = 0
        self.edit("zone", 0)

    def edit(self, what: str, value: int) -> None:
        """Change something; whom it is told to, by number."""
        zones, version = self.zones, self.zones.advance()
        zone_id = f"Z{self._number}"
        if what == "zone":
            zones.delete_zone(zone_id)
            self._number += 1
            zones.put_zone(HostedZone(f"Z{self._number}", "1", "example.com.", ("ns",)))
        elif what == "put":
            zones.change(zone_id, [a(NAMES[value], f"192.0.2.{version % 256}")], ())
        elif what == "delete":
            zones.change(zone_id, (), [a(NAMES[value], "192.0.2.1").key])
        else:
            collection = CidrCollection("c", "1", "c", version=version) if value else None
            zones.put_collection("c", collection)
        for coming, cut in zip(self._coming, self._cut, strict=True):
            coming[:] = [version] if cut else [*coming, version]
        self._forget()

    def hear(self, place: int) -> None:
        """A place hears of what was told it next."""
        coming = self._coming[place]
        if coming and not self._cut[place]:
            self.version[place] = coming.pop(0)
            self._forget()

    def cut(self, place: int) -> None:
        """Cut a place off, or heal that; what is on its way is the newest."""
        self._cut[place] = not self._cut[place]
        self._coming[place] = self._coming[place][-1:]

    def _forget(self) -> None:
        if self._forgets:
            both = list(zip(self.version, self._cut, strict=True))
            reached = [version for version, cut in both if not cut]
            stragglers = [version for version, cut in both if cut]
            self.zones.forget(min(reached, default=self.zones.version), stragglers)

    def known(self, place: int) -> list[tuple[bytes, tuple[RecordSet, ...] | None]]:
        """What a place finds for every name, and the version of the collection."""
        version = self.version[place]
        zone = self.zones.find(NAME, version)
        found: list[tuple[bytes, tuple[RecordSet, ...] | None]] = []
        for name in ASKED if zone is not None else ():
            assert zone is not None
            match = zone.match(to_wire(f"{name}.example.com"), RTYPES["A"], version)
            found.append((match.owner, match.node.sets if match.node is not None else None))
        collection = self.zones.collection("c", version)
        return [*found, (b"%d" % (collection.version if collection is not None else -1), None)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["put", "delete"]), st.integers(0, len(NAMES) - 1)),
        st.tuples(st.just("collection"), st.integers(0, 1)),
        st.tuples(st.just("zone"), st.just(0)),
        st.tuples(st.sampled_from(["hear", "hear", "cut"]), st.integers(0, PLACES - 1)),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_nobody_misses_what_was_forgotten(steps: list[tuple[str, int]]) -> None:
    forgetful, thorough = Told(forgets=True), Told(forgets=False)
    for what, value in steps:
        for told in (forgetful, thorough):
            if what == "hear":
                told.hear(value)
            elif what == "cut":
                told.cut(value)
            else:
                told.edit(what, value)
        for place in range(PLACES):
            assert forgetful.known(place) == thorough.known(place)


def past(zone: Zone) -> int:
    """How many nodes a zone has that were replaced."""
    count = 0
    for node in zone.nodes.values():
        older = node.before
        while older is not None:
            count, older = count + 1, older.before
    return count


def test_who_is_cut_off_for_long_costs_no_more_than_what_he_knows() -> None:
    told = Told(forgets=True)
    told.edit("put", 0)
    for place in range(PLACES):
        told.hear(place)
        told.hear(place)
    told.cut(0)
    for number in range(200):
        told.edit("put", number % len(NAMES))
        told.edit("delete", (number + 1) % len(NAMES))
        told.edit("collection", number % 2)
        for place in (1, 2):
            for _ in range(3):
                told.hear(place)
        (zone,) = told.zones
        assert past(zone) <= len(NAMES) + 2  # and the names above them
    owner, sets = told.known(0)[0]
    assert owner == to_wire("a.example.com")
    assert sets == (a("a", "192.0.2.2"),)
