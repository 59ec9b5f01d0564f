"""Pure functions from a history to findings, each with the calls that show it.

Every oracle takes a history, or the index of one (`Index`, made once when several are asked).
`service`: how people were served, RTO. `durability`: RPO, lost writes, divergence, resurrection,
last-writer-wins; `conflicts`: what that costs. `staleness` and `sessions`: what readers saw.
`linearizability`: strongly consistent reads, with `registers` and `search` as its two ways.
`counters`, `transactions`, `streams`: what DynamoDB promises inside a region. `traffic`, `paths`:
where bytes and calls went. An oracle looks at what was recorded only; whether that is enough to
judge is for the verdict.

docs/judgement.md has the definitions. Modelled on Jepsen and Elle (histories from outside; unknown
outcomes), Knossos and Porcupine (linearizability).
"""

from antipodes.drills.oracles.conflicts import overruled_writes
from antipodes.drills.oracles.counters import (
    Counter,
    Overcount,
    counters,
    counters_unseen,
    overcounts,
)
from antipodes.drills.oracles.durability import (
    OlderWon,
    Resurrection,
    diverged_keys,
    lost_writes,
    older_won,
    resurrected,
    unreplicated,
)
from antipodes.drills.oracles.index import Index, indexed, served
from antipodes.drills.oracles.linearizability import Anomaly, Linearizability, linearizable
from antipodes.drills.oracles.paths import Crossing, cross_region_calls, requests_traced
from antipodes.drills.oracles.service import (
    availability,
    availability_by_city,
    last_served_by,
    latency_by_city,
    missed_by_reason,
    percentile,
    rto_by_city,
    rto_unseen,
    served_by_phase,
)
from antipodes.drills.oracles.sessions import (
    Broken,
    monotonic_reads,
    own_reads,
    read_your_writes,
    repeated_reads,
)
from antipodes.drills.oracles.staleness import (
    Stale,
    Staleness,
    can_be_stale,
    distribution,
    stale,
    stale_reads,
    staleness,
    staleness_by_region,
)
from antipodes.drills.oracles.streams import StreamFlaw, stream_flaws
from antipodes.drills.oracles.traffic import (
    Cost,
    Departure,
    Residency,
    cost,
    region_of,
    residency,
)
from antipodes.drills.oracles.transactions import Half, Halves, half_transactions

__all__ = [
    "Anomaly",
    "Broken",
    "Cost",
    "Counter",
    "Crossing",
    "Departure",
    "Half",
    "Halves",
    "Index",
    "Linearizability",
    "OlderWon",
    "Overcount",
    "Residency",
    "Resurrection",
    "Stale",
    "Staleness",
    "StreamFlaw",
    "availability",
    "availability_by_city",
    "can_be_stale",
    "cost",
    "counters",
    "counters_unseen",
    "cross_region_calls",
    "distribution",
    "diverged_keys",
    "half_transactions",
    "indexed",
    "last_served_by",
    "latency_by_city",
    "linearizable",
    "lost_writes",
    "missed_by_reason",
    "monotonic_reads",
    "older_won",
    "overcounts",
    "overruled_writes",
    "own_reads",
    "percentile",
    "read_your_writes",
    "region_of",
    "repeated_reads",
    "requests_traced",
    "residency",
    "resurrected",
    "rto_by_city",
    "rto_unseen",
    "served",
    "served_by_phase",
    "stale",
    "stale_reads",
    "staleness",
    "staleness_by_region",
    "stream_flaws",
    "unreplicated",
]
