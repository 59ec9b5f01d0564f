"""What accounts may use of each other's."""

from hypothesis import given
from hypothesis import strategies as st

from antipodes.runtime.virtual import Simulation
from antipodes.service.sharing import Grant, Sharing
from tests.runtime.worlds import FakeLinks

KIND = "ec2:Subnet"
grants = st.lists(
    st.builds(Grant, st.sampled_from("pqr"), st.just(KIND), st.sampled_from("123")), max_size=5
)


@given(st.lists(grants, max_size=4))
def test_what_was_told_last_holds_and_nothing_else(told: list[list[Grant]]) -> None:
    simulation = Simulation(FakeLinks(0.0), seed=1)
    try:
        sharing = Sharing(simulation.boot("us-west-2").open_store("main"))
        other = Grant("p", KIND, "9")
        sharing.tell("other", [other])
        for one in told:
            sharing.tell("owner", one)
        last = told[-1] if told else []
        for user in "pqr":
            wanted = {(one.id, "owner") for one in last if one.to == user}
            wanted |= {("9", "other")} if user == "p" else set()
            assert set(sharing.given(user, KIND)) == wanted
            for name in "123":
                owner = sharing.owner(user, KIND, name)
                assert owner == ("owner" if Grant(user, KIND, name) in last else "")
        for name in "123":
            assert sharing.is_given("owner", KIND, name) == any(one.id == name for one in last)
    finally:
        simulation.close()
