"""One action at work, as those who carry it out see it."""

from collections.abc import Mapping
from typing import NamedTuple

from antipodes.regional.fis.model import Action, Experiment


class Effect(NamedTuple):
    """One action at work: `name` is its own, `left_s` what is left of its duration, in seconds."""

    name: str
    account: str
    action: Action
    arns: tuple[str, ...]
    left_s: float

    @property
    def parameters(self) -> Mapping[str, str]:
        """The action's parameters."""
        return self.action.parameters


def effect_of(experiment: Experiment, name: str, left_s: float) -> Effect:
    """The effect of an experiment's action."""
    number = sorted(experiment.template.actions).index(name) + 1
    return Effect(
        f"fis-{experiment.id}-{number}",
        experiment.template.account,
        experiment.template.actions[name],
        experiment.arns(name),
        left_s,
    )
