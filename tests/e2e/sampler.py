"""Looks ten times a second whether a step of the operator breaks the rule of invariant.py.

Each look is one snapshot of pg_stat_activity and max_connections over one session of its own (it
counts among the others), the caps and servers of every pooler pod alive, and the pods, Service and
EndpointSlices as the API's watches have them. Every look is a line of JSON in a file.
"""

import dataclasses
import json
import threading
import time

import psycopg2

import invariant
import poolers
import watch
import world

EVERY_S = 0.1
SETTLED_S = 2.0  # proxies learn late
ACTIVITY = """
    SELECT coalesce(usename, ''), coalesce(host(client_addr), ''), count(*), array_agg(pid)
    FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1, 2"""
SETTINGS = """
    SELECT current_setting('max_connections')::int,
           current_setting('superuser_reserved_connections')::int
           + coalesce(current_setting('reserved_connections', true)::int, 0)"""


@dataclasses.dataclass
class Look:
    """What is shown and judged besides the State; state None: PostgreSQL did not answer."""

    at: float
    route: str = "Direct"
    state: invariant.State | None = None
    pooled: int = 0
    poolers: list = dataclasses.field(default_factory=list)
    pool_modes: frozenset = frozenset()


class Cluster:
    """What the API's watches know."""

    def __init__(self):
        services = f"/api/v1/namespaces/{world.NAMESPACE}/services"
        slices = f"/apis/discovery.k8s.io/v1/namespaces/{world.NAMESPACE}/endpointslices"
        label = f"labelSelector=kubernetes.io/service-name%3D{world.POLICY}"
        self.flips = []  # (time, route)
        self._only_poolers_since = None
        self._pods = watch.Watch("/api/v1/pods")
        self._service = watch.Watch(
            f"{services}?fieldSelector=metadata.name%3D{world.POLICY}", self._on_service)
        self._slices = watch.Watch(f"{slices}?{label}")
        self._watches = (self._pods, self._service, self._slices)
        self._route = "Direct"

    def start(self):
        for one in self._watches:
            one.start()
        for one in self._watches:
            if not one.listed.wait(60):
                raise world.Failure("the API server does not answer a list")

    def stop(self):
        for one in self._watches:
            one.stop()

    def _on_service(self, service, at, gone):
        selector = service["spec"].get("selector") or {}
        route = "Pooler" if selector.get("app.kubernetes.io/component") == "pooler" else "Direct"
        if route != self._route and not gone:
            self._route = route
            self.flips.append((at, route))

    @property
    def route(self):
        return self._route

    def pods(self, labels, namespace=world.NAMESPACE):
        """Those that are not gone."""
        return [pod for pod in self._pods.objects()
                if pod["metadata"]["namespace"] == namespace
                and labels.items() <= pod["metadata"].get("labels", {}).items()
                and pod["status"].get("phase") not in ("Succeeded", "Failed")]

    def app_pods(self):
        return self.pods({"app": world.APP})

    def pooler_pods(self):
        return self.pods({"pgrightsizer.io/policy": world.POLICY,
                          "app.kubernetes.io/component": "pooler"})

    def postgres_pod(self):
        return next(iter(self.pods({"app": "postgres"})), None)

    def foreign_addresses(self):
        """Of pods in other namespaces: the operator logs in as the application to see whether that
        works."""
        return {pod["status"].get("podIP") for pod in self._pods.objects()
                if pod["metadata"]["namespace"] != world.NAMESPACE}

    def direct_open(self, pooler_addresses):
        """Until the EndpointSlices have shown only poolers for a while."""
        addresses = {address for one in self._slices.objects()
                     for endpoint in one.get("endpoints") or []
                     for address in endpoint["addresses"]}
        only_poolers = self._route == "Pooler" and addresses and addresses <= pooler_addresses
        now = time.monotonic()
        if not only_poolers:
            # A pooler pod that has just gone may still be in a slice: that opens nothing.
            if self._route != "Pooler":
                self._only_poolers_since = None
        elif self._only_poolers_since is None:
            self._only_poolers_since = now
        since = self._only_poolers_since
        return since is None or now - since < SETTLED_S


