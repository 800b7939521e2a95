"""A run of the whole: everything installed, the application scaled step by step, and after each
step what the contract asks for read from PostgreSQL, the poolers' consoles and the API.
"""

import dataclasses
import datetime
import re
import time

import application
import expect
import pglog
import sampler
import table
import watch
import world

QUEUED_EACH = 4  # a second of the application's transactions
SETTLED_FOR_S = 3.0
STEP_WITHIN_S = 240.0
AT_REST = (None, "RestartPending")


@dataclasses.dataclass
class Step:
    """One change of the number of instances and what came of it."""

    expected: expect.Expected
    scaled_at: float
    settled_at: float = 0.0
    problems: list = dataclasses.field(default_factory=list)
    first_look: int = 0
    flips: list = dataclasses.field(default_factory=list)  # (time, route)
    most_excess: int = 0

    @property
    def flip_to_pooler(self):
        return next((at for at, route in self.flips if route == "Pooler"), None)


class Story:
    """Set up with start(), driven with step(), ended with stop()."""

    def __init__(self, out, restart_policy="Auto", most_instances=100, policy=None, initial=100):
        self.out = out
        self.policy = policy or world.policy_object(restart_policy)
        self.contract = expect.Contract(restart_policy, initial)
        self.operator = world.Operator()
        self.most_instances = most_instances
        self.steps = []
        self.excused = []  # (from, to): spans in which the test itself is why logins fail
        self.started_at = 0.0
        self.sampler = None
        self.app = None
        self.log = pglog.PostgresLog()
        self.policies = None
        self.table = None

    # --- set-up ---------------------------------------------------------------------------------

    def start(self, say=print):
        world.measure_first()
        world.remove_everything(self.operator)
        self.operator.install()
        say("operator: running")
        world.install_database()
        say(f"PostgreSQL: {world.postgres_address()}, max_connections 100")
        world.apply(world.app_object(self.most_instances), self.policy)
        world.wait_until("binding Secret", 60, lambda: world.secret(f"{world.POLICY}-connection"))
        say(f"policy: accepted, binding Secret {world.POLICY}-connection is there")
        self.out.mkdir(parents=True, exist_ok=True)
        self.sampler = sampler.Sampler(self.out / "samples.jsonl")
        self.sampler.start()
        self.app = application.Application(self.sampler.cluster.app_pods)
        self.policies = watch.Watch(
            f"/apis/pgrightsizer.io/v1alpha1/namespaces/{world.NAMESPACE}/connectionpolicies")
        for thread in (self.app, self.log, self.policies):
            thread.start()
        world.wait_until("look of the sampler", 20, lambda: self.sampler.latest.state)
        self.started_at = time.time()
        self.table = table.Table(self.started_at)

    def stop(self):
        for thread in (self.app, self.log, self.policies, self.sampler):
            if thread is not None and thread.is_alive():
                thread.stop()

    # --- one step -------------------------------------------------------------------------------

    def scale(self, instances):
        step = Step(self.contract.follow(instances), time.time(), first_look=self.sampler.looks)
        self.steps.append(step)
        self.sampler.most_excess = 0
        self.set_replicas(instances)
        return step

    def set_replicas(self, instances):
        world.scale(instances)

    def pods_of(self, expected):
        """How many of the instances run."""
        return expected.instances

    def step(self, instances, within=STEP_WITHIN_S, act=lambda: None):
        """Scales and waits for the state that the contract asks for. `act` is called all the
        time; that of a test which disturbs."""
        return self.settle(self.scale(instances), within, act)

    def settle(self, step, within=STEP_WITHIN_S, act=lambda: None):
        flips_before = len([one for one in self.sampler.cluster.flips if one[0] < step.scaled_at])
        end, since = time.monotonic() + within, None
        while True:
            act()
            wrong = self.differences(step.expected)
            now = time.monotonic()
            since = None if wrong else since or now
            self.show(step.expected.instances, moving=bool(wrong))
            if since and now - since >= SETTLED_FOR_S and not self.leftovers(step.expected):
                break
            if now >= end:
                step.problems = wrong or self.leftovers(step.expected)
                break
            time.sleep(0.25)
        step.settled_at = time.time()
        step.flips = self.sampler.cluster.flips[flips_before:]
        step.most_excess = self.sampler.most_excess
        return step

    def show(self, instances, moving=True):
        self.table.show(instances, self.sampler.latest, self.status(), self.app.totals(), moving)

    def status(self):
        found = self.policies.objects()
        return (found[0].get("status") or {}) if found else {}

    # --- what is not as expected ----------------------------------------------------------------

    def differences(self, expected):
        """In words; empty when everything is as the contract asks."""
        look = self.sampler.latest
        if self.sampler.failure:
            raise world.Failure(f"the sampler died: {self.sampler.failure}")
        if look.state is None or time.time() - look.at > 2:
            return ["PostgreSQL does not answer"]
        return (self._server_differences(expected, look) + self._status_differences(expected)
                + self._app_differences(expected))

    def _server_differences(self, expected, look):
        wrong = []
        if look.state.max_connections != expected.max_connections:
            wrong.append(f"max_connections is {look.state.max_connections}, "
                         f"not {expected.max_connections}")
        if look.route != expected.route:
            wrong.append(f"the front Service leads to {look.route}, not {expected.route}")
        caps = [one.cap for one in look.poolers]
        if caps != expected.caps or any(one.terminating for one in look.poolers):
            wrong.append(f"caps of the poolers are {table.caps_text(look.poolers)}, "
                         f"not {' + '.join(map(str, expected.caps)) or 'none'}")
        if expected.pool and look.pool_modes != {"transaction"}:
            wrong.append(f"pool_mode is {set(look.pool_modes)}")
        if expected.pool and look.state.direct:
            wrong.append(f"{look.state.direct} direct sessions are left")
        if not expected.pool and look.pooled:
            wrong.append(f"{look.pooled} pooled sessions are left")
        return wrong

    def _status_differences(self, expected):
        status, wrong = self.status(), []
        if status.get("instances") != expected.instances:
            wrong.append(f"status.instances is {status.get('instances')}")
        name = (status.get("step") or {}).get("name")
        if name not in AT_REST or bool(name) != bool(expected.waits):
            wrong.append(f"status.step is {name}")
        if status.get("route") != expected.route:
            wrong.append(f"status.route is {status.get('route')}")
        target = status.get("recommended", {}).get("maxConnections")
        if target != expected.target:
            wrong.append(f"status.recommended.maxConnections is {target}, not {expected.target}")
        return wrong

    def _app_differences(self, expected):
        pods, wrong, wanted = self.sampler.cluster.app_pods(), [], self.pods_of(expected)
        if len(pods) != wanted:
            wrong.append(f"{len(pods)} application pods")
        if self.app.answered != wanted:
            wrong.append(f"{self.app.answered} instances answer")
        if self.app.open < wanted * world.CONNECTIONS * 0.98:  # some are being renewed
            wrong.append(f"{self.app.open} connections of the application are open")
        if self.app.opening:  # one that times out later would be counted with the next step
            wrong.append(f"{len(self.app.opening)} instances are opening their connections")
        if self.app.queued > wanted * QUEUED_EACH:  # the next step would hide the cost
            wrong.append(f"{self.app.queued} transactions of the application wait")
        return wrong

    def leftovers(self, expected):
        """Looked at last: it costs a kubectl."""
        if expected.pool or world.get("deployment", f"{world.POLICY}-pooler") is None:
            return []
        return ["the pooler's Deployment is still there"]

    # --- afterwards -----------------------------------------------------------------------------

    def restarts(self):
        """[(began, seconds or None, from, to)] since the start, by the policy's status."""
        found = []
        for one in self.status().get("restarts", {}).get("recent", []):
            began = epoch(one["time"])
            took = one.get("durationMilliseconds")
            if began >= self.started_at - 1:
                found.append((began, took / 1000 if took else None, one["from"], one["to"]))
        return found

    def since_start(self, at):
        return table.minutes(at - self.started_at) + f".{int(at * 10) % 10}"

    def diagnosis(self):
        """What somebody needs to see why a step did not end."""
        events = [f"{e['reason']}: {e.get('note', '')}" for e in world.events()]
        pods = world.kubectl("get", "pods", "-n", world.NAMESPACE, "-o", "wide", check=False)
        few = [line for line in pods.splitlines() if f" {world.APP}-" not in f" {line}"
               or f" {world.POLICY}-" in f" {line}"]
        return "\n".join([
            "--- status of the policy", world.quietly_yaml(self.status()), "--- events", *events,
            "--- pods but the application's", *few, "--- the operator's log, its end",
            self.operator.log(40),
        ])


TIME = re.compile(r"(.*T[0-9:]{8})(\.[0-9]+)?(Z|[+-][0-9:]{5})")


def epoch(text):
    """RFC 3339, with any number of decimals, as seconds since 1970."""
    whole, decimals, zone = TIME.fullmatch(text).groups()
    zone = "+00:00" if zone == "Z" else zone
    return datetime.datetime.fromisoformat(whole + zone).timestamp() + float(decimals or 0)
