"""The rule that no step of the operator may break, and who broke it.

    direct sessions + room of pods on the direct route + Σ max(cap, servers) + max(10, others)
        ≤ max_connections - reserved

This is written from the rule, not from the operator's code: the two are to check each other.
"""

import dataclasses

OTHERS_FLOOR = 10
GRANTED_CAP = 2  # of each pooler pod: taken out of the floor


@dataclasses.dataclass(frozen=True)
class Pooler:
    """One pooler pod alive, terminating ones included. cap None: it does not serve yet."""

    name: str
    cap: int | None
    servers: int
    terminating: bool = False


@dataclasses.dataclass(frozen=True)
class State:
    """One look at everything the rule is about."""

    max_connections: int
    reserved: int
    direct_open: bool  # may pods still arrive on the direct route?
    held: tuple  # direct sessions of each application pod that is not gone
    strays: int  # direct sessions of the application from elsewhere
    others: int
    poolers: tuple
    each: int = 20  # connections of one instance

    @property
    def usable(self):
        return self.max_connections - self.reserved

    @property
    def direct(self):
        return sum(self.held) + self.strays

    @property
    def room(self):
        return sum(max(0, self.each - held) for held in self.held) if self.direct_open else 0

    @property
    def pooled(self):
        return sum(counted(pooler) for pooler in self.poolers)

    @property
    def excess(self):
        """How many sessions are promised that the server cannot give; 0 or less is well."""
        return self.direct + self.room + self.pooled + max(OTHERS_FLOOR, self.others) - self.usable


def held_by(addresses, direct):
    """Sessions of each pod, from its address or None and {address: sessions}. A pod connects before
    the API has told its address: sessions from an unknown one are those of a pod that has none."""
    unknown = iter(sorted((count for address, count in direct.items() if address not in addresses),
                          reverse=True))
    return tuple(direct.get(address, 0) if address else next(unknown, 0) for address in addresses)


def counted(pooler):
    cap = pooler.cap or 0
    room = max(cap, pooler.servers)
    return max(0, room - GRANTED_CAP) if cap <= GRANTED_CAP else room


def with_steps_of(before, after):
    """The state before, had only the operator acted since: max_connections, caps and route are new,
    the environment is the old one."""
    old = {pooler.name: pooler for pooler in before.poolers}
    poolers = [
        dataclasses.replace(one, servers=old[one.name].servers if one.name in old else 0)
        for one in after.poolers
    ]
    return dataclasses.replace(
        before, max_connections=after.max_connections, reserved=after.reserved,
        direct_open=after.direct_open, poolers=tuple(poolers),
    )


def rise(before, after):
    """(by the operator, by the environment): how far the excess rose above what it was, or above 0.

    Which came first within that tenth of a second, a step or a session's end, no look can tell. The
    operator is charged with what its steps break in either order: done to the state before them,
    and left in the state after them."""
    base = max(0, before.excess)
    operator = max(0, min(with_steps_of(before, after).excess, after.excess) - base)
    return operator, max(0, after.excess - base - operator)


def steps_between(before, after):
    """What the operator changed, in words."""
    found = []
    if before.max_connections != after.max_connections:
        found.append(f"max_connections {before.max_connections} → {after.max_connections}")
    if before.direct_open != after.direct_open:
        found.append("direct route " + ("open" if after.direct_open else "closed"))
    old = {pooler.name: pooler.cap for pooler in before.poolers}
    for pooler in after.poolers:
        if old.get(pooler.name) != pooler.cap:
            found.append(f"cap of {pooler.name} {old.get(pooler.name)} → {pooler.cap}")
    return found
