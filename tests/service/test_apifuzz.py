"""A short run of the edge's fuzzer; `make fuzz-edge` runs a long one."""

import pytest

from antipodes.service.numbers import whole_number
from tests.service.apifuzzing import NOT_OFFERED, OK, fuzz


def test_no_request_however_broken_is_answered_with_a_fault_of_ours_nor_leaves_anything() -> None:
    found = fuzz(500, seed=7)
    assert not found.faults
    assert found.answers[OK] + found.answers[201] > 50, "too few make sense to show anything"
    assert found.answers[400] > 200
    assert found.answers[NOT_OFFERED] > 5


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("17", 17), ("", -1), ("-1", -1), ("²", -1), ("٣", -1), ("9" * 5000, -1)],
)
def test_only_short_texts_of_plain_digits_are_numbers(text: str, number: int) -> None:
    assert whole_number(text) == number
