"""From the results of a run to tables."""
import statistics

# As they are in every table.
PROGRAMS = ("curl", "bare-write", "ours", "controller-runtime", "controller-runtime, tuned", "kube-rs",
            "kube-rs, debounced")


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def spread(values, digits=1):
    """The median, and from where to where when there were several."""
    middle = f"{statistics.median(values):.{digits}f}"
    if len(values) < 2:
        return middle
    return f"{middle} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def whole(values):
    return spread(values, 0)


def by_name(results):
    """Results of the same program together."""
    found = {name: [one for one in results if one["name"] == name] for name in PROGRAMS}
    return {name: mine for name, mine in found.items() if mine}


def table(head, rows):
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def field(results, key):
    return [result[key] for result in results]


def cold(results):
    rows = []
    curl = statistics.median(r["seconds"] for r in results if r["name"] == "curl")
    for name, mine in by_name(results).items():
        seconds = field(mine, "seconds")
        row = [name, spread(seconds), f"{statistics.median(seconds) / curl:.1f}", spread(field(mine, "cpu"), 2)]
        if name == "curl":
            row += ["", "", ""]
        else:
            row += [whole(field(mine, "peak")), whole(field(mine, "steady")), kinds_of_list(mine[-1])]
        rows.append(row)
    return table(["", "seconds", "× curl", "CPU seconds", "peak MB", "steady MB", "requests"], rows)


def kinds_of_list(result):
    parts = []
    if result["lists"]:
        parts.append(f"{result['lists']} LIST")
    if result["watchlists"]:
        parts.append(f"{result['watchlists']} streamed")
    return ", ".join(parts) or "none"


def latency(results):
    rows = []
    for name, mine in by_name(results).items():
        acked = [ms for result in mine for ms in result["acked"]]
        rows.append([name, str(len(acked)), *(f"{quantile(acked, q):.1f}" for q in (0.5, 0.9, 0.99)),
                     spread(field(mine, "p50")), spread(field(mine, "p99"))])
    return table(["", "n", "p50 ms", "p90", "p99", "p50 of rounds", "p99 of rounds"], rows)


def burst(results):
    rows = []
    programs = by_name(results)
    for name, mine in programs.items():
        left = [(one["right"] - one["scaled"]) * 1000 for one in mine]
        pairs = list(zip(programs["ours"], mine))
        sooner = sum(ours["right"] < other["right"] for ours, other in pairs)
        rows.append([name, spread(field(mine, "scaled"), 2), spread(field(mine, "right"), 2), whole(left),
                     whole(field(mine, "writes")), "" if name == "ours" else f"{sooner} of {len(pairs)}"])
    return table(["", "all events acknowledged, s", "all sums right, s", "of that after the last event, ms", "writes",
                  "rounds in which ours was sooner"], rows)


def lists(results):
    rows = [[name, kinds_of_list(mine[-1]), spread(field(mine, "seconds")), whole(field(mine, "peak"))]
            for name, mine in by_name(results).items()]
    return table(["", "requests", "seconds", "peak MB"], rows)


def tables(results):
    parts = []
    for count in sorted({r["count"] for r in results["cold"]}):
        mine = [r for r in results["cold"] if r["count"] == count]
        parts.append(f"## Cold start, {count:,} Deployments\n\n{COLD}\n{cold(mine)}")
    if results["latency"]:
        parts.append(f"## From a scale event to the sum\n\n{LATENCY}\n{latency(results['latency'])}")
    for part, text, what in (("burst", BURST, burst), ("restart", RESTART, lists), ("move", MOVE, lists)):
        if results[part]:
            head, body = text.split("\n", 1)
            parts.append(f"## {head.format(**results[part][0])}\n\n{body}\n{what(results[part])}")
    return "\n".join(parts)


def document(results, facts):
    return HEAD.format(**facts) + "\n" + tables(results)


HEAD = """# Benchmarks

The same job done with this project's runtime and with two others, side by side in one run of
`hack/bench`, which wrote this file: watch all Deployments, keep one ConfigMap for each of ten databases
with the sum of the replicas of its Deployments, by server-side apply. The programs are in `tests/bench`.

* **ours**: `include/pgrightsizer/runtime`; sums a burst up before it writes (`tests/bench/burst.h`).
* **controller-runtime** {controller_runtime}: typed cache, every default.
* **controller-runtime, tuned**: a transform that keeps what is needed, an index, no deep copies, 10 workers.
* **kube-rs** {kube}: streamed lists, a type of the wanted fields only, the rest dropped before it is stored;
  *debounced*: the same, waiting for 50 ms of quiet.

Machine: {machine}. kube-apiserver {kubernetes} and etcd (without fsync) on the same machine, over TLS.
Load average at the start {load}: what else ran on the machine is in the numbers, and the rounds are
interleaved so that it is in everyone's. Numbers are medians, with the smallest and the largest of the rounds in parentheses.
Deployments have 5.8 kB of protobuf and are the same in every run.
"""
COLD = """From the start of the process until its cache is complete, beside `curl` fetching the same list as
protobuf. Peak and steady memory are the kernel's VmHWM and, 30 s later, VmRSS.
"""
LATENCY = """Milliseconds from the acknowledgement of the scale request until a watcher sees the new sum. The
bare write is done by whoever scaled, as soon as it has the acknowledgement.
"""
BURST = """{events:,} scale events at once
By 32 writers, on ten databases. Writes are counted in the API server's audit log. Most of the time is
the API server's, for the events themselves; a program has its share in it by what it costs meanwhile.
"""
RESTART = """API server restarted under {count:,} Deployments
Killed and started again. Seconds from its being ready until a scale event has gone all the way.
Peak memory since the restart.
"""
MOVE = """Moved to another API server under {count:,} Deployments
Its connections break and the next lead to a second API server on the same etcd, which has been
running all the while. Seconds from then until a scale event has gone all the way.
"""
