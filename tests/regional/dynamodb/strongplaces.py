"""Three regions with a strongly consistent table, in virtual time."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from antipodes.runtime.contract import Condition
from antipodes.service.contract import ServiceError
from tests.regional.dynamodb.replicas import Planet, Region, make_table, play

A, B, C = "us-east-1", "us-east-2", "us-west-2"
PLACES = (A, B, C)
# One way: as far as the real ones are from each other, roughly.
NEAR_S, FAR_S, FARTHER_S = 0.006, 0.025, 0.032
DISTANCES_S = {(A, B): NEAR_S, (B, C): FAR_S, (A, C): FARTHER_S}

Scenario = Callable[..., Coroutine[Any, Any, None]]


def strongly(scenario: Scenario, *, witness: str = "", seed: int = 1) -> None:
    """Run a scenario with a table `Items` that three regions agree on."""

    async def begin(planet: Planet, a: Region, b: Region, c: Region) -> None:
        await make_strong(planet, witness)
        await scenario(planet, a, b, c)

    play(begin, *PLACES, seed=seed)


async def make_strong(planet: Planet, witness: str = "") -> None:
    """Make the table in the first region, and wait until all three have it."""
    first, *others = planet.names
    await make_table(planet.regions[first])
    updates: dict[str, Any] = {
        "ReplicaUpdates": [{"Create": {"RegionName": o}} for o in others if o != witness]
    }
    if witness:
        updates["GlobalTableWitnessUpdates"] = [{"Create": {"RegionName": witness}}]
    await planet.regions[first].do("UpdateTable", MultiRegionConsistency="STRONG", **updates)
    await planet.wait_until(partial(all_members, planet, witness))


def all_members(planet: Planet, witness: str = "") -> bool:
    """Whether all regions know the table and all of its members."""
    for name, region in planet.regions.items():
        if name == witness:
            continue
        seen = region.statuses()
        if len(seen) != (2 if witness else 3) or set(seen.values()) != {"ACTIVE"}:
            return False
        described = region.dynamodb.describe(region.table())
        if witness and described["GlobalTableWitnesses"][0]["WitnessStatus"] != "ACTIVE":
            return False
    return True


async def ask(region: Region, operation: str, **request: Any) -> Any:
    """Call an operation; the answer, or the error as a value."""
    try:
        return await region.do(operation, **request)
    except ServiceError as error:
        return error


async def read(region: Region, key: str, *, strong: bool = True) -> str | None:
    """Read an item's value."""
    found = await region.do("GetItem", Key={"k": {"S": key}}, ConsistentRead=strong)
    value: str | None = found["Item"]["v"]["S"] if "Item" in found else None
    return value


async def add(region: Region, key: str, **more: Any) -> Any:
    """Count one more; the new count, or the error."""
    answer = await ask(
        region,
        "UpdateItem",
        Key={"k": {"S": key}},
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
        **more,
    )
    return answer if isinstance(answer, ServiceError) else int(answer["Attributes"]["n"]["N"])


def spread(planet: Planet) -> None:
    """Put the regions as far from each other as they are."""
    for (one, other), delay_s in DISTANCES_S.items():
        planet.links.change(one, other, Condition(delay_s))
        planet.links.change(other, one, Condition(delay_s))