class Sampler(threading.Thread):
    """Runs until stop(); `latest` is the last look."""

    def __init__(self, path):
        super().__init__(daemon=True, name="sampler")
        self.cluster = Cluster()
        self.latest = Look(time.time())
        self.looks = 0
        self.longest_gap = 0.0
        self.violations = []  # [(time, by how many, steps)]
        self.environment = []  # [(time, by how many)]
        self.direct = []  # (time, direct sessions) of each look
        self.most_excess = 0
        self.failure = None
        self._file = open(path, "w", encoding="utf-8")
        self.poolers = poolers.Poolers()
        self._session = None
        self._connect_at = 0.0
        self._who = None
        self._before = None
        self._ended = threading.Event()
        self._started_at = 0.0

    def start(self):
        admin, app = world.secret("postgres-admin"), world.secret("shop-app")
        self._who = (admin["username"], admin["password"], app["username"])
        self.cluster.start()
        super().start()

    def stop(self):
        self._ended.set()
        self.join(10)
        self.cluster.stop()
        self.poolers.close()
        self._drop_session()
        self._file.close()

    def run(self):
        self._started_at = last = time.monotonic()
        due = last
        while not self._ended.is_set():
            try:
                self._look()
            except Exception as error:  # a sampler that died must not look like one that saw nothing
                self.failure = repr(error)
                raise
            now = time.monotonic()
            self.longest_gap = max(self.longest_gap, now - last)
            last = now
            due = max(due + EVERY_S, now)
            self._ended.wait(due - now)

    def rate(self):
        return self.looks / max(0.1, time.monotonic() - self._started_at)

    # --- one look -------------------------------------------------------------------------------

    def _look(self):
        look = Look(time.time(), self.cluster.route)
        answer = self._ask_database()
        known = self.poolers.look(self.cluster.pooler_pods())
        addresses = {one.address for one in known if one.address}
        # Always asked, so that its clock runs while PostgreSQL is down.
        direct_open = self.cluster.direct_open(addresses)
        serving = [one for one in known if not one.terminating]
        look.pool_modes = frozenset(mode for one in serving for mode in one.pool_modes)
        if answer is None:
            look.poolers = [poolers.as_invariant(one, {}) for one in known]
        else:
            self._fill(look, answer, known, direct_open)
        self._judge(look)
        self.looks += 1
        self.latest = look

    def _fill(self, look, answer, known, direct_open):
        (max_connections, reserved), activity = answer
        addresses = {one.address for one in known if one.address}
        pids = frozenset().union(*(one.pids for one in known))
        by_address, direct, others = {}, {}, 0
        foreign = self.cluster.foreign_addresses()
        for user, address, count, backends in activity:
            if address in addresses or pids.intersection(backends):
                by_address[address] = by_address.get(address, 0) + count
            elif user == self._who[2] and address not in foreign:
                direct[address] = direct.get(address, 0) + count
            else:
                others += count
        pods = [pod["status"].get("podIP", "") for pod in self.cluster.app_pods()]
        held = invariant.held_by(pods, direct)
        look.poolers = [poolers.as_invariant(one, by_address) for one in known]
        look.pooled = sum(by_address.values())
        look.state = invariant.State(
            max_connections, reserved, direct_open, held, sum(direct.values()) - sum(held), others,
            tuple(look.poolers), world.CONNECTIONS,
        )

    def _judge(self, look):
        state, before = look.state, self._before
        line = {"t": round(look.at, 3), "route": look.route}
        if state is not None:
            if before is not None:
                self._attribute(look.at, before, state, line)
            self._before = state
            self.direct.append((look.at, state.direct))
            self.most_excess = max(self.most_excess, state.excess)
            line.update(
                max_connections=state.max_connections, direct=state.direct, room=state.room,
                others=state.others, pooled=look.pooled, excess=state.excess,
            )
        line["poolers"] = [dataclasses.asdict(one) for one in look.poolers]
        self._file.write(json.dumps(line) + "\n")

    def _attribute(self, at, before, state, line):
        operator, environment = invariant.rise(before, state)
        if operator:
            steps = invariant.steps_between(before, state)
            self.violations.append((at, operator, steps))
            line["violation"] = {"by": operator, "steps": steps}
        if environment:
            self.environment.append((at, environment))

    # --- PostgreSQL -----------------------------------------------------------------------------

    def _ask_database(self):
        """((max_connections, reserved), activity); None while there is no answer."""
        try:
            if self._session is None and not self._connect():
                return None
            with self._session.cursor() as cursor:
                cursor.execute(SETTINGS)
                settings = cursor.fetchone()
                cursor.execute(ACTIVITY)
                return settings, cursor.fetchall()
        except psycopg2.Error:
            self._drop_session()
            return None

    def _connect(self):
        pod = self.cluster.postgres_pod()
        address = pod["status"].get("podIP") if pod else None
        if not address or time.monotonic() < self._connect_at:
            return False
        self._connect_at = time.monotonic() + 0.3
        user, password, _ = self._who
        self._session = psycopg2.connect(
            host=address, port=world.PORT, user=user, password=password, dbname="postgres",
            connect_timeout=2, tcp_user_timeout=2000, application_name="sampler",
        )
        self._session.autocommit = True
        return True

    def _drop_session(self):
        if self._session is not None:
            self._session.close()
            self._session = None
