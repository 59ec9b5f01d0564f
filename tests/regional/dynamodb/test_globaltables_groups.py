"""The laws of replica groups: they merge alike in any order; tombstones go when it is safe."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.dynamodb.groups import (
    ACTIVE,
    CREATING,
    DELETED,
    DELETING,
    FAILED,
    Group,
    Member,
    merge_groups,
)
from antipodes.regional.dynamodb.marks import settled
from antipodes.regional.dynamodb.model import Replica
from antipodes.regional.dynamodb.settings import Setting, Settings, overrides_of
from antipodes.replication.versions import TIME_MAX, Version

REGIONS = ("ap-south-1", "eu-central-1", "us-west-2")
STATUSES = (CREATING, ACTIVE, FAILED, DELETING, DELETED)


def member(version: Version) -> Member:
    """One version is one state: derived from it."""
    return Member(STATUSES[(version.time + len(version.region)) % len(STATUSES)], version)


def settings(versions: list[Version]) -> Settings:
    """Some of the settings; again one version is one value."""
    names = ("write", "reads", "reads@ap-south-1", "index/one")
    return {
        names[(v.time + number) % len(names)]: Setting(v, v.time + len(v.region))
        for number, v in enumerate(versions)
    }


versions = st.builds(Version, st.integers(0, 5), st.sampled_from(REGIONS))
groups = st.builds(
    Group,
    account=st.just("000000000000"),
    name=st.just("Items"),
    born=st.sampled_from([Version(0, "us-west-2")] * 4 + [Version(1, "us-west-2")]),
    key_names=st.just(("k",)),
    key_types=st.just(("S",)),
    settings=st.lists(versions, max_size=3).map(settings),
    members=st.dictionaries(st.sampled_from(REGIONS), versions.map(member), min_size=1),
)


@given(groups, groups, groups)
def test_merging_is_commutative_associative_and_idempotent(a: Group, b: Group, c: Group) -> None:
    assert merge_groups(a, b) == merge_groups(b, a)
    assert merge_groups(merge_groups(a, b), c) == merge_groups(a, merge_groups(b, c))
    assert merge_groups(a, a) == a


@given(st.lists(groups, min_size=1).flatmap(lambda g: st.tuples(st.just(g), st.permutations(g))))
def test_news_in_any_order_ends_alike(orders: tuple[list[Group], list[Group]]) -> None:
    told, shuffled = orders
    ended = reduce(merge_groups, told)
    assert reduce(merge_groups, [*shuffled, *told]) == ended
    assert ended.born == max(group.born for group in told)


@given(groups, groups)
def test_of_each_setting_the_later_value_stands(a: Group, b: Group) -> None:
    merged = merge_groups(a, b)
    for name, setting in merged.settings.items():
        known = [g.settings[name] for g in (a, b) if g.born == merged.born and name in g.settings]
        assert setting.version == max(one.version for one in known)


def test_a_replicas_own_value_stands_until_all_get_another() -> None:
    early, late = Version(1, "a"), Version(2, "a")
    own = {"reads": Setting(early, 5), "reads@b": Setting(late, 7), "class@b": Setting(late, "X")}
    assert overrides_of(own, "b") == {"reads": 7, "class": "X"}
    assert overrides_of(own, "a") == {}
    assert overrides_of({**own, "reads": Setting(Version(3, "a"), 9)}, "b") == {"class": "X"}


def group_of(**members: Member) -> Group:
    """A group of regions whose names are short."""
    born = Version(1, "a")
    return Group("000000000000", "Items", born, ("k",), ("S",), settings([born]), members)


def test_a_region_sees_the_others() -> None:
    version = Version(1, "a")
    group = group_of(
        c=Member(CREATING, version), a=Member(ACTIVE, version), b=Member(DELETED, version)
    )
    assert group.seen_from("a") == (Replica("c", CREATING),)
    assert group.seen_from("c") == (Replica("a", ACTIVE),)
    assert group.status("b") == group.status("never") == DELETED


def test_a_time_is_settled_when_every_member_has_passed_it_of_every_member() -> None:
    group = group_of(a=Member(ACTIVE, Version(1, "a")), b=Member(ACTIVE, Version(2, "a")))
    passed = {"a": {"a": 9, "b": 7}, "b": {"a": 6, "b": 8}}
    assert settled(group, lambda region: passed[region]) == 6
    passed["b"] = {"b": 8}
    assert settled(group, lambda region: passed[region]) == 0


def test_nothing_is_settled_by_a_word_given_before_the_member_was_what_it_is() -> None:
    passed = {"a": {"a": 9, "b": 7}, "b": {"a": 6, "b": 8}}
    late = group_of(a=Member(ACTIVE, Version(1, "a")), b=Member(ACTIVE, Version(10, "b")))
    assert settled(late, lambda region: passed[region]) == 0
    filling = group_of(a=Member(ACTIVE, Version(1, "a")), b=Member(CREATING, Version(2, "a")))
    assert settled(filling, lambda region: passed[region]) == 0


def test_of_a_replica_that_is_gone_all_must_have_heard_the_end() -> None:
    group = group_of(a=Member(ACTIVE, Version(1, "a")), b=Member(DELETED, Version(7, "b")))
    assert settled(group, lambda _: {"a": 9, "b": 6}) == 0
    assert settled(group, lambda _: {"a": 9, "b": 7}) == 9
    failed = group_of(a=Member(ACTIVE, Version(1, "a")), b=Member(FAILED, Version(7, "b")))
    assert settled(failed, lambda _: {"a": 9}) == 9
    assert settled(group_of(b=Member(DELETED, Version(7, "b"))), lambda _: {}) == TIME_MAX
