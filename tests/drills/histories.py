"""Small histories, built by hand."""

from antipodes.drills.history import History, Loss, Operation, Outcome

_numbers = iter(range(1_000_000))


def operation(  # noqa: PLR0913 - a test says what matters
    kind: str,
    key: str,
    value: str | None,
    start: float,
    end: float,
    *,
    city: str = "frankfurt",
    outcome: Outcome = Outcome.OK,
    served_by: str = "eu-central-1",
    session: str = "",
    strong: bool = False,
    trace: str = "",
    attempts: int = 1,
) -> Operation:
    return Operation(
        number=next(_numbers),
        city=city,
        kind=kind,
        key=key,
        value=value,
        start_s=start,
        end_s=end,
        latency_ms=(end - start) * 1e3,
        outcome=outcome,
        served_by=served_by,
        session=session,
        strong=strong,
        trace=trace,
        attempts=attempts,
    )


def history(
    *operations: Operation,
    final: dict[str, dict[str, str]] | None = None,
    losses: list[Loss] | None = None,
) -> History:
    return History(list(operations), [], [], losses or [], final or {})
