"""10 → 50 → 100 → 10 instances as fast as the operator follows, and what must be so at each stop."""

import dataclasses

from objects import wait_until

PATIENCE = 240  # seconds for each stop; a busy machine is slow


@dataclasses.dataclass(frozen=True)
class Stop:
    stage: str  # as plans name it
    instances: int
    max_connections: int
    route: str
    caps: tuple


STOPS = (
    Stop("start", 10, 250, "Direct", ()),
    Stop("up", 50, 200, "Pooler", (75, 75)),
    Stop("higher", 100, 250, "Pooler", (100, 100)),
    Stop("back", 10, 250, "Direct", ()),
)

# Side effects of all that, as oracle.done() counts them, whatever goes wrong on the way.
DONE = {"starts of PostgreSQL": 3, "pods made": {"database": 3, "pooler": 2},
        "route": ["Direct", "Pooler", "Direct"], "restarts recorded": 2}


def tell(world):
    """The whole story; raises AssertionError with what it waited for."""
    world.plan.stage = STOPS[0].stage
    world.shop.make()
    world.start_operator("fault-operator")
    world.shop.make_policy()
    arrive(world, STOPS[0])
    for stop in STOPS[1:]:
        world.plan.stage = stop.stage
        world.scale(stop.instances)
        arrive(world, stop)


def arrive(world, stop):
    wait_until(lambda: f"rest at {stop}: it is {look(world)}", PATIENCE,
               lambda: at_rest(look(world), stop), every=0.1)


def at_rest(seen, stop):
    return seen == {"ready": ("True", "InStep"), "instances": stop.instances, "route": stop.route,
                    "max_connections": (stop.max_connections, stop.max_connections),
                    "caps": stop.caps, "generation": True}


def look(world):
    """By the status, and by what is there."""
    policy = world.namespace.get("ConnectionPolicy", world.shop.name) or {}
    status = policy.get("status", {})
    ready = next((one for one in status.get("conditions", []) if one["type"] == "Ready"), {})
    return {
        "ready": (ready.get("status"), ready.get("reason")),
        "instances": status.get("instances"),
        "route": status.get("route"),
        "max_connections": (status.get("current", {}).get("maxConnections"), world.sampler.max_connections),
        "caps": tuple(sorted(world.sampler.caps.values(), key=str)),
        "generation": status.get("observedGeneration") == policy.get("metadata", {}).get("generation"),
    }
