"""What a run has left and done, comparable with that of a run without faults."""

import itertools
import re
import time

from proxy.record import changes

KINDS = ("Service", "Secret", "ConfigMap", "Deployment", "EndpointSlice", "PodDisruptionBudget")
QUIET = 0.8  # seconds without a write; the hurried operator pauses for 0.6 at most between two tries
PATIENCE = 60  # seconds for that
ENDING = re.compile(r"DELETE |PATCH services/shop$|PAUSE |KILL_CLIENT |.*pg_terminate_backend",
                    re.IGNORECASE | re.DOTALL)
NOTICED = 0.5  # seconds in which a process ends
UNSTABLE = re.compile(
    r"(uid|resourceVersion|creationTimestamp|generation|managedFields|observedGeneration|.*Time|time"
    r"|since|.*Milliseconds|clusterIPs?|used|usedPercent|direct|pooled|clients|waiting"
    r"|connectionErrors|step|pgrightsizer.io/applied|console-password|userlist.txt)$")


def quiet(world):
    """When the operator has written nothing for a while; tells what it keeps writing otherwise."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        writes = [one for one in world.record.changes() if one["at"] > time.monotonic() - QUIET]
        if not writes:
            return []
        time.sleep(0.05)
    return [f"still writes after {PATIENCE} s: {one.get('verb', 'SQL')} "
            f"{one.get('path') or one.get('text')}" for one in writes[-3:]]


def left(world):
    """Objects and status as they are now, without what is different in every run."""
    namespace = world.namespace
    found = {}
    for kind in KINDS:
        for one in namespace.list(kind, f"pgrightsizer.io/policy={world.shop.name}"):
            name = one["metadata"]["name"]
            if kind == "Secret":
                one["data"] = namespace.secret(name)
            if "generateName" not in one["metadata"]:  # those are of Kubernetes' own controllers
                found[f"{kind}/{name}"] = masked(one, world)
    policy = namespace.get("ConnectionPolicy", world.shop.name)
    found["status"] = masked({**policy["status"], "conditions": conditions_of(policy)}, world)
    found["finalizers"] = policy["metadata"].get("finalizers", [])
    found["file"] = world.shop.file()
    found["max_connections"] = world.server.max_connections()
    return found


def conditions_of(policy):
    """By type. Whether it is saturated is measured over a minute, which may have begun just now."""
    return {one["type"]: one for one in policy["status"]["conditions"] if one["type"] != "Saturated"}


def done(world):
    """Side effects, counted."""
    return {"starts of PostgreSQL": world.server.starts, "pods made": dict(world.node.pods_made),
            "route": list(world.switches), "restarts recorded": len(
                world.namespace.status(world.shop.name).get("restarts", {}).get("recent", []))}


def masked(value, world):
    """Without times, uids, ports and names that are chosen by chance; what went wrong with
    connections and what is being done are the plan's."""
    if isinstance(value, dict):
        return {key: masked(one, world) for key, one in value.items() if not UNSTABLE.match(key)}
    if isinstance(value, list):
        return [masked(one, world) for one in value]
    if isinstance(value, str):
        return said(value, world)
    return "PORT" if value == world.port else value


def said(text, world):
    text = text.replace(world.namespace.name, "NAMESPACE").replace(str(world.port), "PORT")
    return text.replace(str(world.server.directory), "DIRECTORY")


def differences(expected, found, path=""):
    """In words, one for each place."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [line for key in sorted(expected.keys() | found.keys()) for line in differences(
            expected.get(key), found.get(key), f"{path}/{key}")]
    return [] if expected == found else [f"{path}: {found!r:.200}, without faults {expected!r:.200}"]


def too_often(entries):
    """More than this in any second in which nothing changes is a loop without a pause, unless the pauses
    can be seen: a look at everything takes some thirty, and two of them may follow each other. The
    shortest pause of the operator in a hurry is 50 ms, while PostgreSQL restarts."""
    most = 150
    least = 0.1  # seconds of pauses in that second; a machine that is busy makes one or the other, too
    begin = 0
    for end, one in enumerate(entries):
        if has_changed(one):
            begin = end
        while entries[begin]["at"] < one["at"] - 1:
            begin += 1
        if end - begin > most and paused(entries[begin:end + 1]) < least:
            return [f"{end - begin} requests and statements in one second, and nothing has changed"]
    return []


def paused(entries):
    """Seconds, in all, in which there was none of them for a while."""
    gaps = (after["at"] - before["at"] for before, after in itertools.pairwise(entries))
    return sum(gap for gap in gaps if gap > 0.03)


def has_changed(entry):
    """Not what was refused."""
    return changes(entry) and (entry["on"] == "statement" or 200 <= (entry.get("status") or 0) < 300)


def came_too_soon(world):
    """A request that was told to wait and came again before that."""
    found = []
    told = {}
    for one in world.record.entries("request"):
        key = one["verb"], one["path"]
        if one["at"] < told.get(key, 0):
            found.append(f"{key} again {told[key] - one['at']:.1f} s too soon after Retry-After")
        if one.get("retry_after") and one["status"] == 429:
            told[key] = one["at"] + one["retry_after"] - 0.1
    return found


def against_the_user(world):
    """What ended something although the user had just changed what it was for: the operator may not
    know that yet, but it can ask."""
    return [f"{what_of(one)}, although meanwhile {change}"
            for began, ended, change in world.user.changes for one in world.record.changes()
            if began < one["at"] < ended and ENDING.match(what_of(one))]


def what_of(entry):
    return entry.get("text") or f"{entry['verb']} {entry['path']}"


def stale_lists(world):
    """With a resourceVersion a list may be older than what was seen before."""
    return [f"{one['verb']} {one['path']} at resourceVersion {one['version']}"
            for one in world.record.entries("request")
            if one["path"].endswith("?list") and one["version"]]


def complaints(keeper, done_to_it=()):
    """A process that has lost its Lease must end, and has no other reason to. It has lost it when it was
    stolen, and when it could not renew it for 10 s: a machine that has no time for it is none of its
    faults, nor is a server that is away. One whose credentials were replaced can renew it."""
    said = [line["message"] for line in keeper.lines() if line["level"] == "error"]
    lost = [line["why"] for line in keeper.lines("the lease is lost")]
    ends = [code for code in keeper.unexpected if code != 1]
    if len(keeper.unexpected) > len(lost):
        ends = keeper.unexpected
    found = [f"the operator ended by itself with {code}" for code in ends]
    found += [f"the operator says: {line}" for line in said if line != "the lease is lost"]
    if "rotate" in done_to_it:
        found += [f"the lease is lost after a rotation: {why}" for why in lost]
    thefts, noticed = list(done_to_it).count("steal"), lost.count("another has it")
    if thefts != noticed:
        found.append(f"the lease was stolen {thefts} times, and the operator ended {noticed} times of that")
    return found


def robs_the_thief(entries):
    """Whoever has read in the Lease that it is another's writes no more, and takes it when it is over."""
    found = []
    until = seen = None
    for one in entries:
        at_lease = one["path"].startswith("leases/")
        if one.get("stolen_for"):
            until, seen = one["at"] + one["stolen_for"], None
        elif until and at_lease and one["verb"] == "GET" and one["status"] == 200:
            seen = seen or one["at"] + one["took"]
        elif until and at_lease and one["status"] == 200:
            if one["at"] < until:
                found.append(f"took the Lease {until - one['at']:.1f} s too early")
            until = None
        elif until and seen and changes(one) and one["at"] > seen + NOTICED:
            found.append(f"{one['verb']} {one['path']} {one['at'] - seen:.1f} s after the theft was read")
    return found
