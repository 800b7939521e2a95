"""What the contract asks for, computed without a look at the operator's code.

Only what the demo's policy uses: Production, 20 connections each, a buffer of 50, two tiers with a
hysteresis of 10, two poolers, restart policies Auto and Immediate.
"""

import dataclasses

BUFFER = 50
TIERS = ((50, 150), (100, 200))  # instances, pool
HYSTERESIS = 10
POOLERS = 2
OTHERS_FLOOR = 10
RESERVED = 3


@dataclasses.dataclass(frozen=True)
class Expected:
    """The state at rest after one change of the number of instances."""

    instances: int
    route: str  # Direct or Pooler
    target: int
    max_connections: int
    pool: int  # 0: no pooler
    waits: str  # why max_connections is not the target; empty: it is

    @property
    def caps(self):
        return [self.pool // POOLERS] * POOLERS if self.pool else []


class Contract:
    """Follows the number of instances from one state at rest to the next."""

    def __init__(self, restart_policy, max_connections, each=20):
        self._policy = restart_policy
        self._each = each
        self._tier = 0
        self._pool = 0
        self._value = max_connections

    def follow(self, instances):
        if instances == 0:
            raise ValueError("0 instances hold the present size: nothing to expect")
        self._tier = next_tier(self._tier, instances, instances * self._each)
        pool = TIERS[self._tier - 1][1] if self._tier else 0
        if pool:
            target, value, waits = pool + BUFFER, pool + BUFFER, ""
        else:
            target = instances * self._each + BUFFER
            value, waits = self._direct(target, instances * self._each)
        self._pool, self._value = pool, value
        return Expected(instances, "Pooler" if pool else "Direct", target, value, pool, waits)

    def _direct(self, target, demand):
        """The value in force, and why it is not the target."""
        present = self._value
        if self._policy == "Immediate" or target == present:
            return target, ""
        if target < present:
            return present, f"{target} waits: a lowering waits until a restart is asked for"
        if self._pool:
            return target, ""  # raised while all traffic is still pooled
        usable = present - RESERVED
        if demand + OTHERS_FLOOR > usable:
            return target, ""
        return present, f"{target} waits: {demand} + {OTHERS_FLOOR} others ≤ {usable} usable"


def next_tier(present, instances, demand):
    """The highest tier that is entered, or that was in force and is not left yet."""
    for number in range(len(TIERS), 0, -1):
        threshold, pool = TIERS[number - 1]
        entered = instances >= threshold and demand > pool + BUFFER
        kept = number <= present and instances > threshold - HYSTERESIS
        if entered or kept:
            return number
    return 0
