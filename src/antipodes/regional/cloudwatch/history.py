"""What happened to alarms: kept for thirty days, also of alarms that are gone.

One list per account, by a number that only grows, so that a clock put wrong changes no order.
"""

from typing import Any

import msgspec

from antipodes.runtime.contract import Store

KEPT_S = 30 * 86_400.0
ITEMS_MAX = 10_000  # of an account; our own limit
_FORGOTTEN_AT_ONCE = 8

CONFIGURATION, STATE, ACTION = "ConfigurationUpdate", "StateUpdate", "Action"


class Item(msgspec.Struct, frozen=True):
    """One thing that happened."""

    alarm: str
    kind: str
    at: float
    summary: str
    data: str

    def describe(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "AlarmName": self.alarm,
            "AlarmType": "MetricAlarm",
            "Timestamp": self.at,
            "HistoryItemType": self.kind,
            "HistorySummary": self.summary,
            "HistoryData": self.data,
        }


class History:
    """The history of the alarms of one host."""

    def __init__(self, store: Store, kept_s: float) -> None:
        self._store = store
        self._kept_s = kept_s
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Item).decode

    @staticmethod
    def _key(account: str, number: int) -> bytes:
        return f"cloudwatch/history\x00{account}\x00".encode() + number.to_bytes(8, "big")

    def _all(self, account: str, *, limit: int = 0, reverse: bool = False) -> list[Any]:
        start, stop = self._key(account, 0), self._key(account, 2**64 - 1)
        return self._store.scan(start, stop, limit=limit, reverse=reverse)

    def add(self, account: str, item: Item) -> None:
        """Keep an item; forget some of those that are too old or too many."""
        last = self._all(account, limit=1, reverse=True)
        number = int.from_bytes(last[0][0][-8:], "big") + 1 if last else 1
        self._store.put(self._key(account, number), self._encode(item))
        for key, value in self._all(account, limit=_FORGOTTEN_AT_ONCE):
            too_many = int.from_bytes(key[-8:], "big") <= number - ITEMS_MAX
            if too_many or self._decode(value).at < item.at - self._kept_s:
                self._store.delete(key)

    def items(self, account: str, now: float) -> list[tuple[int, Item]]:
        """Return (number, item) of what is kept, the oldest first."""
        found = [(int.from_bytes(k[-8:], "big"), self._decode(v)) for k, v in self._all(account)]
        return [(number, item) for number, item in found if item.at >= now - self._kept_s]
