"""All plans of the matrix: a crash at everything that changes something, in three positions, and
small templates of what an API server, a watch and a database can do."""

import collections
import itertools
import re

POSITIONS = ("during", "before", "after")
CHANCE = ((re.compile(r"^pods/shop-pooler-[a-z0-9]+-[a-z0-9]+$"), "pods/shop-pooler-*"),
          (re.compile(r"^events/.*"), "events/*"))
STATUSES = (401, 403, 404, 409, 410, 422, 429, 500, 503, 504)
KINDS = ("connectionpolicies", "deployments", "statefulsets", "pods")
# One write of each sort, and the stage in which it comes.
WRITES = (
    ("PATCH", "configmaps/shop-config", "up"),
    ("PATCH", "services/shop", "up"),
    ("DELETE", "pods/shop-db-0", "up"),
    ("PATCH", "deployments/shop-pooler", "higher"),
    ("PATCH", "pods/shop-pooler-.*", "back"),
    ("PATCH", "connectionpolicies/shop/status", "higher"),
)
READS = ("secrets/shop-admin", "services/shop", "statefulsets/shop-db",
         r"endpointslices\?list")


def plan(name, *rules):
    return {"name": " ".join(name.split()), "rules": list(rules)}


def all_plans(changes):
    """By turns, so that a matrix that is cut short has seen something of everything."""
    kinds = (crashes(changes), errors(), reads(), lists(), watches(), databases(), stops(), servers(),
             credentials(), refusals(), thefts(), meanwhile())
    return [one for turn in itertools.zip_longest(*kinds) for one in turn if one]


# --- crashes --------------------------------------------------------------------------------------


def crashes(changes):
    """From what a run without faults has changed: the k-th of each kind of change."""
    seen = collections.Counter()
    found = []
    for one in changes:
        name, what = kind_of_change(one)
        seen[name] += 1
        found += [plan(f"crash {position} {name} {seen[name]}",
                       {**what, "nth": seen[name], "do": "kill", "when": position})
                  for position in POSITIONS]
    return found


def kind_of_change(one):
    """(a name, what a rule asks for)"""
    if one["on"] == "request":
        path = one["path"]
        for pattern, general in CHANCE:
            path = pattern.sub(general, path)
        return (f"{one['verb']} {path}", {
            "on": "request", "verb": one["verb"],
            "path": re.escape(path).replace(r"\*", "[^/]*")})
    text = re.sub(r"\d+", "N", one["text"])
    return (f"{one['who']} {text[:40]}", {
        "on": "statement", "server": one["who"],
        "text": re.escape(text).replace("N", r"\d+")})


def stops():
    """SIGTERM: what is under way is finished, and the Lease is given back."""
    for verb, path, stage in WRITES:
        yield plan(f"stop {verb} {path}", {"on": "request", "verb": verb, "path": path,
                                           "stage": stage, "do": "stop"})


# --- requests -------------------------------------------------------------------------------------


def errors():
    for (verb, path, stage), status in itertools.product(WRITES, STATUSES):
        yield plan(f"answer {status} {verb} {path}", {
            "on": "request", "verb": verb, "path": path, "stage": stage, "count": 2, "do": "answer",
            "status": status, "retry_after": 1 if status == 429 else 0})
    ways = ({"do": "reset", "when": "before"}, {"do": "reset", "when": "during"},
            {"do": "truncate"}, {"do": "drip", "seconds": 1},
            {"do": "stall", "when": "during", "seconds": 12})  # longer than a request may take
    for (verb, path, stage), way in itertools.product(WRITES, ways):
        yield plan(f"{way['do']} {way.get('when', '')} {verb} {path}", {
            "on": "request", "verb": verb, "path": path, "stage": stage, **way})
    yield plan("answer 500 lease three times", {
        "on": "request", "verb": "PATCH", "path": "leases/.*", "stage": "up", "count": 3,
        "do": "answer", "status": 500})


