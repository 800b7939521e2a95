"""What a kubelet does for the database's pods, on a cluster without nodes: a pod that appears is a
PostgreSQL that is started with the ConfigMap of that moment."""

import threading


class Kubelet:
    """Looks after the pods of StatefulSets of one namespace; close() ends it."""

    def __init__(self, namespace):
        self._namespace = namespace
        self._served = {}
        self._uids = {}  # of all pods a name has had
        self._alive = {}  # by uid of a pod: whether its PostgreSQL has started
        self._told = set()  # uids of pods whose status the API server has
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.failures = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def serve(self, stateful_set, server, config=None, ordinal=0):
        """`config` is (ConfigMap, key) for a server that restarts with its pod."""
        with self._lock:
            self._served[f"{stateful_set}-{ordinal}"] = (server, config)

    def close(self):
        self._stop.set()
        self._thread.join(timeout=60)

    def pods_seen(self, stateful_set, ordinal=0):
        """How many pods of this ordinal the StatefulSet has had."""
        with self._lock:
            return len(self._uids.get(f"{stateful_set}-{ordinal}", []))

    def _run(self):
        while not self._stop.wait(0.1):
            try:
                for pod in self._namespace.list("Pod", "role=database"):
                    self._look_after(pod)
            except (OSError, AssertionError) as error:  # the API server may be restarting
                self.failures.append(str(error))

    def _look_after(self, pod):
        """What an API server that goes away leaves half done is done by the next look."""
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        with self._lock:
            served = self._served.get(name)
            known = self._uids.setdefault(name, [])
            if served is None or uid in self._told or "deletionTimestamp" in pod["metadata"]:
                return
            if uid not in known:
                known.append(uid)
            first = uid == known[0]
        server, config = served
        if uid not in self._alive:
            self._alive[uid] = not config or first or server.restart(self._file(*config))
        self._tell(name, server, self._alive[uid])
        self._told.add(uid)

    def _file(self, config_map, key):
        return self._namespace.get("ConfigMap", config_map)["data"][key]

    def _tell(self, pod, server, alive):
        container = {"name": "postgres", "image": "postgres", "imageID": "postgres",
                     "ready": alive, "restartCount": 0 if alive else 3}
        if alive:
            container["state"] = {"running": {"startedAt": "2025-01-01T00:00:00Z"}}
        else:
            container["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
            container["lastState"] = {"terminated": {
                "exitCode": 1, "reason": "Error", "message": server.fatal()}}
        self._namespace.strategic("Pod", pod, {"status": {
            "phase": "Running", "podIP": server.host, "podIPs": [{"ip": server.host}],
            "conditions": [{"type": "Ready", "status": str(alive)}],
            "containerStatuses": [container]}}, "status")
