"""A short run of the fuzzer; `make fuzz` runs a long one."""

from antipodes.service.contract import Settings
from tests.regional.dynamodb.fuzzing import NOT_OFFERED, OK, fuzz


def test_no_request_however_broken_is_answered_with_a_fault_of_ours() -> None:
    found = fuzz(2_500, seed=7)
    assert not found.faults
    assert found.answers[OK] > 100, "too few requests make sense to show anything"
    assert found.answers[400] > 1_000
    assert found.answers[NOT_OFFERED] > 50


def test_nor_is_one_where_capacity_is_metered() -> None:
    found = fuzz(1_500, seed=8, settings=Settings(throttling=True))
    assert not found.faults
    assert found.answers[OK] > 100
