"""Lists in pages, and identifiers."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.runtime.chances import named_chance
from antipodes.service.drawing import hex_digits, uuid
from antipodes.service.paging import InvalidToken, page_at


@given(st.lists(st.integers(), max_size=20), st.integers(1, 25))
def test_pages_are_the_whole_list_and_end(items: list[int], size: int) -> None:
    found: list[int] = []
    token = None
    for _ in range(len(items) + 1):
        page, token = page_at(items, token, size)
        assert len(page) <= size
        found += page
        if not token:
            break
    assert not token
    assert found == items


@pytest.mark.parametrize("token", ["x", "-1", "4", "1_0", " 1", "\u0661", "9" * 300])
def test_a_token_that_nobody_gave_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        page_at([1, 2, 3], token, 2)


@given(st.integers(0, 1000))
def test_identifiers_have_their_form(seed: int) -> None:
    chance = named_chance(seed, "identifiers")
    drawn = UUID(uuid(chance))
    assert drawn.version == 4
    assert drawn.variant == "specified in RFC 4122"
    assert len(hex_digits(chance, 5)) == 5
