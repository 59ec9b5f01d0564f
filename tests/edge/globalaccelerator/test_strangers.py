"""Requests made up from botocore's model are answered, or refused by their operation's own errors.

Names that were told once are used again where they fit by their members' names, and where not.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.runtime.contract import Chance
from antipodes.service.contract import ServiceError
from tests.edge.globalaccelerator.worlds import MODEL, E, Stage, W, play

REQUESTS = 1500
OTHER = "111111111111"
# Not in the model of the operation, but what else could it say of an attachment?
TAGGING = {"TagResource", "UntagResource"}
WORDS = (
    "a",
    "x-1",
    "203.0.113.0/24",
    "172.31.0.9",
    "203.0.113.9",
    OTHER,
    W,
    E,
    "0",
    "/ok",
    "\u00e9",
)


class Stranger:
    """Somebody who asks for anything."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.told: list[tuple[str, str]] = [("EndpointGroupRegion", W), ("EndpointGroupRegion", E)]

    def value(self, shape: Any, name: str = "") -> Any:
        """Some value of a shape."""
        chance, kind = self.chance, shape.type_name
        if kind == "structure":
            required = shape.required_members
            return {
                member: self.value(of, member)
                for member, of in shape.members.items()
                if member in required or chance.random() < 0.6
            }
        if kind == "list":
            return [self.value(shape.member, name) for _ in range(chance.choice((0, 1, 1, 2, 3)))]
        if kind == "boolean":
            return chance.random() < 0.5
        if kind == "string":
            return self.text(shape, name)
        low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 100)
        return chance.choice((low, high, chance.randint(low, high)))

    def text(self, shape: Any, name: str) -> str:
        """Something from the enumeration, something told before, or a word."""
        if shape.enum:
            return str(self.chance.choice(shape.enum))
        lowered = name.lower()
        fitting = [
            text
            for member, text in self.told
            if member.lower() in lowered or lowered in member.lower()
        ]
        if fitting and self.chance.random() < 0.9:
            return self.chance.choice(fitting[-12:])
        return self.chance.choice((*WORDS, *(text for _, text in self.told[-9:])))

    def hear(self, answer: Any, name: str = "") -> None:
        """Remember the names in an answer."""
        if isinstance(answer, str):
            if name.endswith(("Arn", "Id", "Cidr")):
                self.told.append((name, answer))
            return
        for member, part in _parts(answer, name):
            self.hear(part, member)


def _parts(answer: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(answer, dict):
        yield from answer.items()
    elif isinstance(answer, list):
        yield from ((name, part) for part in answer)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_asked_is_answered_or_refused_by_its_own_errors(seed: int) -> None:
    async def scenario(stage: Stage) -> None:
        stranger = Stranger(stage.simulated.outside.chance("stranger"))
        for region in stage.regions:
            stranger.told.append(("EndpointId", await stage.bare_balancer(region)))
            stranger.told.append(("EndpointId", (await stage.elastic(region))[0]))
        answered: dict[str, None] = {}
        wrong: list[Any] = []
        for _ in range(REQUESTS):
            operation = stranger.chance.choice(MODEL.operation_names)
            model = MODEL.operation_model(operation)
            request = stranger.value(model.input_shape)
            try:
                stranger.hear(await stage.call(operation, **request))
                answered[operation] = None
            except ServiceError as error:
                own = {shape.name for shape in model.error_shapes}
                if operation in TAGGING:
                    own.add("AttachmentNotFoundException")
                if error.code not in {*own, "ValidationException", "NotImplemented"}:
                    wrong.append((operation, error.code, request))
            if stranger.chance.random() < 0.02:
                await stage.wait(70)
        assert wrong == []
        assert len(answered) > 20

    play(scenario, seed=seed)