def reads():
    for path, status in itertools.product(READS, (403, 404, 429, 503)):
        # 404 is an answer, not an error: what is asked for is not there.
        if status != 404 or path == "statefulsets/shop-db":
            yield plan(f"answer {status} GET {path}", {
                "on": "request", "verb": "GET", "path": path, "stage": "up", "nth": 2, "count": 3,
                "do": "answer", "status": status, "retry_after": 1 if status == 429 else 0})
    for path in READS:
        yield plan(f"truncate GET {path}", {
            "on": "request", "verb": "GET", "path": path, "stage": "higher", "do": "truncate"})


def lists():
    """The very first ones, and those after a 410."""
    ways = [{"do": "answer", "status": 500, "count": 2}, {"do": "answer", "status": 504, "count": 2},
            {"do": "answer", "status": 429, "retry_after": 1}, {"do": "truncate"},
            {"do": "reset", "when": "during"}]
    for kind, way in itertools.product(KINDS, ways):
        yield plan(f"list {way['do']} {way.get('status', '')} {kind}", {
            "on": "request", "path": f"{kind}\\?list", **way})
        if way["do"] == "truncate":
            yield plan(f"list again {way['do']} {kind}", gone(kind, "up"), {
                "on": "request", "path": f"{kind}\\?list", "nth": 2, **way})


# --- watches --------------------------------------------------------------------------------------


def gone(kind, stage):
    return {"on": "event", "path": kind, "stage": stage, "do": "gone"}


def watches():
    for kind in KINDS:
        at = {"on": "event", "path": kind}
        # PostgreSQL is not restarted on the way back, and its StatefulSet does not change.
        late = "higher" if kind == "statefulsets" else "back"
        for stage in ("up", late):
            yield plan(f"watch gone {kind} {stage}", gone(kind, stage))
            yield plan(f"watch close {kind} {stage}", {**at, "stage": stage, "do": "close"})
        yield plan(f"watch delay {kind}", {**at, "do": "delay", "seconds": 0.5, "count": 3})
        yield plan(f"watch duplicate {kind}", {**at, "do": "duplicate", "count": 0})
        yield plan(f"watch without bookmarks {kind}",
                   {**at, "event": "BOOKMARK", "do": "drop", "count": 0})
        yield plan(f"watch late {kind}", {**at, "stage": late, "do": "silence", "seconds": 2})
        yield plan(f"watch silent {kind}", {**at, "stage": late, "do": "silence"})
        yield plan(f"watch answer 410 {kind}",
                   {**at, "stage": "up", "do": "close"},
                   {"on": "request", "path": f"{kind}\\?watch", "stage": "up", "do": "answer",
                    "status": 410})
        yield plan(f"watch short {kind}", {**at, "do": "close", "count": 6})
    # Seen again only after a list: what was missed must not stay so.
    for kind in ("deployments", "pods"):
        at = {"on": "event", "path": kind, "stage": "up"}
        yield plan(f"watch drop and gone {kind}", {**at, "do": "drop", "count": 2},
                   {**at, "do": "gone", "nth": 3})
    yield plan("watch drop first of pods", {"on": "event", "path": "pods", "event": "ADDED",
                                            "stage": "up", "do": "drop", "count": 2})


# --- the API server as a whole, and who may do what -----------------------------------------------

NEVER = 99_999_999_999  # a resourceVersion that no server has reached


