"""A bug planted in replication: after a broken connection, it asks for one entry too few."""

from typing import Any

from antipodes.replication import follower


def skip_one_after_a_break(monkeypatch: Any) -> None:
    """Make every follower ask for what comes after the next entry, where it had any before."""
    send = follower._send

    def wrong(connection: Any, message: Any) -> None:
        if message[0] == "follow" and message[3] > 0:
            message = [*message[:3], message[3] + 1, *message[4:]]
        send(connection, message)

    monkeypatch.setattr(follower, "_send", wrong)
