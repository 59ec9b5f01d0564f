"""Laws of the routing decision, and the guide's own examples."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from antipodes.edge.globalaccelerator.model import Endpoint, Group, Listener
from antipodes.edge.globalaccelerator.routing import Decision, Flow, decide, nearest_first

REGIONS = ("us-west-2", "us-east-1", "eu-central-1", "ap-northeast-1", "sa-east-1")
WEST, EAST = REGIONS[:2]
FLOWS = st.builds(
    Flow,
    client_ip=st.ip_addresses(v=4).map(str),
    client_port=st.integers(1024, 65535),
    address=st.sampled_from(("198.18.0.1", "198.18.128.1")),
    port=st.just(80),
)


def arn(region: str, number: int = 0) -> str:
    return (
        f"arn:aws:elasticloadbalancing:{region}:000000000000:loadbalancer/app/front/{number:016x}"
    )


ARNS = [arn(region) for region in REGIONS]


def group(region: str, *weights: int, dial: float = 100.0) -> Group:
    endpoints = tuple(
        Endpoint(arn(region, n), region, f"elb/{n}", arn(region, n), weight)
        for n, weight in enumerate(weights)
    )
    return Group(region, region, dial=dial, endpoints=endpoints)


def listener(*groups: Group, affinity: str = "NONE") -> Listener:
    return Listener("1", ((80, 80),), affinity, groups)


def flows(count: int) -> list[Flow]:
    return [
        Flow(f"198.19.{128 + n // 250}.{n % 250}", 2000 + n, "198.18.0.1", 80) for n in range(count)
    ]


def decided(
    made: Listener, ranking: Sequence[str], sick: Sequence[str], flow: Flow
) -> Decision | None:
    groups = nearest_first(made, ranking)
    return decide(made.affinity, groups, lambda known: known not in sick, flow)


def choose(
    given_listener: Listener,
    flow: Flow,
    *,
    ranking: Sequence[str] = REGIONS,
    unhealthy: Sequence[str] = (),
) -> Decision:
    found = decided(given_listener, ranking, unhealthy, flow)
    assert found is not None
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[Listener, list[str], list[str], Flow]:
    """A listener, a ranking of regions, unhealthy endpoints, a flow."""
    regions = draw(st.lists(st.sampled_from(REGIONS), min_size=1, unique=True))
    groups = [
        group(
            region,
            *draw(st.lists(st.integers(0, 255), max_size=3)),
            dial=draw(st.sampled_from((0.0, 10.0, 50.0, 100.0))),
        )
        for region in regions
    ]
    made = listener(*groups, affinity=draw(st.sampled_from(("NONE", "SOURCE_IP"))))
    arns = [endpoint.arn for g in groups for endpoint in g.endpoints]
    sick = [known for known in arns if draw(st.booleans())]
    return made, draw(st.permutations(REGIONS)), sick, draw(FLOWS)


@given(cases())
def test_a_decision_is_repeatable_and_names_an_endpoint_of_its_region(
    case: tuple[Listener, list[str], list[str], Flow],
) -> None:
    made, ranking, sick, flow = case
    first, second = (decided(made, ranking, sick, flow) for _ in range(2))
    assert first == second
    if not any(g.endpoints for g in made.groups):
        assert first is None
    else:
        assert first is not None
        assert first.endpoint.region == first.group.region
        assert any(first.endpoint in g.endpoints for g in made.groups)


@given(cases())
def test_with_no_more_than_three_groups_a_usable_endpoint_anywhere_is_used(
    case: tuple[Listener, list[str], list[str], Flow],
) -> None:
    made, ranking, sick, flow = case
    few = Listener(made.id, made.ports, made.affinity, made.groups[:3])
    usable = [e for g in few.groups for e in g.endpoints if e.weight > 0 and e.arn not in sick]
    found = decided(few, ranking, sick, flow)
    if usable:
        assert found is not None
        assert found.endpoint in usable
        assert found.reason != "fail open"
    elif found is not None:
        nearest = min((g.region for g in few.groups if g.endpoints), key=ranking.index)
        assert (found.region, found.reason) == (nearest, "fail open")


@given(st.permutations(REGIONS), FLOWS)
def test_no_more_than_three_groups_are_tried(ranking: list[str], flow: Flow) -> None:
    groups = tuple(group(region, 1) for region in REGIONS)
    healthy_only = arn(ranking[3])  # the fourth nearest
    made = listener(*groups)
    found = decided(made, ranking, [a for a in ARNS if a != healthy_only], flow)
    assert found is not None
    assert (found.region, found.reason) == (ranking[0], "fail open")
    third = arn(ranking[2])
    found = decided(made, ranking, [a for a in ARNS if a != third], flow)
    assert found is not None
    assert found.region == ranking[2]


@given(st.permutations(REGIONS), FLOWS)
def test_with_all_dials_at_100_the_nearest_healthy_group_is_chosen(
    ranking: list[str], flow: Flow
) -> None:
    made = listener(*(group(region, 128) for region in REGIONS))
    assert choose(made, flow, ranking=ranking).region == ranking[0]
    second = choose(made, flow, ranking=ranking, unhealthy=[arn(ranking[0])])
    assert second.region == ranking[1]
    assert second.reason == f"failover from {ranking[0]}"


@given(cases(), st.integers(1024, 65535))
def test_source_affinity_does_not_see_the_clients_port(
    case: tuple[Listener, list[str], list[str], Flow], port: int
) -> None:
    made, ranking, sick, flow = case
    sticky = Listener(made.id, made.ports, "SOURCE_IP", made.groups)
    other = flow._replace(client_port=port)
    assert decided(sticky, ranking, sick, flow) == decided(sticky, ranking, sick, other)


def test_without_affinity_the_clients_port_matters() -> None:
    made = listener(group(WEST, 1, 1))
    chosen = {choose(made, flows(1)[0]._replace(client_port=port)).endpoint for port in range(99)}
    assert len(chosen) == 2


def test_without_affinity_the_protocol_matters() -> None:
    made = listener(group(WEST, 1, 1))
    pairs = [(flow, flow._replace(protocol="UDP")) for flow in flows(50)]
    assert any(choose(made, tcp).endpoint != choose(made, udp).endpoint for tcp, udp in pairs)


def test_with_all_dials_at_0_even_the_farthest_healthy_group_serves() -> None:
    """Not documented by AWS; see the service's page."""
    made = listener(*(group(region, 128, dial=0) for region in REGIONS))
    for flow in flows(20):
        assert choose(made, flow, unhealthy=ARNS[:-1]).region == REGIONS[-1]


def test_weights_are_shares() -> None:
    """Four endpoints of weights 4, 5, 5, 6, as in the guide's "Endpoint weights"."""
    made = listener(group(WEST, 4, 5, 5, 6))
    served = Counter(choose(made, flow).endpoint.weight for flow in flows(4000))
    for weight, share in ((4, 0.2), (5, 0.5), (6, 0.3)):
        assert abs(served[weight] / 4000 - share) < 0.04


def test_the_fail_open_group_may_differ_from_the_one_the_dials_chose() -> None:
    made = listener(group(WEST, 128, dial=0), group(EAST, 128))
    assert choose(made, flows(1)[0]).region == EAST
    opened = choose(made, flows(1)[0], unhealthy=[arn(WEST), arn(EAST)])
    assert (opened.region, opened.reason) == (WEST, "fail open")


def test_a_single_group_takes_everything_at_any_dial() -> None:
    """Not documented by AWS; see the service's page."""
    for dial in (0.0, 30.0):
        made = listener(group(WEST, 128, dial=dial))
        assert {choose(made, flow).region for flow in flows(50)} == {WEST}
