"""Which of a target group's usable targets gets the next request.

Round robin by default; or the one with the fewest requests under way; or any. A target that becomes
healthy while others are may begin slowly: for its time it takes its turn with a chance that grows
from nothing to one. Targets that find nobody else there skip that, and so does a restarted host.

Sources: Application Load Balancer guide, "Routing algorithms", "Slow start mode". Not published:
how the share grows from one request to the next; here it is a chance, so it shows in the mean.
"""

from collections.abc import Callable, Sequence

from antipodes.regional.elbv2 import attributes
from antipodes.regional.elbv2.model import Target, TargetGroup
from antipodes.runtime.contract import Runtime

Takes = Callable[[TargetGroup, Target], bool]
Key = tuple[str, str]


class Choosing:
    """The turns, the requests under way and the slow starts of one region's target groups."""

    def __init__(self, runtime: Runtime, takes: Takes) -> None:
        """`takes` says whether a target is healthy."""
        self._runtime = runtime
        self._takes = takes
        self.turns: dict[str, int] = {}  # by group
        self._under_way: dict[Key, int] = {}
        self._began: dict[Key, float] = {}
        self._chance = runtime.chance("elbv2/targets")

    def reconcile(self, group_of: Callable[[str], TargetGroup | None]) -> None:
        """Forget the turns of groups that are gone, and the slow starts of such targets."""
        for arn in [arn for arn in self.turns if group_of(arn) is None]:
            del self.turns[arn]
        for arn, target_key in list(self._began):
            group = group_of(arn)
            if group is None or all(one.key != target_key for one in group.registered()):
                del self._began[arn, target_key]

    def choose(self, group: TargetGroup, usable: Sequence[Target]) -> Target:
        """Choose among some targets, one at least."""
        if len(usable) == 1:
            return usable[0]
        algorithm = group.attributes.get(attributes.ALGORITHM)
        if algorithm == attributes.RANDOM:
            return self._chance.choice(usable)
        turn = self.turns[group.arn] = self.turns.get(group.arn, -1) + 1
        if algorithm == attributes.LEAST_OUTSTANDING:
            count = len(usable)
            turned = [usable[(turn + n) % count] for n in range(count)]
            return min(turned, key=lambda target: self._under_way.get(_key(group, target), 0))
        return self._in_turn(group, usable, turn)

    def _in_turn(self, group: TargetGroup, usable: Sequence[Target], turn: int) -> Target:
        slow_s = self._slow_s(group)
        chosen = usable[turn % len(usable)]
        if not slow_s or not self._began:
            return chosen
        for _ in range(len(usable)):
            warm = self._warmth(group, chosen, slow_s)
            if warm >= 1 or self._chance.random() < warm:
                break
            turn = self.turns[group.arn] = turn + 1
            chosen = usable[turn % len(usable)]
        return chosen

    def _slow_s(self, group: TargetGroup) -> float:
        return self._runtime.interval(float(group.attributes.get(attributes.SLOW_START, "0")))

    def _warmth(self, group: TargetGroup, target: Target, slow_s: float) -> float:
        key = _key(group, target)
        began = self._began.get(key)
        if began is None:
            return 1.0
        warm = (self._runtime.now() - began) / slow_s
        if warm >= 1:
            del self._began[key]
        return warm

    def health_changed(self, group: TargetGroup, target: Target, state: str) -> None:
        """A target has become healthy, or something else."""
        key = _key(group, target)
        self._began.pop(key, None)
        if state != "healthy" or group.attributes.get(attributes.SLOW_START, "0") == "0":
            return
        if any(one.key != target.key and self._takes(group, one) for one in group.registered()):
            self._began[key] = self._runtime.now()

    def begin(self, group: TargetGroup, target: Target) -> None:
        """A request goes to a target."""
        key = _key(group, target)
        self._under_way[key] = self._under_way.get(key, 0) + 1

    def end(self, group: TargetGroup, target: Target) -> None:
        """It is over."""
        key = _key(group, target)
        left = self._under_way.get(key, 0) - 1
        if left > 0:
            self._under_way[key] = left
        else:
            self._under_way.pop(key, None)


def _key(group: TargetGroup, target: Target) -> Key:
    return group.arn, target.key
