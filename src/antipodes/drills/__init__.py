"""Break it on purpose; judge what happened, from outside.

A drill is a short file: a world, an application, load from cities, a timeline of faults, and what
is expected. `format` reads it, `load` makes the requests and keeps the history, `stage` is the way
to a running world, `oracles` are pure functions from the history to findings, `verdict` weighs
them against the expectations, `report` and `table` show them. Modelled on Jepsen (histories, then
verdicts; an unknown outcome stays unknown) and on FoundationDB's workloads.
"""
