"""The hunt finds nothing in the protocol, and finds what is wrong in every broken one."""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.regional.dynamodb.model import Table
from antipodes.regional.dynamodb.strong import Strong
from antipodes.regional.dynamodb.strongregisters import Chosen, Refusal, Registers, State
from antipodes.regional.dynamodb.tables import TableStore
from antipodes.runtime.contract import Store
from tests.regional.dynamodb.stronghunt import hunt, life

pytestmark = pytest.mark.slow
SEEDS = (1, 2, 114, 268)  # the last two found a refusal of what had been accepted before
SEEDS_MAX = 40  # within which a broken protocol is found out


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_found_in_the_protocol(seed: int) -> None:
    """Slow: a minute of three regions, their clients and their troubles."""
    found = hunt(seed)
    assert found.wrong == []
    assert found.ok > found.unknown


@pytest.mark.parametrize("seed", range(1, 5))
def test_tables_are_made_and_ended_amid_trouble(seed: int) -> None:
    """Slow: half a minute of three regions in trouble."""
    assert life(seed) == 20


class Forgetful(Registers):
    """Promises, and what was accepted and not known to be chosen, are gone after a restart."""

    def __init__(self, store: Store, items: TableStore) -> None:
        super().__init__(store, items)
        for key, _ in store.scan(b"dynamodb/strong/r", b"dynamodb/strong/s"):
            store.delete(key)


class Undemanding(Registers):
    """Whatever is offered is taken, whatever it follows."""

    def offer(self, table: Table, value: Chosen) -> Refusal | None:
        return self.accept(table, value)


class Faithless(Registers):
    """Promises count for nothing when something is to be accepted."""

    def accept(self, table: Table, value: Chosen) -> Refusal | None:
        row_key = self.row_key(table, value.key_json)
        if self.state(row_key).version < value.version:
            self._hold(row_key, value, promised=value.version, chosen=False)
        return None


@pytest.mark.parametrize("registers", [Forgetful, Undemanding, Faithless])
def test_members_that_break_the_rules_are_found_out(
    registers: type[Registers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow: one hunt after the other, until one finds something."""
    monkeypatch.setattr(Strong, "registers_type", registers)
    assert any(_wrong())


def test_reads_that_ask_nobody_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow: one hunt after the other, until one finds something."""
    asking = Strong.read_state

    async def read_state(self: Strong, table: Table, key_json: bytes, until: float) -> State:
        state = self.registers.state(self.registers.row_key(table, key_json))
        return state if state.chosen else await asking(self, table, key_json, until)

    monkeypatch.setattr(Strong, "read_state", read_state)
    assert any(_wrong())


def test_accepting_before_anybody_else_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proposer's own acceptance must come last: until then nothing justifies its value.

    Slow: one hunt after the other, until one finds something.
    """
    offering = Strong._offer

    async def offer(self: Strong, table: Table, row_key: bytes, value: Chosen, *rest: Any) -> Any:
        self.registers.accept(table, value)
        return await offering(self, table, row_key, value, *rest)

    monkeypatch.setattr(Strong, "_offer", offer)
    assert any(_wrong())


def _wrong() -> Iterator[bool]:
    """Seed by seed, whether something was found: a wrong history, or a broken assertion."""
    for seed in range(1, SEEDS_MAX + 1):
        try:
            yield bool(hunt(seed).wrong)
        except AssertionError:
            yield True