def servers():
    """One that is restarted, and one that lags behind the one before it."""
    for (verb, path, stage), seconds in itertools.product(WRITES, (0.3, 2)):
        yield plan(f"down {seconds} s {verb} {path}", {
            "on": "request", "verb": verb, "path": path, "stage": stage, "do": "down",
            "when": "during" if seconds < 1 else "before", "seconds": seconds})
    # Longer than a Lease may go without a renewal.
    yield plan("down 6 s", {"on": "request", "verb": "PATCH", "path": "services/shop", "stage": "up",
                             "do": "down", "seconds": 6})
    for kind in KINDS:
        at = {"on": "event", "path": kind, "stage": "up"}
        # What it has not seen comes late; reads and writes are those of the store.
        yield plan(f"behind watch {kind}", {**at, "do": "close"},
                   {**at, "nth": 2, "do": "silence", "seconds": 2})
        yield plan(f"behind list {kind}", gone(kind, "up"), {
            "on": "request", "path": f"{kind}\\?list", "stage": "up", "lasts": 2, "do": "rewrite",
            "find": "sendInitialEvents=true", "put": f"sendInitialEvents=true&resourceVersion={NEVER}"})
        yield plan(f"behind answer {kind}", {**at, "do": "close"}, behind(kind, 2))
    yield plan("behind for good", {"on": "event", "path": "deployments", "stage": "up", "do": "close"},
               behind("deployments", 5))
    # Built-in kinds may have their whole history in the memory of a server that is young.
    for stage in ("up", "back"):
        kind = "connectionpolicies"
        yield plan(f"compacted {kind} {stage}",
                   {"on": "event", "path": kind, "stage": stage, "do": "close"},
                   {"on": "request", "path": f"{kind}\\?watch", "stage": stage, "do": "rewrite",
                    "find": r"resourceVersion=\d+", "put": "resourceVersion=1"})


def behind(kind, seconds):
    return {"on": "request", "path": f"{kind}\\?watch", "stage": "up", "lasts": seconds,
            "do": "answer", "status": 504, "cause": "ResourceVersionTooLarge", "retry_after": 1}


def credentials():
    """At once, and before the kubelet has brought the new file."""
    for what, seconds, stage in itertools.product(("token", "authority"), (0, 1), ("up", "back")):
        yield plan(f"rotate {what} {'late' if seconds else ''} {stage}", {
            "on": "request", "verb": "PATCH", "path": "connectionpolicies/shop/status", "stage": stage,
            "do": "rotate", "what": what, "seconds": seconds})


def refusals():
    """For a while: rights that were taken away, a definition that is not served, a namespace that ends."""
    for kind in (*KINDS, "secrets", "services"):
        yield plan(f"demote {kind}", {"on": "request", "path": f"{kind}.*", "stage": "up", "lasts": 2,
                                      "do": "demote"})
    for stage in ("up", "back"):
        yield plan(f"demote writes {stage}", {
            "on": "request", "verb": "POST|PUT|PATCH|DELETE", "path": "(?!leases).*", "stage": stage,
            "lasts": 2, "do": "demote"})
        yield plan(f"demote everything {stage}", {
            "on": "request", "stage": stage, "lasts": 2, "do": "demote"})
        yield plan(f"not served {stage}", {
            "on": "request", "path": "connectionpolicies.*", "stage": stage, "lasts": 2,
            "do": "rewrite", "find": "/v1alpha1/", "put": "/v0/"})
    # No object of these names is there before.
    yield plan("terminating", {
        "on": "request", "verb": "POST|PATCH", "path": "events|(?!pods)[a-z]+/shop-(pooler|direct).*",
        "stage": "up", "lasts": 2, "do": "answer", "status": 403, "cause": "NamespaceTerminating"})


def thefts():
    for stage in ("up", "higher", "back"):
        yield plan(f"steal {stage}", {"on": "request", "verb": "PATCH", "path": "leases/.*",
                                      "stage": stage, "do": "steal", "seconds": 2})


# --- what the user does in the moment before a step that cannot be taken back ---------------------


def meanwhile():
    """And no watch tells, or not before it is undone."""
    suspended = {"object": "ConnectionPolicy/shop", "patch": {"spec": {"suspend": True}},
                 "undo": {"spec": {"suspend": False}}}
    rollout = {"object": "StatefulSet/shop-db",
               "patch": {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None},
                                  "template": {"metadata": {"annotations": {"by": "hand"}}}}},
               "undo": {"spec": {"template": {"metadata": {"annotations": {"by": None}}}}}}
    caps, file, route = "pods/shop-pooler-.*", "configmaps/shop-config", "services/shop"
    for name, kind, change, stage, path, nth in (
            ("suspended before the move", "connectionpolicies", suspended, "up", caps, 2),
            ("suspended before the restart", "connectionpolicies", suspended, "higher", file, 1),
            ("suspended before the removal", "connectionpolicies", suspended, "back", route, 1),
            ("scaled before the move", "deployments", scaled(10, 50), "up", caps, 2),
            ("scaled before the way back", "deployments", scaled(100, 10), "back", caps, 2),
            ("rollout before the restart", "statefulsets", rollout, "higher", file, 1)):
        # The first event of Deployments is the story's own. 110 requests may pass from there until the
        # step; one that is refused again and again takes some twenty each time.
        yield plan(f"meanwhile {name}",
                   {"on": "event", "path": kind, "stage": stage, "do": "hold", "count": 0,
                    "nth": 2 if kind == "deployments" else 1},
                   {"on": "request", "verb": "PATCH", "path": path, "stage": stage, "nth": nth,
                    "do": "meanwhile", **change, "requests": 150})


def scaled(to, back):
    return {"object": "Deployment/shop-app", "patch": {"spec": {"replicas": to}},
            "undo": {"spec": {"replicas": back}}}


# --- PostgreSQL and PgBouncer ---------------------------------------------------------------------


def databases():
    for server, stage in (("postgres", "up"), ("pooler", "higher")):
        at = {"on": "login", "server": server, "stage": stage, "count": 3}
        yield plan(f"login reset {server}", {**at, "do": "reset"})
        yield plan(f"login refused {server}", {**at, "do": "error", "status": "53300"})
        yield plan(f"login stall {server}", {**at, "do": "stall", "seconds": 4})
    for server, text in (("postgres", "checkpoint"), ("postgres", ".*pg_terminate_backend.*"),
                         ("postgres", ".*pg_file_settings.*"), ("postgres", ".*pg_stat_ssl.*"),
                         ("pooler", "PAUSE .*"), ("pooler", "RESUME .*"), ("pooler", "SET .*"),
                         ("pooler", "SHOW SERVERS")):
        at = {"on": "statement", "server": server, "text": text}
        what = text.strip(".* ")
        yield plan(f"statement error {what}", {**at, "do": "error", "status": "57014"})
        yield plan(f"statement lost {what}", {**at, "do": "reset", "when": "during"})
        yield plan(f"statement reset {what}", {**at, "do": "reset", "when": "before"})
        yield plan(f"statement stall {what}", {**at, "do": "stall", "seconds": 4})


# --- a sample -------------------------------------------------------------------------------------

SAMPLE = (
    "crash before PATCH services/shop 2", "crash during PATCH configmaps/shop-config 1",
    "crash during DELETE pods/shop-db-0 1", "crash after DELETE pods/shop-db-0 2",
    "crash during PATCH deployments/shop-pooler 3", "crash during PATCH connectionpolicies/shop/status 9",
    "crash before DELETE secrets/shop-pooler 1", "crash during pooler PAUSE \"shop\" 1",
    "crash after pooler SET max_db_connections = N 3", "crash during postgres checkpoint 1",
    "stop PATCH services/shop", "answer 409 PATCH configmaps/shop-config",
    "answer 429 PATCH connectionpolicies/shop/status", "reset during DELETE pods/shop-db-0",
    "list truncate pods", "watch gone deployments up", "watch drop and gone deployments",
    "watch duplicate pods", "login refused postgres", "statement lost RESUME",
    "down 2 s PATCH services/shop", "behind list pods", "compacted connectionpolicies back",
    "rotate authority up", "steal higher", "not served up",
)
